"""Exact SHAP values of tree ensembles against background data, read from the trees themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.explainers.inputs import TimeLimit, with_unused
from interp_pipeline.explainers.method import Method
from interp_pipeline.explainers.tree_inputs import TreeInputs, tree_refusal, watched
from interp_pipeline.explanation import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explanation import Explanation

__all__ = ["ShapTree"]


class ShapTree:
    """Interventional SHAP values: exact to rounding, deterministic on any number of threads.

    An absent feature has a background row's value. Costs O(n_rows * n_background * leaves reached);
    asks the model nothing beyond the predictions of the rows and the background, which prove that
    the trees were read right. The algorithm is described in ``kernels.interventional``.
    """

    method = Method(
        name="shap_tree",
        words="exact SHAP values of trees, forests and boosted trees",
        reads_trees=True,
        why=lambda _model, _config: (
            "The model is a tree or a forest, whose SHAP values can be read from the trees exactly."
        ),
    )

    def refusal(self, model: ExplainableModel, config: ExplainConfig) -> str | None:
        """Why not: no trees, trees of an unknown kind, or trees whose sum is not the model's output."""
        del config
        return tree_refusal(model)

    def explain(
        self,
        model: ExplainableModel,
        rows: pd.DataFrame,
        background: pd.DataFrame,
        config: ExplainConfig,
        advance: Callable[[int], None],
    ) -> Explanation:
        """Attribute the model's outputs to its raw features; see ``Explainer.explain``.

        A row's values depend on that row and the background alone, not on the rows beside it.

        Raises:
            UsageError: a table is empty or lacks a feature.
            ModelError: the method refuses this model, ``max_seconds`` is not enough, or columns and
                features do not belong together.
        """
        from interp_pipeline.explainers.trees.interventional_values import interventional_values

        limit = TimeLimit(self.method.name, config.max_seconds)
        trees = TreeInputs.read(self.method.name, model, rows, background)
        values = interventional_values(
            trees.forest,
            trees.rows,
            trees.background,
            trees.players,
            len(trees.used),
            watched(limit, advance, len(rows)),
        )
        return trees.inputs.explanation(
            method=self.method.name,
            config=config,
            values=with_unused(values, trees.used, len(model.feature_names)),
            base_values=trees.background_outputs.mean(axis=0),
            predictions=trees.predictions,
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=0),
        )
