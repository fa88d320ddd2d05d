"""Exact SHAP values of tree ensembles against the training rows counted in the trees."""

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

__all__ = ["ShapTreePathDependent"]


class ShapTreePathDependent:
    """Path-dependent SHAP values: exact to rounding, deterministic on any number of threads, no background.

    Where a feature is absent, a row goes both ways at its splits, weighted by the training rows that
    went there (Lundberg et al., "Consistent individualized feature attribution for tree ensembles",
    2018). Costs O(n_rows * leaves * distinct features on a path). Its base value is the trees' mean
    over training rows, not the mean over the background: compare such values only with such values.
    The algorithm is described in ``kernels.path_dependent``.
    """

    method = Method(
        name="shap_tree_path_dependent",
        words="exact SHAP values of the same models against their training rows, without background data",
        against_background=False,
        reads_trees=True,
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

        The background is used for nothing but to prove that the trees were read right. A row's values
        depend on that row alone.

        Raises:
            UsageError: a table is empty or lacks a feature.
            ModelError: the method refuses this model, ``max_seconds`` is not enough, or columns and
                features do not belong together.
        """
        from interp_pipeline.explainers.trees.path_dependent_values import expected_outputs, path_dependent_values

        limit = TimeLimit(self.method.name, config.max_seconds)
        trees = TreeInputs.read(self.method.name, model, rows, background)
        values = path_dependent_values(
            trees.forest, trees.rows, trees.players, len(trees.used), watched(limit, advance, len(rows))
        )
        return trees.inputs.explanation(
            method=self.method.name,
            config=config,
            values=with_unused(values, trees.used, len(model.feature_names)),
            base_values=expected_outputs(trees.forest),
            predictions=trees.predictions,
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=0),
        )
