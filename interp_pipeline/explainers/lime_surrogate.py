"""The weighted ridge regression LIME fits around each row.

A row's interpretable features say "this neighbour has the row's own bin or category here". What
lime does with them for every row and output apart - weigh the neighbours, centre and scale, build
the normal equations - is done here once per row, in memory that is used again, and only the right
side and its solution once per output. The order of the operations and the arrays' layout are those
of scikit-learn's ``Ridge`` and ``r2_score`` under lime 0.2, so that the numbers are lime's to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interp_pipeline.explainers.lime_neighbourhood import CodeArray
    from interp_pipeline.explanation import FloatArray

__all__ = ["Surrogates"]

_KERNEL_WIDTH = 0.75  # lime's, times the root of the number of features
_PENALTY = 1.0  # lime's, on the squares of the weights


class Surrogates:
    """Fits one row after the other on the same neighbours.

    Deterministic for a given number of BLAS threads (more than one may add in another order): the
    caller sets it. Costs O(n_samples · n_features²) per row and O(n_samples · n_features) per output.
    """

    def __init__(self, codes: CodeArray, outputs: FloatArray) -> None:
        """Reserve the memory.

        Args:
            codes: of the neighbours, shape (n_samples - 1, n_features), column after column.
            outputs: the model's, for the neighbours, shape (n_samples - 1, n_outputs).
        """
        shape = (len(codes) + 1, codes.shape[1])
        self._codes = codes
        self._kernel_width = np.sqrt(codes.shape[1]) * _KERNEL_WIDTH
        self._agrees = np.ones(shape, order="F")  # the first row is the explained one
        self._centred = np.empty(shape, order="F")
        self._targets = np.empty((outputs.shape[1], shape[0]))
        self._targets[:, 1:] = outputs.T

    def fit(self, codes: CodeArray, prediction: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Fit one row's surrogates.

        Args:
            codes: of the explained row, shape (n_features,).
            prediction: its outputs, shape (n_outputs,).

        Returns:
            Weights (n_features, n_outputs), intercepts (n_outputs,) and weighted R² (n_outputs,).
        """
        from scipy import linalg

        self._agrees[1:] = self._codes == codes
        self._targets[:, 0] = prediction
        kernel = self._kernel()
        root = np.sqrt(kernel)
        offset = np.average(self._agrees, axis=0, weights=kernel)
        np.subtract(self._agrees, offset, out=self._centred)
        self._centred *= root[:, np.newaxis]
        normal = self._centred.T @ self._centred
        normal.flat[:: len(normal) + 1] += _PENALTY
        n_outputs = len(self._targets)
        weights, intercepts, local_r2 = np.empty((len(normal), n_outputs)), np.empty(n_outputs), np.empty(n_outputs)
        for k, target in enumerate(self._targets):
            mean = np.average(target, weights=kernel)
            right = self._centred.T @ ((target - mean) * root)[:, np.newaxis]
            solution = linalg.solve(normal, right, assume_a="pos").ravel()
            weights[:, k], intercepts[k] = solution, mean - offset @ solution
            local_r2[k] = _r2(target, self._agrees @ solution + intercepts[k], kernel)
        return weights, intercepts, local_r2

    def _kernel(self) -> FloatArray:
        """How much each neighbour counts, by its Euclidean distance to a row of nothing but ones."""
        distances = np.sqrt((1.0 - self._agrees).sum(axis=1))
        return np.asarray(np.sqrt(np.exp(-(distances**2) / self._kernel_width**2)), dtype=np.float64)


def _r2(target: FloatArray, fitted: FloatArray, kernel: FloatArray) -> float:
    """Weighted coefficient of determination; for a constant target 1 where it is met and 0 elsewhere."""
    weight: FloatArray = kernel[:, np.newaxis]  # columns, because a sum over a column's rows has bits of its own
    true, predicted = target[:, np.newaxis], fitted[:, np.newaxis]
    missed = _column_sum(weight * (true - predicted) ** 2)
    spread = _column_sum(weight * (true - np.average(true, axis=0, weights=kernel)) ** 2)
    if spread == 0:
        return float(missed == 0)
    return 1 - missed / spread


def _column_sum(column: FloatArray) -> float:
    return float(column.sum(axis=0)[0])
