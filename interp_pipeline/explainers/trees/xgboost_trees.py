"""XGBoost's trees, read from the model's own binary form: no number is rounded on the way."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.packed_forest import PackedForest
from interp_pipeline.explainers.trees.packing import as_codes, category_sets, first_nodes, no_sets, positive_cover
from interp_pipeline.explainers.trees.ubjson import read_ubjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from interp_pipeline.explanation import FloatArray

__all__ = ["XgboostForest", "read_learner", "read_xgboost"]

_CATEGORIES = 2**24 - 1  # from 16777216 on single precision cannot count
_LOG_LINK = {"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"}
_LOGIT_LINK = {"binary:logistic", "reg:logistic"}
_NO_LINK = {
    "binary:hinge",
    "binary:logitraw",
    "multi:softmax",
    "multi:softprob",
    "rank:map",
    "rank:ndcg",
    "rank:pairwise",
    "reg:absoluteerror",
    "reg:expectileerror",
    "reg:linear",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "reg:squarederror",
    "reg:squaredlogerror",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class XgboostForest(PackedForest):
    """A forest with a number that means "missing" and with categorical columns.

    Attributes:
        missing: beside NaN, the number that stands for a missing value; NaN for none.
        categories: per categorical column the categories any split asks for, ascending; a
            value's position among them is its code.
    """

    missing: float = math.nan
    categories: Mapping[int, FloatArray] = field(default_factory=dict)

    def as_compared(self, encoded: FloatArray) -> FloatArray:
        """Rounded to single precision, with missing values as NaN and categories as codes, others as -1."""
        compared = super().as_compared(encoded)
        if not math.isnan(self.missing):
            compared[compared == np.float32(self.missing)] = np.nan
        for column, known in self.categories.items():
            values = compared[:, column]
            compared[:, column] = as_codes(np.where(values < 0, -1.0, np.trunc(values)), known)
        return compared


def read_xgboost(estimator: Any) -> PackedForest | None:
    """An XGBoost ``Booster`` or one of its scikit-learn wrappers; None for anything else.

    Outputs are raw margins: log-odds of the positive class, one score per class, or the target
    before its link. A wrapper that stopped early counts up to its best round, as it predicts; a
    ``Booster`` counts all its rounds, as it predicts.

    Args:
        estimator: fitted object of the library xgboost.

    Raises:
        ModelError: it is not fitted, is linear, or a part of it cannot be read.
    """
    import xgboost
    from sklearn.exceptions import NotFittedError

    if isinstance(estimator, xgboost.Booster):
        return read_learner(_learner(estimator))
    if not isinstance(estimator, xgboost.XGBModel):
        return None
    try:
        booster = estimator.get_booster()
    except NotFittedError as error:
        msg = f"{type(estimator).__name__} is not fitted: fit it before it is registered"
        raise ModelError(msg) from error
    best = booster.attr("best_iteration")
    return read_learner(
        _learner(booster),
        rounds=None if best is None else int(best) + 1,
        missing=math.nan if estimator.missing is None else float(estimator.missing),
    )


def _learner(booster: Any) -> Mapping[str, Any]:
    learner: Mapping[str, Any] = read_ubjson(bytes(booster.save_raw("ubj")))["learner"]
    return learner


def read_learner(learner: Mapping[str, Any], *, rounds: int | None = None, missing: float = math.nan) -> PackedForest:
    """The forest of a model as XGBoost stores it.

    Args:
        learner: the part of the stored model that is called so.
        rounds: of boosting that count, from the first on; None for all.
        missing: as in :class:`XgboostForest`.

    Raises:
        ModelError: it is linear, or a part of it cannot be read.
    """
    gradient_booster = learner["gradient_booster"]
    kind = gradient_booster["name"]
    if kind not in {"gbtree", "dart"}:
        msg = f"XGBoost's booster {kind!r} has no trees: train with booster='gbtree' or explain with shap_permutation"
        raise ModelError(msg)
    # Up to 3.3 a booster with dropout is called dart, and has its trees a level deeper than their weights.
    model = gradient_booster["gbtree"]["model"] if "gbtree" in gradient_booster else gradient_booster["model"]
    try:
        n_trees = len(model["trees"]) if rounds is None else int(model["iteration_indptr"][rounds])
        weights = model.get("weight_drop")
        if weights is None:
            weights = gradient_booster["weight_drop"] if kind == "dart" else np.ones(len(model["trees"]))
        trees = model["trees"][:n_trees]
        offset = _offset(learner)
        return _pack(
            trees,
            output=np.array(model["tree_info"][:n_trees], dtype=np.int64),
            weight=np.asarray(weights, dtype=np.float64)[:n_trees],
            offset=offset,
            missing=missing,
        )
    except KeyError as error:
        what = "whose trees give all targets at once " if error.args[0] == "leaf_weights" else ""
        msg = f"this XGBoost model {what}has no {error.args[0]}: train it again with XGBoost 3.2 or later"
        raise ModelError(msg) from error


def _offset(learner: Mapping[str, Any]) -> FloatArray:
    """What the margin starts from, in single precision as XGBoost computes it, shape (n_outputs,)."""
    parameters, objective = learner["learner_model_param"], learner["objective"]["name"]
    n_outputs = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
    base = np.atleast_1d(np.array(json.loads(parameters["base_score"]), dtype=np.float32))
    if objective in _LOGIT_LINK:
        margin = -np.log(np.float32(1) / base - np.float32(1))
    elif objective in _LOG_LINK:
        margin = np.log(base)
    elif objective in _NO_LINK:
        margin = base
    else:
        msg = f"XGBoost's objective {objective!r} is not known here: explain the model with shap_permutation"
        raise ModelError(msg)
    return np.array(np.broadcast_to(margin, n_outputs), dtype=np.float64)


def _pack(
    trees: Sequence[Mapping[str, Any]],
    *,
    output: npt.NDArray[np.int64],
    weight: FloatArray,
    offset: FloatArray,
    missing: float,
) -> PackedForest:
    """All trees as one forest.

    Args:
        trees: XGBoost's arrays of each tree.
        output: the output each adds to, shape (n_trees,).
        weight: what its leaves are multiplied by, shape (n_trees,).
        offset: shape (n_outputs,).
        missing: as in :class:`XgboostForest`.
    """
    counts = np.array([len(tree["left_children"]) for tree in trees], dtype=np.int64)
    root = first_nodes(counts)
    first = np.repeat(root, counts)
    children = {side: _joined(trees, f"{side}_children", np.int32) for side in ("left", "right")}
    leaf = children["left"] < 0
    left, right = (np.where(leaf, -1, children[side] + first).astype(np.int32) for side in ("left", "right"))
    condition = _joined(trees, "split_conditions", np.float32)
    column = np.where(leaf, -1, _joined(trees, "split_indices", np.int32)).astype(np.int32)
    tree_of = np.repeat(np.arange(len(trees)), counts)
    value = np.zeros((len(leaf), len(offset)))
    if trees and int(trees[0]["tree_param"]["size_leaf_vector"]) > 1:
        value[leaf] = _leaf_vectors(trees, children["right"][leaf], tree_of[leaf]) * weight[tree_of[leaf], None]
    else:
        value[leaf, output[tree_of[leaf]]] = condition[leaf] * weight[tree_of[leaf]]
    category_set, bits, categories = _category_sets(trees, root, column)
    # A category goes right if it is in XGBoost's set and left if it is any other or none.
    unseen_left = category_set >= 0
    order = _order(left, right, root, tree_of)
    number = np.full(len(leaf), -1, dtype=np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    left, right = (np.where(side < 0, -1, number[side])[order].astype(np.int32) for side in (left, right))
    cover = _joined(trees, "sum_hessian", np.float32).astype(np.float64)[order]
    return XgboostForest(
        column=column[order],
        # x < t is the same as x <= the next single-precision number below t.
        threshold=np.nextafter(condition, np.float32(-np.inf)).astype(np.float64)[order],
        left=left,
        right=right,
        missing_left=_joined(trees, "default_left", np.bool_)[order],
        category_set=category_set[order],
        category_bits=bits,
        unseen_left=unseen_left[order],
        cover=positive_cover(cover, left, right, number[root]),
        value=value[order],
        root=number[root],
        offset=offset,
        single_precision=True,
        missing=missing,
        categories=categories,
    )


def _joined(trees: Sequence[Mapping[str, Any]], name: str, kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array of all trees, one after the other."""
    return np.concatenate([np.zeros(0, dtype=kind), *(tree[name] for tree in trees)], dtype=kind, casting="unsafe")


def _leaf_vectors(
    trees: Sequence[Mapping[str, Any]], position: npt.NDArray[np.int32], tree_of: npt.NDArray[np.int64]
) -> FloatArray:
    """Values of the leaves of trees that give all targets at once, shape (n_leaves, n_targets)."""
    size = int(trees[0]["tree_param"]["size_leaf_vector"])
    before = first_nodes([len(tree["leaf_weights"]) // size for tree in trees])
    vectors = _joined(trees, "leaf_weights", np.float32).reshape(-1, size)
    values: FloatArray = vectors[before[tree_of] + position].astype(np.float64)
    return values


def _category_sets(
    trees: Sequence[Mapping[str, Any]], root: npt.NDArray[np.int32], column: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64], dict[int, FloatArray]]:
    """``category_set``, ``category_bits`` and the categories whose positions are the codes."""
    category_set, bits, _ = no_sets(len(column))
    n_sets = [len(tree["categories_nodes"]) for tree in trees]
    node = _joined(trees, "categories_nodes", np.int64) + np.repeat(root, n_sets)
    if not len(node):
        return category_set, bits, {}
    category_set[node] = np.arange(len(node))
    members, sizes = _joined(trees, "categories", np.float64), _joined(trees, "categories_sizes", np.int64)
    before_tree = np.repeat(first_nodes([len(tree["categories"]) for tree in trees]), n_sets)
    starts = _joined(trees, "categories_segments", np.int64) + before_tree
    set_of = np.repeat(np.arange(len(node)), sizes)
    within_set = np.arange(len(set_of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    bits, categories = category_sets(column[node], set_of, members[starts[set_of] + within_set])
    return category_set, ~bits, categories


def _order(
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    root: npt.NDArray[np.int32],
    tree_of: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The nodes to keep, tree by tree and parents first: pruning leaves nodes behind that no row reaches."""
    level = root.astype(np.int64)
    levels = [level]
    while len(level):
        inner = level[left[level] >= 0]
        level = np.concatenate([left[inner], right[inner]]).astype(np.int64)
        levels.append(level)
    reached = np.concatenate(levels)
    numbers = np.arange(len(left))
    if len(reached) == len(left) and ((left < 0) | ((left > numbers) & (right > numbers))).all():
        return numbers  # XGBoost's own numbers can stay
    return reached[np.argsort(tree_of[reached], kind="stable")]
