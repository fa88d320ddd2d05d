"""The perturbed rows LIME learns from, drawn once and shared by all explained rows.

lime draws a row's neighbours from the distribution of the training data, not around the row: with
the same seed, two rows get the very same neighbours, and only the yes/no question "does this
neighbour have the row's own bin or category here?" differs. So one set, predicted once, serves all
rows, and each row's numbers are those of a fresh ``LimeTabularExplainer(random_state=seed)``.
Method: Ribeiro, Singh, Guestrin, "Why should I trust you?", 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interp_pipeline.explainers.lime_bins import QuartileBins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.explanation import FloatArray

__all__ = ["CodeArray", "Neighbourhood"]

CodeArray = npt.NDArray[np.int32]


class Neighbourhood:
    """Perturbed rows, as values and as codes: a number's bin, a category's code.

    Attributes:
        rows: perturbed rows in the model's matrix space, missing as NaN, shape (n_samples - 1, n_features).
        codes: the same rows as codes, shape (n_samples - 1, n_features), column after column in memory.
    """

    def __init__(self, training: FloatArray, n_categories: Mapping[int, int], n_samples: int, seed: int) -> None:
        """Draw the neighbours.

        Args:
            training: rows whose distribution is drawn from, shape (n_rows, n_features), NaN for missing.
            n_categories: categorical columns and how many codes each has.
            n_samples: neighbours, the explained row itself counted as the first.
            seed: of all draws.
        """
        n_features = training.shape[1]
        self._n_categories = n_categories
        self._bins = {i: QuartileBins(training[:, i]) for i in range(n_features) if i not in n_categories}
        random = np.random.RandomState(seed)  # lime's generator, so that lime's numbers can be repeated
        self.codes: CodeArray = np.empty((n_samples - 1, n_features), dtype=np.int32, order="F")
        for i, column in enumerate(self.encode(training).T):  # the order and the size of lime's own draws
            codes, counts = np.unique(column, return_counts=True)
            drawn = random.choice(codes, size=n_samples, replace=True, p=counts / float(counts.sum()))
            self.codes[:, i] = drawn[1:]
        self.rows: FloatArray = np.empty(self.codes.shape)
        for i, codes in enumerate(self.codes.T):
            if i in self._bins:
                self.rows[:, i] = self._bins[i].draw(codes, random)
            else:
                self.rows[:, i] = np.where(codes == n_categories[i], np.nan, codes)

    def encode(self, matrix: FloatArray) -> CodeArray:
        """Rows as codes; a missing value has a code of its own, one more than there are otherwise.

        Args:
            matrix: shape (n_rows, n_features), NaN for missing.

        Returns:
            Shape of ``matrix``.
        """
        codes: CodeArray = np.empty(matrix.shape, dtype=np.int32)
        for i, column in enumerate(matrix.T):
            missing = self._n_categories.get(i)
            codes[:, i] = self._bins[i].number(column) if missing is None else np.nan_to_num(column, nan=missing)
        return codes
