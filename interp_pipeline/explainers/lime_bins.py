"""LIME's quartile bins of a numeric column, with "missing" as a bin of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["QuartileBins"]

_STD_FLOOR = 1e-11  # lime adds this to every bin's standard deviation


class QuartileBins:
    """The bins of one column, and how values are drawn within them.

    A bin's values are drawn from the normal distribution of the training values in it, cut off at its
    bounds. All numbers are those of lime 0.2's ``QuartileDiscretizer``, to the bit, but for two
    things lime cannot do: missing values have the bin after the last, and where all training
    values of a bin equal its bounds (constant columns, counts that are mostly 1) the bin gives
    back the value it holds, where lime gives 0.

    Attributes:
        missing: number of the bin for missing values; the others count from 0.
    """

    def __init__(self, column: FloatArray) -> None:
        """Learn the bins.

        Args:
            column: training values, finite or NaN for missing, shape (n_rows,).
        """
        observed = column[~np.isnan(column)]
        if len(observed) == 0:  # nothing but missing: a bin for what the explained rows may hold
            observed = np.zeros(1)
        self._borders = np.unique(np.percentile(observed, [25, 50, 75]))
        self.missing = len(self._borders) + 1
        bins = np.searchsorted(self._borders, observed)
        held = [observed[bins == number] for number in range(self.missing)]
        self._means = np.array([values.mean() if len(values) else 0.0 for values in held])
        self._stds = np.array([values.std() if len(values) else 0.0 for values in held]) + _STD_FLOOR
        self._lowest = np.r_[observed.min(), self._borders]
        self._highest = np.r_[self._borders, observed.max()]

    def number(self, values: FloatArray) -> npt.NDArray[np.intp]:
        """The bin of each value, shape of ``values``."""
        return np.where(np.isnan(values), self.missing, np.searchsorted(self._borders, values))

    def draw(self, numbers: npt.NDArray[np.intp], random: np.random.RandomState) -> FloatArray:
        """Draw a value within each of the bins; NaN for the missing bin.

        Args:
            numbers: bins, shape (n_draws,).
            random: advanced as lime's own draw would advance it.

        Returns:
            Shape (n_draws,).
        """
        from scipy.stats import truncnorm

        observed = numbers < self.missing
        bins = numbers[observed]
        means, stds = self._means[bins], self._stds[bins]
        low, high = (self._lowest[bins] - means) / stds, (self._highest[bins] - means) / stds
        wide = low != high
        drawn = low.copy()
        drawn[wide] = truncnorm.rvs(low[wide], high[wide], loc=means[wide], scale=stds[wide], random_state=random)
        result = np.full(numbers.shape, np.nan)
        result[observed] = np.where(stds <= 2 * _STD_FLOOR, means, drawn)
        return result
