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

__all__ = ["Surrogates", "lime_kernel_width"]

_KERNEL_WIDTH = 0.75  # lime's, times the root of the number of features
_PENALTY = 1.0  # lime's, on the squares of the weights
_CHOOSING_PENALTY = 0.01  # lime's, where features are chosen


class Surrogates:
    """Fits one row after the other on the same neighbours.

    Deterministic for a given number of BLAS threads (more than one may add in another order): the
    caller sets it. Costs O(n_samples · n_features²) per row and O(n_samples · n_features) per output.
    """

    def __init__(
        self, codes: CodeArray, outputs: FloatArray, *, kernel_width: float | None = None, most: int | None = None
    ) -> None:
        """Reserve the memory.

        Args:
            codes: of the neighbours, shape (n_samples - 1, n_features), column after column.
            outputs: the model's, for the neighbours, shape (n_samples - 1, n_outputs).
            kernel_width: distance at which a neighbour counts e^(-1/2); None: lime's own.
            most: features a surrogate has, those with the largest weights in a fit of all of them (lime's
                ``highest_weights``); the others weigh 0. None: all.
        """
        shape = (len(codes) + 1, codes.shape[1])
        self._codes = codes
        self.kernel_width = lime_kernel_width(codes.shape[1]) if kernel_width is None else kernel_width
        self._most = most if most is not None and most < codes.shape[1] else None
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
        self._agrees[1:] = self._codes == codes
        self._targets[:, 0] = prediction
        kernel = self._kernel()
        root = np.sqrt(kernel)
        offset = np.average(self._agrees, axis=0, weights=kernel)
        np.subtract(self._agrees, offset, out=self._centred)
        self._centred *= root[:, np.newaxis]
        normal = self._centred.T @ self._centred
        n_outputs = len(self._targets)
        weights, intercepts, local_r2 = np.empty((len(normal), n_outputs)), np.empty(n_outputs), np.empty(n_outputs)
        for k, target in enumerate(self._targets):
            mean = np.average(target, weights=kernel)
            right = self._centred.T @ ((target - mean) * root)[:, np.newaxis]
            solution = self._solved(normal, right)
            weights[:, k], intercepts[k] = solution, mean - offset @ solution
            local_r2[k] = _r2(target, self._agrees @ solution + intercepts[k], kernel)
        return weights, intercepts, local_r2

    def _solved(self, normal: FloatArray, right: FloatArray) -> FloatArray:
        """The ridge regression's weights, shape (n_features,)."""
        if self._most is None:
            return _ridge(normal, right, _PENALTY)
        first = np.abs(_ridge(normal, right, _CHOOSING_PENALTY))
        kept = np.sort(np.argsort(-first, kind="stable")[: self._most])
        weights = np.zeros(len(normal))
        weights[kept] = _ridge(normal[np.ix_(kept, kept)], right[kept], _PENALTY)
        return weights

    def _kernel(self) -> FloatArray:
        """How much each neighbour counts, by its Euclidean distance to a row of nothing but ones."""
        distances = np.sqrt((1.0 - self._agrees).sum(axis=1))
        return np.asarray(np.sqrt(np.exp(-(distances**2) / self.kernel_width**2)), dtype=np.float64)


def lime_kernel_width(n_features: int) -> float:
    """The width lime takes where none is given."""
    return float(np.sqrt(n_features) * _KERNEL_WIDTH)


def _ridge(normal: FloatArray, right: FloatArray, penalty: float) -> FloatArray:
    from scipy import linalg

    damped = normal.copy()
    damped.flat[:: len(damped) + 1] += penalty
    return np.asarray(linalg.solve(damped, right, assume_a="pos"), dtype=np.float64).ravel()


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
