"""Quartile bins for LIME in which "missing" is a bin of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.explanation import FloatArray

__all__ = ["missing_aware_quartiles"]

_STD_FLOOR = 1e-11  # lime adds this to every bin's standard deviation


def missing_aware_quartiles(matrix: FloatArray, categorical: Sequence[int], random_state: np.random.RandomState) -> Any:
    """Build a discretizer for lime's tabular explainer.

    lime's own stops at missing values. It also puts 0 in place of the value where all training
    values of a bin are equal to its bounds (constant columns, counts that are mostly 1): here such
    a bin gives back the value it holds. Everywhere else the numbers are lime's own.

    Args:
        matrix: training data, shape (n_rows, n_features), missing as NaN in numeric columns.
        categorical: columns that are codes already, not to be discretized.
        random_state: where values within a bin are drawn from.

    Returns:
        A ``lime.discretize.BaseDiscretizer``; a feature's bins count from 0, the highest number
        means missing.
    """
    from lime.discretize import BaseDiscretizer, QuartileDiscretizer

    class MissingAwareQuartiles(BaseDiscretizer):  # type: ignore[misc] # lime has no types
        """One of lime's quartile discretizers per column, each built on what was observed there."""

        def __init__(self) -> None:
            self.random_state = random_state
            self.names: dict[int, list[str]] = {}
            self.lambdas: dict[int, Any] = {}
            self.means: dict[int, list[float]] = {}
            self.stds: dict[int, list[float]] = {}
            self.mins: dict[int, list[float]] = {}
            self.maxs: dict[int, list[float]] = {}
            self.to_discretize = [i for i in range(matrix.shape[1]) if i not in set(categorical)]
            for feature in self.to_discretize:
                self._learn(feature, matrix[~np.isnan(matrix[:, feature]), feature])

        def _learn(self, feature: int, observed: FloatArray) -> None:
            if len(observed) == 0:  # nothing but missing: a bin for what the explained rows may hold
                observed = np.zeros(1)
            column = QuartileDiscretizer(observed[:, np.newaxis], [], [""], random_state=random_state)
            n_bins = len(column.means[0])
            to_bin = column.lambdas[0]
            self.lambdas[feature] = lambda values: np.where(np.isnan(values), n_bins, to_bin(values))
            self.names[feature] = [*column.names[0], "missing"]
            for mine, theirs in (("means", column.means), ("stds", column.stds)):
                getattr(self, mine)[feature] = theirs[0]
            self.mins[feature] = column.mins[0]
            self.maxs[feature] = column.maxs[0]

        def get_undiscretize_values(self, feature: int, values: Any) -> Any:
            """Draw a value within each bin; NaN for the missing bin."""
            observed = values < len(self.means[feature])
            bins = values[observed]
            drawn = super().get_undiscretize_values(feature, bins)
            means, stds = np.array(self.means[feature])[bins], np.array(self.stds[feature])[bins]
            result = np.full(values.shape, np.nan)
            result[observed] = np.where(stds <= 2 * _STD_FLOOR, means, drawn)
            return result

    return MissingAwareQuartiles()
