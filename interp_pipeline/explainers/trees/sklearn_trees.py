"""Scikit-learn's decision trees and the forests that average them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.packed_forest import PackedForest
from interp_pipeline.explainers.trees.packing import first_nodes, no_sets, positive_cover

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.explanation import FloatArray

__all__ = ["pack_trees", "read_sklearn_trees"]


def read_sklearn_trees(estimator: Any) -> PackedForest | None:
    """A decision tree, extra tree, random forest or forest of extra trees; None for anything else.

    A classifier's outputs are the probabilities of all its classes, a regressor's its targets.

    Args:
        estimator: fitted scikit-learn estimator.

    Raises:
        ModelError: it is not fitted, or a classifier of several targets.
    """
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        ExtraTreesRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    forests = (RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor)
    if not isinstance(estimator, (DecisionTreeClassifier, DecisionTreeRegressor, *forests)):
        return None
    members = getattr(estimator, "estimators_", []) if isinstance(estimator, forests) else [estimator]
    trees = [member.tree_ for member in members if hasattr(member, "tree_")]
    if not trees:
        msg = f"{type(estimator).__name__} is not fitted: fit it before it is registered"
        raise ModelError(msg)
    classifier = isinstance(estimator, (DecisionTreeClassifier, RandomForestClassifier, ExtraTreesClassifier))
    if classifier and estimator.n_outputs_ > 1:
        msg = f"{type(estimator).__name__} predicts {estimator.n_outputs_} targets at once: train one classifier each"
        raise ModelError(msg)
    value = np.concatenate([tree.value[:, 0, :] if classifier else tree.value[:, :, 0] for tree in trees])
    if len(trees) > 1:
        value /= len(trees)
    return pack_trees(trees, value, np.zeros(value.shape[1]), outputs_sum_to_constant=classifier)


def pack_trees(
    trees: Sequence[Any], value: FloatArray, offset: FloatArray, *, outputs_sum_to_constant: bool = False
) -> PackedForest:
    """Scikit-learn's ``Tree`` objects as one forest.

    Args:
        trees: low-level trees, in the order the ensemble adds them up.
        value: each node's share of the outputs, shape (n_nodes, n_outputs); inner nodes' are set to 0.
        offset: what the ensemble adds, shape (n_outputs,).
        outputs_sum_to_constant: as in :class:`PackedForest`.
    """
    counts = [tree.node_count for tree in trees]
    root, n_nodes = first_nodes(counts), len(value)
    column, left, right = (np.empty(n_nodes, dtype=np.int32) for _ in range(3))
    threshold, cover = np.empty(n_nodes), np.empty(n_nodes)
    missing_left = np.empty(n_nodes, dtype=np.bool_)
    for tree, first, count in zip(trees, root, counts, strict=True):  # tree by tree: a node's fields lie together
        at = slice(first, first + count)
        leaf = tree.children_left < 0
        column[at] = np.where(leaf, -1, tree.feature)
        left[at] = np.where(leaf, -1, tree.children_left + first)
        right[at] = np.where(leaf, -1, tree.children_right + first)
        threshold[at] = tree.threshold
        missing_left[at] = tree.missing_go_to_left
        cover[at] = tree.weighted_n_node_samples
    value[left >= 0] = 0.0
    category_set, category_bits, unseen_left = no_sets(n_nodes)
    return PackedForest(
        column=column,
        threshold=threshold,
        left=left,
        right=right,
        missing_left=missing_left,
        category_set=category_set,
        category_bits=category_bits,
        unseen_left=unseen_left,
        cover=positive_cover(cover, left, right, root),
        value=value,
        root=root,
        offset=offset,
        single_precision=True,
        outputs_sum_to_constant=outputs_sum_to_constant,
    )
