"""Ask a model about rows that are part explained row, part background row.

The game explained here is the interventional one: a coalition S of features is worth the mean,
over background rows z, of the model's output on the row that has the values of x for the features
in S and those of z for the others. By linearity its Shapley values are the mean over z of those of
the single games (x, z), and in a single game a feature on which x and z agree is a dummy. Both
sampling and enumeration therefore work on *pairs* and only on the features that differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interp_pipeline.explainers.inputs import column_owners, used_features

if TYPE_CHECKING:
    from interp_pipeline.explainers.inputs import Inputs
    from interp_pipeline.explanation import FloatArray

__all__ = ["BLOCK_ROWS", "BoolArray", "IndexArray", "MaskedModel"]

BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]

BLOCK_ROWS = 16_384  # rows per call of the model: amortises the call, and the block stays in cache


class MaskedModel:
    """A model whose features can be masked with background rows, in the estimator's input.

    Attributes:
        players: indices of the raw features that take part, length n_players.
        background_outputs: the model's outputs for the background, shape (n_background, n_outputs).
        n_evaluations: rows the model was asked about so far.
    """

    def __init__(self, inputs: Inputs) -> None:
        """Evaluate the background.

        Args:
            inputs: encoded rows and background.

        Raises:
            ModelError: columns and features do not belong together.
        """
        self._forward = inputs.model.forward
        self._background = np.ascontiguousarray(inputs.background)
        owners = column_owners(inputs.model, self._background.shape[1])
        self._owned: BoolArray = owners >= 0
        self._owners: IndexArray = np.maximum(owners, 0)
        self.players = used_features(inputs.model)
        self.n_evaluations = 0
        self.background_outputs = self._ask(self._background)

    @property
    def n_background(self) -> int:
        """Number of background rows."""
        return len(self._background)

    @property
    def base_value(self) -> FloatArray:
        """Mean output over the background, shape (n_outputs,)."""
        return np.asarray(self.background_outputs.mean(axis=0), dtype=np.float64)

    def _ask(self, encoded: FloatArray) -> FloatArray:
        self.n_evaluations += len(encoded)
        return np.asarray(self._forward(encoded), dtype=np.float64)

    def predict(self, row: FloatArray) -> FloatArray:
        """Outputs for one encoded row (n_columns,), shape (n_outputs,).

        Asked on its own, so that a row's numbers do not depend on which rows came with it: a
        network's last bits may differ with the size of the batch.
        """
        return np.asarray(self._ask(row[np.newaxis])[0], dtype=np.float64)

    def differing(self, row: FloatArray) -> BoolArray:
        """On which players an encoded row differs from each background row.

        Args:
            row: shape (n_columns,).

        Returns:
            Shape (n_background, n_players); two missing values agree.
        """
        both_missing = np.isnan(row) & np.isnan(self._background)
        differs = (self._background != row) & ~both_missing & self._owned
        result = np.zeros((self.n_background, len(self.players)), dtype=np.bool_)
        rows, columns = np.nonzero(differs)
        result[rows, self._owners[columns]] = True
        return result

    def outputs(self, row: FloatArray, background_rows: IndexArray, coalitions: BoolArray) -> FloatArray:
        """Outputs where each coalition has the row's values and the other players a background row's.

        Args:
            row: encoded, shape (n_columns,).
            background_rows: which background row fills each query, shape (n_queries,).
            coalitions: shape (n_queries, n_players).

        Returns:
            Shape (n_queries, n_outputs). Queries are asked in blocks of ``BLOCK_ROWS``.
        """
        result = np.empty((len(background_rows), self.background_outputs.shape[1]))
        for start in range(0, len(background_rows), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            masked = self._background.take(background_rows[block], axis=0)
            np.copyto(masked, row, where=coalitions[block].take(self._owners, axis=1) & self._owned)
            result[block] = self._ask(masked)
        return result
