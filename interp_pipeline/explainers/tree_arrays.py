"""Scikit-learn trees as the arrays shap's compiled kernel reads, without the kernel's inaccuracies.

The kernel (``tree_shap_indep`` in shap's ``tree_shap.h``) stores a node's threshold and value in
single precision and its children's numbers in 16 bits, and computes binomials in 32 bits. Given a
fitted forest as it is, it therefore sends rows down the wrong branch where a threshold rounds up
past a value of the data, loses digits where values are large beside their spread, and returns
garbage for very large trees. Here thresholds are rounded *down*, which leaves every comparison
with a single-precision input as scikit-learn makes it; values are taken relative to the root,
which changes no attribution; and what the kernel cannot hold is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.explanation import FloatArray

__all__ = ["fitted_trees", "kernel_limit", "tree_arrays"]

MAX_NODES = 2**15 - 1  # the kernel numbers nodes in 16 bits
MAX_PATH_FEATURES = 30  # C(29, 14) * 16 is the largest product its 32-bit binomials hold


def fitted_trees(estimator: Any) -> list[Any]:
    """The low-level trees of a single tree or of a forest that averages them; none for anything else.

    Args:
        estimator: fitted scikit-learn estimator.
    """
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        ExtraTreesRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if isinstance(estimator, (DecisionTreeClassifier, DecisionTreeRegressor)):
        return [estimator.tree_]
    if isinstance(
        estimator, (RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor)
    ):
        return [member.tree_ for member in estimator.estimators_]
    return []


def kernel_limit(trees: Sequence[Any]) -> str | None:
    """What of these trees shap's kernel cannot hold, in words; None if it can hold all."""
    largest = max(tree.node_count for tree in trees)
    if largest > MAX_NODES:
        return f"a tree has {largest} nodes and shap's kernel counts them up to {MAX_NODES}"
    longest = max(_features_on_a_path(tree) for tree in trees)
    if longest > MAX_PATH_FEATURES:
        return f"a path through a tree asks for {longest} features and shap's kernel is right up to {MAX_PATH_FEATURES}"
    return None


def tree_arrays(tree: Any, n_trees: int, *, classifier: bool) -> dict[str, Any]:
    """One tree's share of the forest's output, in shap's names.

    Args:
        tree: scikit-learn ``Tree`` with one target.
        n_trees: size of the forest whose mean it enters.
        classifier: turn class weights into probabilities and leave out the first class, whose
            attributions are minus the sum of the others.

    Returns:
        Arrays over nodes; ``values`` has shape (n_nodes, n_classes - 1) or (n_nodes, 1).
    """
    values = tree.value[:, 0, :]
    if classifier:
        values = (values / values.sum(axis=1, keepdims=True))[:, 1:]
    return {
        "children_left": tree.children_left,
        "children_right": tree.children_right,
        "children_default": np.where(tree.missing_go_to_left, tree.children_left, tree.children_right),
        "features": tree.feature,
        "thresholds": _rounded_down(tree.threshold),
        "values": (values - values[0]) / n_trees,
        "node_sample_weight": tree.weighted_n_node_samples,
    }


def _rounded_down(thresholds: FloatArray) -> FloatArray:
    """Largest single-precision number not above each threshold, as doubles."""
    single: npt.NDArray[np.float32] = thresholds.astype(np.float32)
    above = single.astype(np.float64) > thresholds
    single[above] = np.nextafter(single[above], np.float32(-np.inf))
    return single.astype(np.float64)


def _features_on_a_path(tree: Any) -> int:
    """Most distinct features on a path from the root to a leaf; an upper bound where that is small."""
    features = np.unique(tree.feature[tree.feature >= 0])
    bound = min(len(features), int(tree.max_depth))
    if bound <= MAX_PATH_FEATURES:
        return bound
    position = np.searchsorted(features, tree.feature)
    nodes = np.zeros(1, dtype=np.intp)
    seen = np.zeros((1, len(features)), dtype=np.bool_)
    most = 0
    while len(nodes):  # level by level
        inner = tree.feature[nodes] >= 0
        nodes, seen = nodes[inner], seen[inner]
        seen[np.arange(len(nodes)), position[nodes]] = True
        most = max(most, int(seen.sum(axis=1).max(initial=0)))
        nodes = np.concatenate([tree.children_left[nodes], tree.children_right[nodes]])
        seen = np.concatenate([seen, seen])
    return most
