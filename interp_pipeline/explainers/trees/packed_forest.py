"""A fitted tree ensemble as flat arrays, the one form every tree method reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interp_pipeline.errors import ModelError

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["PackedForest"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedForest:
    """All nodes of all trees, one tree after the other, every parent before its children.

    The ensemble's output for a row is ``offset`` plus the sum, over trees, of ``value`` at the leaf
    the row reaches; shares such as 1 / n_trees or a learning rate are part of ``value``.

    A row with ``x = row[column]`` goes left where ``x <= threshold``; a missing one (NaN) where
    ``missing_left``. At a node with ``category_set >= 0`` it goes left instead where bit ``int(x)``
    of that set is 1, and where ``unseen_left`` if ``int(x)`` is negative or beyond the set.

    Attributes:
        column: column of the estimator's input a node asks for, -1 at a leaf, shape (n_nodes,).
        threshold: shape (n_nodes,); comparisons with ``<`` are stored as ``<=`` the next lower number.
        left: index of the left child, -1 at a leaf, shape (n_nodes,).
        right: likewise.
        missing_left: shape (n_nodes,).
        category_set: row of ``category_bits``, -1 for a numeric split, shape (n_nodes,).
        category_bits: sets of categories, bit b of word w is category 64 * w + b, shape (n_sets, n_words).
        unseen_left: where a category outside the set's words goes, shape (n_nodes,).
        cover: weight of the training rows that reached a node, above 0, shape (n_nodes,).
        value: a leaf's share of the outputs, 0 at inner nodes, shape (n_nodes, n_outputs).
        root: first node of each tree, shape (n_trees,).
        offset: what the ensemble adds to the sum of its trees, shape (n_outputs,).
        single_precision: the library rounds inputs to float32 before it compares them.
        outputs_sum_to_constant: the outputs of every row have the same sum, as probabilities do.
    """

    column: npt.NDArray[np.int32]
    threshold: FloatArray
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    missing_left: npt.NDArray[np.bool_]
    category_set: npt.NDArray[np.int32]
    category_bits: npt.NDArray[np.uint64]
    unseen_left: npt.NDArray[np.bool_]
    cover: FloatArray
    value: FloatArray
    root: npt.NDArray[np.int32]
    offset: FloatArray
    single_precision: bool
    outputs_sum_to_constant: bool = False

    def __post_init__(self) -> None:
        """Refuse arrays the compiled code must not be given.

        Raises:
            ModelError: an array has another type or length, a node points outside them or a child does not
                follow its parent, a cover is not positive and finite, or a leaf's value is not finite.
        """
        n_nodes, n_outputs = self.value.shape
        expected = {
            "column": (np.int32, (n_nodes,)),
            "threshold": (np.float64, (n_nodes,)),
            "left": (np.int32, (n_nodes,)),
            "right": (np.int32, (n_nodes,)),
            "missing_left": (np.bool_, (n_nodes,)),
            "category_set": (np.int32, (n_nodes,)),
            "category_bits": (np.uint64, self.category_bits.shape),
            "unseen_left": (np.bool_, (n_nodes,)),
            "cover": (np.float64, (n_nodes,)),
            "value": (np.float64, (n_nodes, n_outputs)),
            "root": (np.int32, self.root.shape),
            "offset": (np.float64, (n_outputs,)),
        }
        for name, (kind, shape) in expected.items():
            array = getattr(self, name)
            if array.dtype != kind or array.shape != shape or not array.flags.c_contiguous:
                msg = (
                    f"packed forest: {name} is {array.dtype} {array.shape}, expected contiguous {kind.__name__} {shape}"
                )
                raise ModelError(msg)
        inner = np.flatnonzero(self.left >= 0)
        ordered = (self.left[inner] > inner) & (self.right[inner] > inner)
        inside = (self.left < n_nodes).all() and (self.right < n_nodes).all()
        if not (ordered.all() and inside and ((self.left >= 0) == (self.column >= 0)).all()):
            msg = "packed forest: a child does not follow its parent"
            raise ModelError(msg)
        if not ((self.cover > 0).all() and np.isfinite(self.cover).all() and np.isfinite(self.value).all()):
            msg = "packed forest: a node's cover is not positive and finite, or its value not finite"
            raise ModelError(msg)
        if (np.diff(self.root, prepend=-1, append=n_nodes) <= 0).any():
            msg = "packed forest: the trees' first nodes do not ascend within the nodes"
            raise ModelError(msg)
        if (self.category_set >= len(self.category_bits)).any():
            msg = "packed forest: a node asks for a set of categories that is not there"
            raise ModelError(msg)

    @property
    def n_outputs(self) -> int:
        """Outputs the ensemble gives at once."""
        return int(self.value.shape[1])

    def as_compared(self, encoded: FloatArray) -> FloatArray:
        """The numbers the library compares with thresholds, as doubles, shape of ``encoded``."""
        if not self.single_precision:
            return np.ascontiguousarray(encoded, dtype=np.float64)
        with np.errstate(over="ignore"):  # a number beyond float32 is compared as infinity, as the library does
            single: npt.NDArray[np.float32] = np.asarray(encoded, dtype=np.float32)
        return np.ascontiguousarray(single, dtype=np.float64)
