"""CatBoost's trees, read from the model's own JSON, which holds every number with all its digits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.catboost_document import catboost_document
from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.packed_forest import PackedForest
from interp_pipeline.explainers.trees.packing import as_codes, category_sets, first_nodes, no_sets, positive_cover

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from interp_pipeline.explanation import FloatArray

__all__ = ["CatBoostForest", "read_catboost"]

_FLOAT, _ONE_HOT = "FloatFeature", "OneHotFeature"
_LEAF = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class CatBoostForest(PackedForest):
    """A forest with columns of categories, each given as CatBoost's own hash of it.

    Attributes:
        categories: per such column the hashes any split asks for, ascending; a hash's position among
            them is its code.
    """

    categories: Mapping[int, FloatArray] = field(default_factory=dict)

    def as_compared(self, encoded: FloatArray) -> FloatArray:
        """Numbers rounded to single precision; categories as codes, others as -1."""
        compared = super().as_compared(encoded)
        for column, known in self.categories.items():
            compared[:, column] = as_codes(np.asarray(encoded[:, column], dtype=np.float64), known)
        return compared


@dataclass(frozen=True, kw_only=True)
class _Tree:
    """One tree: children are positions in it, -1 at leaves; every parent before its children."""

    splits: Sequence[Mapping[str, Any]]  # one per inner node, in the order of the nodes
    left: npt.NDArray[np.int64]  # where a split's condition does not hold
    right: npt.NDArray[np.int64]
    value: FloatArray  # of the leaves, in the order of the nodes, shape (n_leaves, n_outputs)
    weight: FloatArray  # of the training rows in each node, shape (n_nodes,)


def read_catboost(estimator: Any) -> PackedForest | None:
    """A fitted ``CatBoost``, ``CatBoostClassifier``, ``CatBoostRegressor`` or ``CatBoostRanker``; else None.

    Outputs are raw values (CatBoost's ``RawFormulaVal``): log-odds of the second class, one score per
    class, or the target before its link. Numbers are expected as they are, categories as their hashes.

    Args:
        estimator: fitted object of the library catboost.

    Raises:
        ModelError: it is not fitted, or its splits ask for more than numbers and single categories.
    """
    import catboost

    if not isinstance(estimator, catboost.CatBoost):
        return None
    if not estimator.is_fitted():
        msg = f"{type(estimator).__name__} is not fitted: fit it before it is registered"
        raise ModelError(msg)
    document = catboost_document(estimator)
    scale, bias = document["scale_and_bias"]
    offset = np.atleast_1d(np.array(bias, dtype=np.float64))
    if "oblivious_trees" in document:
        trees = [_symmetric(tree, len(offset)) for tree in document["oblivious_trees"]]
    else:
        trees = [_grown(tree, len(offset)) for tree in document["trees"]]
    return _pack(trees, document["features_info"], float(scale), offset)


def _symmetric(tree: Mapping[str, Any], n_outputs: int) -> _Tree:
    """A tree whose nodes of one level all have the same split: bit i of a leaf's number says what split i said."""
    splits = tree.get("splits") or []
    depth = len(splits)
    n_inner = 2**depth - 1
    number = np.arange(2 * n_inner + 1)
    inner = number < n_inner
    weight = np.zeros(len(number))
    weight[n_inner:] = tree["leaf_weights"]
    for level in reversed(range(depth)):
        first, end = 2**level - 1, 2 ** (level + 1) - 1
        weight[first:end] = weight[2 * first + 1 : 2 * end + 1].reshape(-1, 2).sum(axis=1)
    return _Tree(
        splits=[splits[depth - 1 - level] for level in range(depth) for _ in range(2**level)],
        left=np.where(inner, 2 * number + 1, _LEAF),
        right=np.where(inner, 2 * number + 2, _LEAF),
        value=np.array(tree["leaf_values"], dtype=np.float64).reshape(-1, n_outputs),
        weight=weight,
    )


def _grown(tree: Mapping[str, Any], n_outputs: int) -> _Tree:
    """A tree that grew node by node, each with a split of its own."""
    splits: list[Mapping[str, Any]] = []
    values: list[FloatArray] = []
    left: list[int] = []
    right: list[int] = []
    weight: list[float] = []
    waiting: list[tuple[Mapping[str, Any], int, list[int]]] = [(tree, -1, left)]
    while waiting:
        node, parent, side = waiting.pop()
        number = len(left)
        if parent >= 0:
            side[parent] = number
        left.append(_LEAF)
        right.append(_LEAF)
        weight.append(float(node.get("weight", 0.0)))
        if "split" in node:
            splits.append(node["split"])
            waiting += [(node["right"], number, right), (node["left"], number, left)]
        else:
            values.append(np.broadcast_to(np.array(node["value"], dtype=np.float64), n_outputs))
    covers = np.array(weight)
    for number in reversed(range(len(left))):
        if left[number] >= 0:
            covers[number] = covers[left[number]] + covers[right[number]]
    return _Tree(splits=splits, left=np.array(left), right=np.array(right), value=np.array(values), weight=covers)


def _pack(trees: Sequence[_Tree], features: Mapping[str, Any], scale: float, offset: FloatArray) -> PackedForest:
    """All trees as one forest."""
    counts = [len(tree.left) for tree in trees]
    root = first_nodes(counts)
    first = np.repeat(root, counts)
    left, right = (
        np.concatenate([np.zeros(0, dtype=np.int64), *(getattr(tree, side) for tree in trees)])
        for side in ("left", "right")
    )
    leaf = left < 0
    left, right = (np.where(leaf, _LEAF, side + first).astype(np.int32) for side in (left, right))
    value = np.zeros((len(left), len(offset)))
    value[leaf] = scale * np.concatenate([np.zeros((0, len(offset))), *(tree.value for tree in trees)])
    splits = _Splits([split for tree in trees for split in tree.splits], features)
    node = np.flatnonzero(~leaf)
    column, threshold = np.full(len(left), _LEAF, dtype=np.int32), np.zeros(len(left))
    missing_left = np.zeros(len(left), dtype=np.bool_)
    column[node], threshold[node], missing_left[node] = splits.column, splits.border, splits.missing_left
    category_set, bits, unseen_left = no_sets(len(left))
    categories: dict[int, FloatArray] = {}
    of_category = np.flatnonzero(splits.is_category)
    if len(of_category):
        category_set[node[of_category]] = np.arange(len(of_category))
        unseen_left[node[of_category]] = True
        asked = splits.border[of_category]
        equal, categories = category_sets(splits.column[of_category], np.arange(len(of_category)), asked)
        bits = ~equal  # the one category goes right, all others left
    cover = np.concatenate([np.zeros(0), *(tree.weight for tree in trees)])
    return CatBoostForest(
        column=column,
        threshold=threshold,
        left=left,
        right=right,
        missing_left=missing_left,
        category_set=category_set,
        category_bits=bits,
        unseen_left=unseen_left,
        cover=positive_cover(cover, left, right, root),
        value=value,
        root=root,
        offset=offset,
        single_precision=True,
        categories=categories,
    )


class _Splits:
    """What each split asks for.

    Attributes:
        column: of the model's input, shape (n_splits,).
        border: a number goes right above it, a category where it is its hash, shape (n_splits,).
        missing_left: shape (n_splits,).
        is_category: shape (n_splits,).
    """

    def __init__(self, splits: Sequence[Mapping[str, Any]], features: Mapping[str, Any]) -> None:
        """Read them.

        Raises:
            ModelError: a split asks for what was made of several values or of other rows.
        """
        strange = next((split["split_type"] for split in splits if split["split_type"] not in {_FLOAT, _ONE_HOT}), None)
        if strange is not None:
            what = "statistics of the target by category (CTR)" if strange == "OnlineCtr" else f"{strange} values"
            msg = f"CatBoost's trees compare {what} with their borders, not the categories themselves"
            raise ModelError(msg)
        numbers, names = features.get("float_features", []), features.get("categorical_features", [])
        self.is_category = np.array([split["split_type"] == _ONE_HOT for split in splits], dtype=np.bool_)
        asked = [
            names[split["cat_feature_index"]] if own else numbers[split["float_feature_index"]]
            for split, own in zip(splits, self.is_category, strict=True)
        ]
        self.column = np.array([each["flat_feature_index"] for each in asked], dtype=np.int32)
        self.border = np.array([split.get("border", split.get("value")) for split in splits], dtype=np.float64)
        # A missing number is below every border, or above every one; where training had none, it is above none.
        self.missing_left = np.array([each.get("nan_value_treatment") != "AsTrue" for each in asked], dtype=np.bool_)
