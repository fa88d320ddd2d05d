"""Exact SHAP values of a model that is linear in its estimator's input, in closed form.

With outputs ``encoded @ coefficients + intercept``, the interventional Shapley value of a feature is
the sum, over its columns, of the coefficient times the column's distance from the background's mean
(Štrumbelj, Kononenko, "Explaining prediction models and individual predictions with feature
contributions", 2014): nothing interacts, so every order of the features gives the same gains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.inputs import Inputs, TimeLimit, column_owners, used_features, with_unused
from interp_pipeline.explainers.method import Method
from interp_pipeline.explanation import PROBABILITY, Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explanation import Explanation

__all__ = ["ShapLinear"]

_ROWS_AT_ONCE = 1024  # bounds the memory for one product per row and column


class ShapLinear:
    """Reads the coefficients: exact, additive to rounding, deterministic.

    Costs O(n_rows * n_columns * n_outputs); asks the model nothing beyond the predictions of the
    rows. Columns that encode one feature are one player.
    """

    method = Method(
        name="shap_linear",
        words="exact SHAP values of linear models",
        why=lambda _model, _config: (
            "The model is linear, and its SHAP values can be read from the coefficients exactly."
        ),
    )

    def refusal(self, model: ExplainableModel, config: ExplainConfig) -> str | None:
        """Why not: the model does not say that it is linear."""
        if model.linear is not None:
            return None
        asked_for_both = self.method.name in config.methods and config.output == PROBABILITY
        if asked_for_both and model.output_unit == PROBABILITY:
            return (
                "its probabilities are not linear in its input; "
                "a linear classifier's margin (of two classes the log-odds) is: explain that, with --output margin"
            )
        return "the model is not linear in its input"

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
            ModelError: the model is not linear, or its coefficients or columns do not belong together.
        """
        linear = model.linear
        if linear is None:
            msg = f"{self.method.name}: {self.refusal(model, config)}"
            raise ModelError(msg)
        limit = TimeLimit(self.method.name, config.max_seconds)
        inputs = Inputs.encode(model, rows, background)
        coefficients = np.asarray(linear.coefficients, dtype=np.float64)
        expected = inputs.rows.shape[1], len(model.output_names)
        if coefficients.shape != expected:
            msg = f"{self.method.name}: the coefficients have shape {coefficients.shape}, expected {expected}"
            raise ModelError(msg)
        owners = column_owners(model, expected[0])
        centre = inputs.background.mean(axis=0)
        players = used_features(model)
        values = np.zeros((len(inputs.rows), len(players), expected[1]))
        for start in range(0, len(values), _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            distance = inputs.rows[some] - centre
            for column in np.flatnonzero(owners >= 0):
                values[some, owners[column]] += distance[:, [column]] * coefficients[column]
            advance(len(distance))
        return inputs.explanation(
            method=self.method.name,
            config=config,
            values=with_unused(values, players, len(model.feature_names)),
            base_values=centre @ coefficients + linear.intercept,
            predictions=np.asarray(model.forward(inputs.rows), dtype=np.float64),
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=len(inputs.rows)),
        )
