"""Which leaf a row reaches and what the forest adds up: the meaning of a packed forest, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray

__all__ = ["leaf_indices", "predict"]

_BITS = 64  # categories in a word of a set


class _Splits(NamedTuple):
    """A packed forest's arrays that decide where a row goes, under their names there."""

    column: npt.NDArray[np.int32]
    threshold: FloatArray
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    missing_left: npt.NDArray[np.bool_]
    category_set: npt.NDArray[np.int32]
    category_bits: npt.NDArray[np.uint64]
    unseen_left: npt.NDArray[np.bool_]
    root: npt.NDArray[np.int32]


def leaf_indices(forest: PackedForest, compared: FloatArray) -> npt.NDArray[np.int32]:
    """The leaf each row reaches in each tree.

    Args:
        forest: the trees.
        compared: rows as ``forest.as_compared`` gives them, shape (n_rows, n_columns).

    Returns:
        Numbers of nodes of the forest, shape (n_rows, n_trees).

    Raises:
        UsageError: the trees ask for a column the rows do not have.
    """
    leaves = np.empty((len(compared), len(forest.root)), dtype=np.int32)
    _fill(_splits(forest, compared), np.ascontiguousarray(compared, dtype=np.float64), leaves)
    return leaves


def predict(forest: PackedForest, compared: FloatArray) -> FloatArray:
    """The forest's outputs, its trees added to the offset one after the other.

    Args:
        forest: the trees.
        compared: rows as ``forest.as_compared`` gives them, shape (n_rows, n_columns).

    Returns:
        Shape (n_rows, n_outputs).

    Raises:
        UsageError: the trees ask for a column the rows do not have.
    """
    outputs = np.empty((len(compared), forest.n_outputs))
    outputs[:] = forest.offset
    _add(_splits(forest, compared), np.ascontiguousarray(compared, dtype=np.float64), forest.value, outputs)
    return outputs


def _splits(forest: PackedForest, compared: FloatArray) -> _Splits:
    """What the compiled loops read, after the one check that keeps them inside their arrays."""
    needed = int(forest.column.max(initial=-1)) + 1
    if compared.shape[1] < needed:
        msg = f"the rows have {compared.shape[1]} columns and the trees ask for {needed}: give the estimator's input"
        raise UsageError(msg)
    return _Splits(*(getattr(forest, name) for name in _Splits._fields))


@njit(cache=True, nogil=True)
def _goes_left(splits: _Splits, node: int, x: float) -> Any:
    if np.isnan(x):
        return splits.missing_left[node]
    row = splits.category_set[node]
    if row < 0:
        return x <= splits.threshold[node]
    if x < 0 or x >= _BITS * splits.category_bits.shape[1]:  # before it is made an integer: int(1e300) is undefined
        return splits.unseen_left[node]
    category = np.int64(x)
    return (splits.category_bits[row, category // _BITS] >> np.uint64(category % _BITS)) & np.uint64(1) != 0


@njit(cache=True, nogil=True)
def _leaf(splits: _Splits, tree: int, row: FloatArray) -> Any:
    node = splits.root[tree]
    while splits.left[node] >= 0:
        goes_left = _goes_left(splits, node, row[splits.column[node]])
        node = splits.left[node] if goes_left else splits.right[node]
    return node


@njit(cache=True, nogil=True)
def _fill(splits: _Splits, rows: FloatArray, leaves: npt.NDArray[np.int32]) -> None:
    for tree in range(len(splits.root)):  # outside, so that a tree's nodes stay in the cache
        for row in range(len(rows)):
            leaves[row, tree] = _leaf(splits, tree, rows[row])


@njit(cache=True, nogil=True)
def _add(splits: _Splits, rows: FloatArray, value: FloatArray, outputs: FloatArray) -> None:
    for tree in range(len(splits.root)):
        for row in range(len(rows)):
            leaf = _leaf(splits, tree, rows[row])
            for output in range(value.shape[1]):
                outputs[row, output] += value[leaf, output]
