"""What every explainer does before and after its own algorithm: check, encode, assemble."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explanation import Cost, Explanation

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explanation import FloatArray

__all__ = ["Inputs", "TimeLimit", "column_owners", "used_features", "with_unused"]


def used_features(model: ExplainableModel) -> tuple[int, ...]:
    """Indices of the raw features the estimator reads; the others have no columns in its input."""
    return tuple(i for i, columns in enumerate(model.column_groups) if columns)


def column_owners(model: ExplainableModel, n_columns: int) -> npt.NDArray[np.intp]:
    """Which used feature each column of the estimator's input belongs to.

    Args:
        model: the loaded model.
        n_columns: width of its estimator's input.

    Returns:
        Positions in ``used_features(model)``, shape (n_columns,); -1 for a column of no used
        feature, which the estimator is given and ignores.

    Raises:
        ModelError: a column is outside the input or belongs to several features, so that masking
            one of them would be undefined.
    """
    owners = np.full(n_columns, -1, dtype=np.intp)
    for position, feature in enumerate(used_features(model)):
        for column in model.column_groups[feature]:
            if not 0 <= column < n_columns or owners[column] >= 0:
                msg = (
                    f"column {column} of the estimator's input is claimed by feature {model.feature_names[feature]!r} "
                    f"and is taken or outside the {n_columns} columns; give each column to one feature"
                )
                raise ModelError(msg)
            owners[column] = position
    return owners


def with_unused(values: FloatArray, players: tuple[int, ...], n_features: int) -> FloatArray:
    """Values of the used features among those of all features, the unused ones exactly 0.

    Args:
        values: shape (n_rows, n_players, n_outputs).
        players: which features they belong to.
        n_features: number of raw features.

    Returns:
        Shape (n_rows, n_features, n_outputs).
    """
    result = np.zeros((values.shape[0], n_features, values.shape[2]))
    result[:, list(players)] = values
    return result


class TimeLimit:
    """The wall-clock budget of one explanation, and its stopwatch."""

    def __init__(self, method: str, max_seconds: float | None) -> None:
        """Start the clock.

        Args:
            method: explainer's name, for the message.
            max_seconds: None for no limit.
        """
        self._method = method
        self._max_seconds = max_seconds
        self._started = time.perf_counter()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._started

    @property
    def passed(self) -> bool:
        """Whether the budget is used up."""
        return self._max_seconds is not None and self.elapsed_s > self._max_seconds

    def require(self, done: float, remedy: str) -> None:
        """Give up where the budget is used up before the work is done.

        Args:
            done: share of the indispensable work that is finished, in (0, 1].
            remedy: what the caller can do, ending the message.

        Raises:
            ModelError: the budget is used up and ``done`` is below 1.
        """
        if done < 1 and self.passed:
            msg = (
                f"{self._method}: max_seconds={self._max_seconds:g} is not enough, "
                f"about {self.elapsed_s / done:.3g} s are needed; {remedy}"
            )
            raise ModelError(msg)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Explained rows and background, encoded once."""

    model: ExplainableModel
    data: pd.DataFrame  # explained rows, columns in the model's order
    rows: FloatArray  # as the estimator's input, shape (n_rows, n_columns)
    background: FloatArray  # shape (n_background, n_columns)

    @classmethod
    def encode(cls, model: ExplainableModel, rows: pd.DataFrame, background: pd.DataFrame) -> Inputs:
        """Check both tables and encode them.

        Raises:
            UsageError: a table is empty or lacks a feature.
        """
        names = list(model.feature_names)
        for what, table in (("rows to explain", rows), ("background data", background)):
            missing = [name for name in names if name not in table.columns]
            if missing:
                msg = f"the {what} lack the column {missing[0]!r}; the model needs {len(names)} columns"
                raise UsageError(msg)
            if table.empty:
                msg = f"the {what} are empty: give at least one row"
                raise UsageError(msg)
        data = rows[names]
        return cls(
            model=model,
            data=data,
            rows=model.encode(model.to_matrix(data)),
            background=model.encode(model.to_matrix(background[names])),
        )

    def explanation(  # noqa: PLR0913 - the fields of an explanation, keyword-only
        self,
        *,
        method: str,
        config: ExplainConfig,
        values: FloatArray,
        base_values: FloatArray,
        predictions: FloatArray,
        cost: Cost,
        std_errors: FloatArray | None = None,
        local_r2: FloatArray | None = None,
        details: Mapping[str, float] | None = None,
    ) -> Explanation:
        """Put the numbers of an algorithm together with the model's names.

        Args:
            method: explainer's name.
            config: for the seed.
            values: shape (n_rows, n_features, n_outputs).
            base_values: shape (n_outputs,), the same for all rows, or (n_rows, n_outputs).
            predictions: shape (n_rows, n_outputs).
            cost: seconds and model evaluations.
            std_errors: shape of ``values``, where they are estimates.
            local_r2: shape of ``predictions``, for LIME.
            details: further numbers.
        """
        return Explanation(
            values=values,
            base_values=np.broadcast_to(base_values, predictions.shape).copy(),
            predictions=predictions,
            data=self.data,
            output_names=self.model.output_names,
            output_unit=self.model.output_unit,
            positive_class=self.model.positive_class,
            method=method,
            seed=config.seed,
            cost=cost,
            std_errors=std_errors,
            local_r2=local_r2,
            details=dict(details or {}),
        )
