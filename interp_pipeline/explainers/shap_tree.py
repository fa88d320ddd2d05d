"""Exact SHAP values of scikit-learn trees and forests, by shap's interventional TreeExplainer.

Lundberg et al., "From local explanations to global understanding with explainable AI for trees",
2020: per explained row, background row and tree, one walk over the leaves that either can reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.inputs import Inputs, TimeLimit, column_owners, used_features
from interp_pipeline.explainers.tree_arrays import fitted_trees, kernel_limit, tree_arrays
from interp_pipeline.explanation import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.protocol import ExplainableModel
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["ShapTree"]

_REMEDY = "allow more, explain fewer rows, or use a smaller background"
_CHUNK_ROWS = 8  # rows per call of shap: often enough for a progress bar, too short for shap's own


class ShapTree:
    """Reads the trees themselves: exact up to shap's single precision (about 1e-8), deterministic.

    Costs O(n_rows * n_background * leaves reached); asks the model nothing beyond the predictions
    of the rows and the background. One thread: a process pool was measured to cost more in
    starting up than it saves on 200 rows.
    """

    name = "shap_tree"

    def refusal(self, model: ExplainableModel, config: ExplainConfig) -> str | None:
        """Why not: no trees, trees of another kind, or more than shap's kernel can hold."""
        del config
        if model.trees is None:
            return "the model is not a scikit-learn tree or forest"
        trees = fitted_trees(model.trees)
        if not trees:
            return f"{type(model.trees).__name__} is not a tree or a forest that averages trees"
        wide = [name for name, group in zip(model.feature_names, model.column_groups, strict=True) if len(group) > 1]
        if wide:
            return f"feature {wide[0]!r} is spread over several columns, which the trees' SHAP values cannot join"
        return _output_mismatch(model, trees[0]) or kernel_limit(trees)

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
        reason = self.refusal(model, config)
        if reason is not None:
            msg = f"{self.name}: {reason}"
            raise ModelError(msg)
        limit = TimeLimit(self.name, config.max_seconds)
        inputs = Inputs.encode(model, rows, background)
        owners = column_owners(model, inputs.background.shape[1])
        explainer = _tree_explainer(model, inputs.background)
        predictions = np.asarray(model.forward(inputs.rows), dtype=np.float64)
        base_values = np.asarray(model.forward(inputs.background), dtype=np.float64).mean(axis=0)
        values = np.zeros((len(inputs.rows), len(model.feature_names), len(model.output_names)))
        owned = np.flatnonzero(owners >= 0)
        features = np.asarray(used_features(model), dtype=np.intp)[owners[owned]]
        for start in range(0, len(values), _CHUNK_ROWS):
            chunk = slice(start, start + _CHUNK_ROWS)
            values[chunk, features] = _shap_values(explainer, inputs.rows[chunk], values.shape[2])[:, owned]
            advance(len(values[chunk]))
            limit.require(min(chunk.stop, len(values)) / len(values), _REMEDY)
        return inputs.explanation(
            method=self.name,
            config=config,
            values=values,
            base_values=base_values,
            predictions=predictions,
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=0),
        )


def _output_mismatch(model: ExplainableModel, tree: Any) -> str | None:
    """Why the trees' outputs are not the model's, in words; None if they are."""
    n_values, n_outputs = tree.value.shape[2], len(model.output_names)
    if tree.n_outputs != 1:
        return f"the trees predict {tree.n_outputs} targets at once"
    if n_values != n_outputs:
        return f"the trees give {n_values} outputs, the model {n_outputs}"
    if n_values == 1 and _is_classifier(model):
        return "the trees know one class only"
    return None


def _is_classifier(model: ExplainableModel) -> bool:
    return hasattr(model.trees, "classes_")


def _single_precision(encoded: FloatArray) -> FloatArray:
    """The numbers scikit-learn's trees compare with their thresholds, as doubles."""
    return encoded.astype(np.float32).astype(np.float64)


def _tree_explainer(model: ExplainableModel, background: FloatArray) -> Any:
    """TreeExplainer over the model's trees and the whole background."""
    import shap

    trees = fitted_trees(model.trees)
    arrays = [tree_arrays(tree, len(trees), classifier=_is_classifier(model)) for tree in trees]
    # By default the masker keeps 100 rows of the background and drops the rest without a word.
    masker = shap.maskers.Independent(_single_precision(background), max_samples=len(background))
    return shap.TreeExplainer(
        {"trees": arrays, "input_dtype": np.float32, "internal_dtype": np.float64},
        masker,
        feature_perturbation="interventional",
    )


def _shap_values(explainer: Any, rows: FloatArray, n_outputs: int) -> FloatArray:
    """Attributions of all outputs to the columns, shape (n_rows, n_columns, n_outputs)."""
    # Additivity is checked by our own check against the model's predictions, at 1e-6 and not at shap's 1e-2.
    values = np.asarray(explainer.shap_values(_single_precision(rows), check_additivity=False), dtype=np.float64)
    values = values.reshape(*rows.shape, -1)
    if values.shape[2] == n_outputs:
        return values
    first = -values.sum(axis=2, keepdims=True)  # probabilities sum to 1, their attributions to 0
    return np.concatenate([first, values], axis=2)
