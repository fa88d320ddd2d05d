"""LIME: a weighted linear surrogate around each row, with the numbers of the lime library.

Numeric features enter as quartile bins of the background data, categories as themselves, missing as
a bin of its own; the surrogate is lime's ridge regression on "same bin as the explained row". lime
itself is not needed: tests hold the two together, bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.inputs import Inputs, TimeLimit, used_features
from interp_pipeline.explainers.lime_neighbourhood import Neighbourhood
from interp_pipeline.explainers.lime_surrogate import Surrogates, lime_kernel_width
from interp_pipeline.explainers.method import Method
from interp_pipeline.explanation import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
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

    method = Method(
        name="lime",
        words="LIME weights of any model: a simple model around each row, with its R²",
        kind="lime",
        why=lambda _model, _config: "LIME gives a second opinion by an independent method.",
    )

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
            ModelError: the method refuses this model, the background holds an infinite number, an
                output is not finite, or ``max_seconds`` is not enough.
        """
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # it has no types

        reason = self.refusal(model, config)
        if reason is not None:
            msg = f"{self.method.name}: {reason}"
            raise ModelError(msg)
        limit = TimeLimit(self.method.name, config.max_seconds)
        inputs = Inputs.encode(model, rows, background)
        used = list(used_features(model))
        matrix = model.to_matrix(inputs.data)
        predictions = _predictions(model, inputs.rows)
        n_rows, n_outputs = predictions.shape
        values = np.zeros((n_rows, matrix.shape[1], n_outputs))
        intercepts, local_r2 = predictions.copy(), np.ones((n_rows, n_outputs))
        if used:
            neighbours = _neighbours(model, background, config)
            outputs = _outputs(model, neighbours.rows, matrix)
            width, most = config.lime_kernel_width, config.lime_features
            surrogates = Surrogates(neighbours.codes, outputs, kernel_width=width, most=most)
            codes = neighbours.encode(matrix[:, used])
            several = threadpool_limits(limits=1, user_api="blas")  # several threads may add in another order
            with several, np.errstate(over="ignore", invalid="ignore"):  # which is looked for below
                for i in range(n_rows):
                    fitted = surrogates.fit(codes[i], predictions[i])
                    values[i, used], intercepts[i], local_r2[i] = fitted
                    advance(1)
                    limit.require((i + 1) / n_rows, _REMEDY)
            _require_finite(predictions, values, intercepts, local_r2)
        else:  # a model that reads no feature is constant: its surrogate is its output
            advance(n_rows)
        return inputs.explanation(
            method=self.method.name,
            config=config,
            values=values,
            base_values=intercepts,
            predictions=predictions,
            local_r2=local_r2,
            details=_chosen(config, len(used)),
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=n_rows + config.lime_samples - 1),
        )


def _chosen(config: ExplainConfig, n_used: int) -> dict[str, float]:
    """What was chosen or, where nothing was, taken: for the manifest and the picture."""
    width = lime_kernel_width(n_used) if config.lime_kernel_width is None else config.lime_kernel_width
    most = n_used if config.lime_features is None else min(config.lime_features, n_used)
    return {"samples": config.lime_samples, "kernel_width": width, "features": most}


def _predictions(model: ExplainableModel, encoded: FloatArray) -> FloatArray:
    """The outputs of the explained rows, shape (n_rows, n_outputs).

    Asked one by one where they may depend, in the last bits, on the rows beside them: in a network
    they do, in a tree they do not.
    """
    size = len(encoded) if model.trees is not None else 1
    parts = [model.forward(encoded[i : i + size]) for i in range(0, len(encoded), size)]
    return _finite(np.concatenate(parts), "rows to explain")


def _finite(outputs: FloatArray, what: str) -> FloatArray:
    """The outputs as doubles.

    Raises:
        ModelError: one of them is not finite, and no line can be fitted to it.
    """
    outputs = np.asarray(outputs, dtype=np.float64)
    n_bad = int((~np.isfinite(outputs)).any(axis=1).sum())
    if n_bad:
        msg = (
            f"lime: the model's output is not a finite number for {n_bad} of {len(outputs)} {what}, "
            "so no surrogate can be fitted to it; see which inputs the model cannot take, or leave lime out"
        )
        raise ModelError(msg)
    return outputs


def _require_finite(predictions: FloatArray, *fitted: FloatArray) -> None:
    """Refuse surrogates of outputs whose squares no double holds.

    Raises:
        ModelError: a number of theirs is not finite.
    """
    if not all(np.isfinite(array).all() for array in fitted):
        msg = (
            f"lime: the model's outputs, up to {np.abs(predictions).max():.3g}, are too large for a surrogate, which "
            "is fitted by their squares; let the model predict in a larger unit, or leave lime out"
        )
        raise ModelError(msg)


def _neighbours(model: ExplainableModel, background: pd.DataFrame, config: ExplainConfig) -> Neighbourhood:
    """Perturbed rows over the used features, drawn from the background's distribution.

    Raises:
        ModelError: an infinite number, of which there are no quartiles.
    """
    used = used_features(model)
    training = model.to_matrix(background[list(model.feature_names)])[:, used]
    infinite = np.argwhere(np.isinf(training))
    if len(infinite):
        row, position = infinite[0]
        msg = (
            f"lime: feature {model.feature_names[used[position]]!r} is infinite in row {background.index[row]} of the "
            "background data, and an infinite number has no quartile; explain with other background data, or leave "
            "lime out"
        )
        raise ModelError(msg)
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
    return _finite(model.forward(model.encode(complete)), "perturbed rows")
