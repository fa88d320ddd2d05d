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

from interp_pipeline.explainers.lime_discretizer import missing_aware_quartiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.explanation import FloatArray

__all__ = ["Neighbourhood"]


class Neighbourhood:
    """Perturbed rows and, per explained row, the interpretable features and distances.

    Attributes:
        rows: perturbed rows in the model's matrix space, missing as NaN, shape (n_samples - 1, n_features).
        base: lime's own ``LimeBase``, which weights, fits and scores the surrogate.
    """

    def __init__(self, training: FloatArray, n_categories: Mapping[int, int], n_samples: int, seed: int) -> None:
        """Draw the neighbours.

        Args:
            training: rows whose distribution is drawn from, shape (n_rows, n_features), NaN for missing.
            n_categories: categorical columns and how many codes each has.
            n_samples: neighbours, the explained row itself counted as the first.
            seed: of all draws.
        """
        from lime.lime_tabular import LimeTabularExplainer

        self._n_categories = n_categories
        random = np.random.RandomState(seed)  # lime's generator, so that lime's numbers can be repeated
        coded = self._missing_as_code(training)
        self._discretizer = missing_aware_quartiles(coded, list(n_categories), random)
        # lime is shown bins and categories alike as codes, of which it keeps the frequencies.
        explainer = LimeTabularExplainer(
            self._discretizer.discretize(coded),
            categorical_features=range(training.shape[1]),
            discretize_continuous=False,
            random_state=random,
        )
        self.base = explainer.base
        codes = np.empty((n_samples, training.shape[1]))
        for column in range(training.shape[1]):  # the order and the size of lime's own draws
            codes[:, column] = random.choice(
                explainer.feature_values[column],
                size=n_samples,
                replace=True,
                p=explainer.feature_frequencies[column],
            )
        self._codes = codes[1:]
        self.rows = self._discretizer.undiscretize(self._codes)
        for column, n_codes in n_categories.items():
            self.rows[self.rows[:, column] == n_codes, column] = np.nan

    def interpret(self, row: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What a row's surrogate is fitted on.

        Args:
            row: explained row in matrix space, shape (n_features,).

        Returns:
            Agreement with the row as 0 and 1, the row itself first, shape (n_samples, n_features);
            distance of each to the row, shape (n_samples,).
        """
        own = self._discretizer.discretize(self._missing_as_code(row[np.newaxis]))[0]
        agrees = np.ones((len(self._codes) + 1, len(row)))
        agrees[1:] = self._codes == own
        # The Euclidean distance between rows of zeros and ones, the explained row being all ones.
        return agrees, np.sqrt((1.0 - agrees).sum(axis=1))

    def _missing_as_code(self, matrix: FloatArray) -> FloatArray:
        """Missing categories as one code more than there are; numeric columns as they are."""
        coded = np.array(matrix, dtype=np.float64)
        for column, n_codes in self._n_categories.items():
            coded[np.isnan(coded[:, column]), column] = n_codes
        return coded
