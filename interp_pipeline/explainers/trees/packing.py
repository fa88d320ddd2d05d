"""What all readers do with node arrays: number children, make covers usable, write sets of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError

if TYPE_CHECKING:
    import numpy.typing as npt

    from interp_pipeline.explanation import FloatArray

    IntArray = npt.NDArray[np.int32]
    BoolArray = npt.NDArray[np.bool_]

__all__ = ["as_codes", "category_sets", "first_nodes", "no_sets", "positive_cover"]

_UNSEEN = -1.0
_NEGLIGIBLE = 2.0**-54  # a share so small that adding it to the whole gives the whole


def first_nodes(node_counts: npt.ArrayLike) -> IntArray:
    """Number of each tree's root where trees are stored one after the other.

    Args:
        node_counts: nodes of each tree, shape (n_trees,).

    Raises:
        ModelError: there are more nodes than 32 bits can number.
    """
    ends = np.cumsum(np.asarray(node_counts, dtype=np.int64))
    if len(ends) and ends[-1] > np.iinfo(np.int32).max:
        msg = f"the ensemble has {ends[-1]} nodes and at most {np.iinfo(np.int32).max} can be numbered: use fewer trees"
        raise ModelError(msg)
    return np.concatenate([[0], ends[:-1]]).astype(np.int32)[: len(ends)]


def positive_cover(cover: FloatArray, left: IntArray, right: IntArray, root: IntArray) -> FloatArray:
    """Covers all above 0, so that a child's share of its parent is always a number.

    No training weight may have reached a node (sample weights that cancel, second derivatives that
    vanish). Where it has a sibling with weight it gets a share that changes no sum; where both have
    none, nothing says how to weigh them, and they get equal shares of what their parent got.

    Args:
        cover: shape (n_nodes,), at least 0, every parent before its children.
        left: index of the left child, -1 at a leaf, shape (n_nodes,).
        right: likewise.
        root: first node of each tree, shape (n_trees,).

    Raises:
        ModelError: a cover is negative or not finite.
    """
    if not (np.isfinite(cover).all() and (cover >= 0).all()):
        msg = "a node of a tree has a negative training weight: train without negative sample weights"
        raise ModelError(msg)
    empty = cover == 0
    if not empty.any():
        return cover
    filled = cover.copy()
    filled[root[empty[root]]] = 1.0
    smallest = np.finfo(np.float64).tiny
    for node in np.flatnonzero((left >= 0) & (empty[left] | empty[right])):  # a leaf's -1 reads some node, unused
        children = np.array([left[node], right[node]])
        without = children[empty[children]]
        filled[without] = max(filled[node] * (0.5 if len(without) == len(children) else _NEGLIGIBLE), smallest)
    return filled


def category_sets(
    column: npt.NDArray[np.integer[Any]], set_of: npt.NDArray[np.int64], category: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.uint64], dict[int, FloatArray]]:
    """Sets of categories as ``PackedForest.category_bits`` holds them, over codes without gaps.

    A category's code is its position among all that the sets of its column name, so that sets stay
    small however large the categories are.

    Args:
        column: the column each set is about, shape (n_sets,).
        set_of: the set each membership belongs to, shape (n_memberships,).
        category: the category that is its member, shape (n_memberships,).

    Returns:
        Bits, shape (n_sets, n_words), and per column its categories in the order of their codes.
    """
    code = np.zeros(len(category), dtype=np.int64)
    categories: dict[int, FloatArray] = {}
    for asked in np.unique(column).tolist():
        here = column[set_of] == asked
        categories[asked], code[here] = np.unique(category[here], return_inverse=True)
    most = max((len(known) for known in categories.values()), default=0)
    bits = np.zeros((len(column), max(1, -(-most // 64))), dtype=np.uint64)
    np.bitwise_or.at(bits, (set_of, code // 64), np.uint64(1) << (code % 64).astype(np.uint64))
    return bits, categories


def no_sets(n_nodes: int) -> tuple[IntArray, npt.NDArray[np.uint64], BoolArray]:
    """``category_set``, ``category_bits`` and ``unseen_left`` of a forest without categorical splits."""
    return np.full(n_nodes, -1, dtype=np.int32), np.zeros((0, 1), dtype=np.uint64), np.zeros(n_nodes, dtype=np.bool_)


def as_codes(values: FloatArray, known: FloatArray) -> FloatArray:
    """Position of each value among the known ones, -1 for any other, NaN where it is missing.

    Args:
        values: one column, shape (n_rows,).
        known: categories that any split asks for, ascending, shape (n_known,).
    """
    if not len(known):
        return np.where(np.isnan(values), np.nan, _UNSEEN)
    position = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(np.isnan(values), np.nan, np.where(known[position] == values, position, _UNSEEN))
