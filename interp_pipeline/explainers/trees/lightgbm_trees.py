"""LightGBM's trees, read from the model's own text, which holds every number with all its digits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.packed_forest import PackedForest
from interp_pipeline.explainers.trees.packing import as_codes, category_sets, first_nodes, no_sets, positive_cover

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from interp_pipeline.explanation import FloatArray

__all__ = ["LightgbmForest", "read_lightgbm"]

_ZERO = float(np.float32(1e-35))  # LightGBM reads a number no larger than this as 0
_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of decision_type; the two above them are what is missing:
_NOTHING_MISSING, _ZERO_MISSING = 0, 1  # NaN is 0; NaN and 0 are missing (and 2: NaN is missing)


@dataclass(frozen=True, kw_only=True, eq=False)
class LightgbmForest(PackedForest):
    """A forest that knows no number between 0 and 1e-35.

    Attributes:
        zero_missing: columns in which 0 stands for a missing value.
        categories: per categorical column the categories any split asks for, ascending; a
            value's position among them is its code.
    """

    zero_missing: tuple[int, ...] = ()
    categories: Mapping[int, FloatArray] = field(default_factory=dict)

    def as_compared(self, encoded: FloatArray) -> FloatArray:
        """Tiny numbers as 0, or as NaN where 0 is missing, and categories as codes, others as -1."""
        compared = np.array(encoded, dtype=np.float64)
        compared[np.abs(compared) <= _ZERO] = 0.0
        for column in self.zero_missing:
            compared[compared[:, column] == 0, column] = np.nan
        for column, known in self.categories.items():
            compared[:, column] = as_codes(np.trunc(compared[:, column]), known)
        return compared


def read_lightgbm(estimator: Any) -> PackedForest | None:
    """A LightGBM ``Booster`` or one of its scikit-learn wrappers; None for anything else.

    Outputs are raw scores: log-odds of the positive class, one score per class, or the target
    before its link. A model that stopped early counts up to its best round, as it predicts.

    Args:
        estimator: fitted object of the library lightgbm.

    Raises:
        ModelError: it is not fitted, or has linear models in its leaves.
    """
    import lightgbm
    from sklearn.exceptions import NotFittedError

    if isinstance(estimator, lightgbm.Booster):
        return _read_text(estimator.model_to_string())
    if not isinstance(estimator, lightgbm.LGBMModel):
        return None
    try:
        return _read_text(estimator.booster_.model_to_string())
    except NotFittedError as error:
        msg = f"{type(estimator).__name__} is not fitted: fit it before it is registered"
        raise ModelError(msg) from error


def _read_text(text: str) -> PackedForest:
    """The forest a model text describes."""
    head, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
    lines = head.splitlines()
    n_outputs = next(int(line.partition("=")[2]) for line in lines if line.startswith("num_tree_per_iteration="))
    trees = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    for tree in trees:
        if tree["num_leaves"] == "1":  # up to LightGBM 4.5 its rows are not counted, and the line is empty
            tree["leaf_count"] = tree["leaf_count"] or "0"
    if any(tree.get("is_linear", "0") != "0" for tree in trees):
        msg = "LightGBM's leaves hold linear models: train with linear_tree=False or explain with shap_permutation"
        raise ModelError(msg)
    n_leaves = np.array([int(tree["num_leaves"]) for tree in trees], dtype=np.int64)
    layout = _Layout(n_leaves)
    decision = _numbers(trees, "decision_type", np.int64)
    column = layout.of_splits(_numbers(trees, "split_feature", np.int64), fill=-1).astype(np.int32)
    threshold = _numbers(trees, "threshold", np.float64)
    left, right = (layout.children(_numbers(trees, f"{side}_child", np.int64)) for side in ("left", "right"))
    value = np.zeros((layout.n_nodes, n_outputs))
    value[layout.leaves, layout.tree_of_leaf % n_outputs] = _numbers(trees, "leaf_value", np.float64)
    if "average_output" in lines:  # a random forest
        value /= max(len(trees) // n_outputs, 1)
    cover = layout.of_splits(_numbers(trees, "internal_count", np.int64), fill=0).astype(np.float64)
    cover[layout.leaves] = _numbers(trees, "leaf_count", np.int64)
    category_set, bits, categories = _category_sets(trees, layout, column, decision, threshold)
    return LightgbmForest(
        column=column,
        threshold=layout.of_splits(threshold, fill=0.0),
        left=left,
        right=right,
        missing_left=layout.of_splits(_missing_left(decision, threshold), fill=False),
        category_set=category_set,
        category_bits=bits,
        unseen_left=np.zeros(layout.n_nodes, dtype=np.bool_),
        cover=positive_cover(cover, left, right, layout.root),
        value=value,
        root=layout.root,
        offset=np.zeros(n_outputs),
        single_precision=False,
        zero_missing=_zero_missing(decision, column[layout.splits]),
        categories=categories,
    )


class _Layout:
    """Where the packed forest has LightGBM's nodes: of each tree its splits, then its leaves.

    Attributes:
        root: first node of each tree, shape (n_trees,).
        splits: node of each split, all trees' one after the other, shape (n_splits,).
        leaves: node of each leaf, likewise.
        tree_of_leaf: shape (n_leaves,).
        n_nodes: splits and leaves.
    """

    def __init__(self, n_leaves: npt.NDArray[np.int64]) -> None:
        self.n_nodes = int((2 * n_leaves - 1).sum())
        self.root = first_nodes(2 * n_leaves - 1)
        self._n_splits = n_leaves - 1
        is_leaf = np.repeat(np.tile([False, True], len(n_leaves)), np.column_stack([n_leaves - 1, n_leaves]).ravel())
        self.splits, self.leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
        self.tree_of_leaf = np.repeat(np.arange(len(n_leaves)), n_leaves)

    def of_splits(self, values: npt.NDArray[Any], *, fill: float) -> npt.NDArray[Any]:
        """Values of splits as an array of all nodes, ``fill`` at leaves."""
        spread = np.full(self.n_nodes, fill, dtype=values.dtype)
        spread[self.splits] = values
        return spread

    def children(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """LightGBM's child numbers, in which -1 is leaf 0, -2 leaf 1 and so on, as numbers of nodes."""
        first, n_splits = np.repeat(self.root, self._n_splits), np.repeat(self._n_splits, self._n_splits)
        return self.of_splits(first + np.where(numbers >= 0, numbers, n_splits + ~numbers), fill=-1).astype(np.int32)


def _numbers(trees: list[dict[str, str]], name: str, kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """One line of all trees, one after the other; numpy parses decimals to the nearest double."""
    return np.fromstring(" ".join(tree[name] for tree in trees if tree[name]), dtype=kind, sep=" ")


def _missing_left(decision: npt.NDArray[np.int64], threshold: FloatArray) -> npt.NDArray[np.bool_]:
    """Where each split sends NaN: by its default, as 0 where nothing was missing, right from a set."""
    numeric = np.where(decision >> 2 == _NOTHING_MISSING, threshold >= 0, decision & _DEFAULT_LEFT != 0)
    missing_left: npt.NDArray[np.bool_] = (decision & _CATEGORICAL == 0) & numeric
    return missing_left


def _zero_missing(decision: npt.NDArray[np.int64], column: npt.NDArray[np.int32]) -> tuple[int, ...]:
    """Columns whose numeric splits take 0 for missing.

    Raises:
        ModelError: other splits on such a column do not, so that 0 is missing and a number at once.
    """
    numeric = decision & _CATEGORICAL == 0
    zero = numeric & (decision >> 2 == _ZERO_MISSING)
    columns = np.unique(column[zero])
    mixed = np.intersect1d(columns, column[numeric & ~zero])
    if len(mixed):
        msg = (
            f"LightGBM's trees take 0 in column {mixed[0]} for missing in some splits and for a number in others: "
            "train all rounds with the same zero_as_missing"
        )
        raise ModelError(msg)
    return tuple(columns.tolist())


def _category_sets(
    trees: list[dict[str, str]],
    layout: _Layout,
    column: npt.NDArray[np.int32],
    decision: npt.NDArray[np.int64],
    threshold: FloatArray,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64], dict[int, FloatArray]]:
    """``category_set``, ``category_bits`` and the categories whose positions are the codes."""
    category_set, bits, _ = no_sets(layout.n_nodes)
    categorical = np.flatnonzero(decision & _CATEGORICAL)
    if not len(categorical):
        return category_set, bits, {}
    node = layout.splits[categorical]
    category_set[node] = np.arange(len(node))
    with_sets = [tree for tree in trees if tree["num_cat"] != "0"]
    # A tree's boundaries start from 0 again; its n sets lie between n + 1 of them, in words of 32 bits.
    lengths = np.concatenate([np.diff(np.array(tree["cat_boundaries"].split(), np.int64)) for tree in with_sets])
    first_set = np.repeat(first_nodes([int(t["num_cat"]) for t in trees]), [int(t["num_leaves"]) - 1 for t in trees])
    position = np.full(len(lengths), -1)  # from LightGBM's number of a set to ours
    position[first_set[categorical] + threshold[categorical].astype(np.int64)] = np.arange(len(node))
    words = _numbers(with_sets, "cat_threshold", np.int64).astype("<u4")
    member = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
    set_of = np.repeat(np.arange(len(lengths)), lengths)[member // 32]
    category = member - 32 * (np.cumsum(lengths) - lengths)[set_of]
    bits, categories = category_sets(column[node], position[set_of], category.astype(np.float64))
    return category_set, bits, categories
