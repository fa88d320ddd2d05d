"""Scikit-learn's isolation forests: how many splits it takes to set a row apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.sklearn_trees import pack_trees

if TYPE_CHECKING:
    import numpy.typing as npt

    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray

__all__ = ["read_sklearn_isolation"]


def read_sklearn_isolation(estimator: Any) -> PackedForest | None:
    """An isolation forest as the mean, over its trees, of the path a row takes; None for anything else.

    A path is the depth of the leaf plus what isolating the leaf's training rows would have taken on average
    (Liu, Ting, Zhou 2008, equation 1), as in scikit-learn's score and in the package shap.

    Args:
        estimator: fitted scikit-learn estimator.

    Raises:
        ModelError: it is not fitted.
    """
    from sklearn.ensemble import IsolationForest

    if not isinstance(estimator, IsolationForest):
        return None
    if not hasattr(estimator, "estimators_"):
        msg = f"{type(estimator).__name__} is not fitted: fit it before it is registered"
        raise ModelError(msg)
    trees = [member.tree_ for member in estimator.estimators_]
    paths = [_depth(tree) + _average_path(tree.n_node_samples) for tree in trees]
    forest = pack_trees(trees, np.concatenate(paths)[:, None] / len(trees), np.zeros(1))
    first = np.repeat(np.arange(len(trees)), [tree.node_count for tree in trees])
    columns = np.stack(estimator.estimators_features_)  # each tree numbers the columns it was given
    column = np.where(forest.column < 0, -1, columns[first, forest.column]).astype(np.int32)
    return replace(forest, column=column)


def _depth(tree: Any) -> FloatArray:
    """Splits above each node, shape (n_nodes,); scikit-learn numbers parents before their children."""
    depth = np.zeros(tree.node_count)
    for node in np.flatnonzero(tree.children_left >= 0):
        depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1.0
    return depth


def _average_path(n_rows: npt.NDArray[np.integer[Any]]) -> FloatArray:
    """Mean length of a path in a random binary tree over so many rows."""
    count = np.maximum(n_rows, 3).astype(np.float64)
    mean = 2.0 * (np.log(count - 1.0) + np.euler_gamma) - 2.0 * (count - 1.0) / count
    return np.select([n_rows <= 1, n_rows == 2], [0.0, 1.0], mean)  # noqa: PLR2004 - rows
