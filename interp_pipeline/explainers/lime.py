"""LIME: a weighted linear surrogate around each row, fitted by the lime library.

Numeric features enter as quartile bins of the background data, categories as themselves, missing as
a bin of its own; the surrogate is lime's ridge regression on "same bin as the explained row".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.inputs import Inputs, TimeLimit, used_features
from interp_pipeline.explainers.lime_neighbourhood import Neighbourhood
from interp_pipeline.explanation import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.protocol import ExplainableModel
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["Lime"]

_REMEDY = "allow more, explain fewer rows, or lower lime_samples"


class Lime:
    """Local surrogates: not additive to the prediction; ``local_r2`` says how well each fits.

    Deterministic for a seed; a row's weights do not depend on the rows beside it. All rows share
    one set of ``lime_samples`` perturbed rows (see ``lime_neighbourhood``): rows can be compared
    without sampling noise between them, and the errors of different rows are correlated. Costs
    lime_samples + n_rows model evaluations and one ridge fit per row and output.
    """

    name = "lime"

    def refusal(self, model: ExplainableModel, config: ExplainConfig) -> str | None:
        """Why not: more features to fit than rows to fit them on."""
        needed = len(used_features(model)) + 2
        if config.lime_samples < needed:
            return f"lime_samples={config.lime_samples} cannot fit {needed - 2} features; allow at least {needed}"
        return None

    def explain(
        self,
        model: ExplainableModel,
        rows: pd.DataFrame,
        background: pd.DataFrame,
        config: ExplainConfig,
        advance: Callable[[int], None],
    ) -> Explanation:
        """Attribute the model's outputs to its raw features; see ``Explainer.explain``.

        Values are the surrogate's weights, base values its intercepts.

        Raises:
            UsageError: a table is empty or lacks a feature.
            ModelError: the method refuses this model, or ``max_seconds`` is not enough.
        """
        reason = self.refusal(model, config)
        if reason is not None:
            msg = f"{self.name}: {reason}"
            raise ModelError(msg)
        limit = TimeLimit(self.name, config.max_seconds)
        inputs = Inputs.encode(model, rows, background)
        used = list(used_features(model))
        matrix = model.to_matrix(inputs.data)
        predictions = np.asarray(model.forward(inputs.rows), dtype=np.float64)
        n_rows, n_outputs = predictions.shape
        values = np.zeros((n_rows, matrix.shape[1], n_outputs))
        intercepts, local_r2 = predictions.copy(), np.ones((n_rows, n_outputs))
        if used:
            neighbours = _neighbours(model, background, config)
            outputs = _outputs(model, neighbours.rows, matrix)
            for i in range(n_rows):
                fitted = _fit(neighbours, matrix[i, used], predictions[i], outputs)
                values[i, used], intercepts[i], local_r2[i] = fitted
                advance(1)
                limit.require((i + 1) / n_rows, _REMEDY)
        else:  # a model that reads no feature is constant: its surrogate is its output
            advance(n_rows)
        return inputs.explanation(
            method=self.name,
            config=config,
            values=values,
            base_values=intercepts,
            predictions=predictions,
            local_r2=local_r2,
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=n_rows + config.lime_samples - 1),
        )


def _neighbours(model: ExplainableModel, background: pd.DataFrame, config: ExplainConfig) -> Neighbourhood:
    """Perturbed rows over the used features, drawn from the background's distribution."""
    used = used_features(model)
    training = model.to_matrix(background[list(model.feature_names)])[:, used]
    n_categories = {
        position: len(model.categories[model.feature_names[feature]])
        for position, feature in enumerate(used)
        if model.feature_names[feature] in model.categories
    }
    return Neighbourhood(training, n_categories, config.lime_samples, config.seed)


def _outputs(model: ExplainableModel, perturbed: FloatArray, matrix: FloatArray) -> FloatArray:
    """The model's outputs for the perturbed rows, shape (n_samples - 1, n_outputs).

    Features the model does not read are given the first explained row's values.
    """
    complete = np.repeat(matrix[:1], len(perturbed), axis=0)
    complete[:, used_features(model)] = perturbed
    return np.asarray(model.forward(model.encode(complete)), dtype=np.float64)


def _fit(
    neighbours: Neighbourhood, row: FloatArray, prediction: FloatArray, outputs: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fit one row's surrogates.

    Args:
        neighbours: the perturbed rows.
        row: explained row, its used features, shape (n_used,).
        prediction: its outputs, shape (n_outputs,).
        outputs: those of the perturbed rows, shape (n_samples - 1, n_outputs).

    Returns:
        Weights (n_used, n_outputs), intercepts (n_outputs,) and weighted R² (n_outputs,).
    """
    agrees, distances = neighbours.interpret(row)
    targets = np.vstack([prediction, outputs])
    n_outputs = targets.shape[1]
    weights, intercepts, local_r2 = np.empty((len(row), n_outputs)), np.empty(n_outputs), np.empty(n_outputs)
    for output in range(n_outputs):
        intercept, ranked, score, _ = neighbours.base.explain_instance_with_data(
            agrees, targets, distances, output, len(row), feature_selection="none"
        )
        intercepts[output], local_r2[output] = intercept, score
        for feature, weight in ranked:
            weights[feature, output] = weight
    return weights, intercepts, local_r2
