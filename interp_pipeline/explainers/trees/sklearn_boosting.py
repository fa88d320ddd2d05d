"""Scikit-learn's gradient boosting: its trees added to what its first estimator says of every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.sklearn_trees import pack_trees

if TYPE_CHECKING:
    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray

__all__ = ["read_sklearn_boosting"]


def read_sklearn_boosting(estimator: Any) -> PackedForest | None:
    """A ``GradientBoostingClassifier`` or ``-Regressor``; None for anything else.

    Outputs are its raw scores: the prediction of a regressor, log-odds of the positive class, or one
    score per class.

    Args:
        estimator: fitted scikit-learn estimator.

    Raises:
        ModelError: it is not fitted, or starts from a model that depends on the row.
    """
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    if not isinstance(estimator, (GradientBoostingClassifier, GradientBoostingRegressor)):
        return None
    if not hasattr(estimator, "estimators_"):
        msg = f"{type(estimator).__name__} is not fitted: fit it before it is registered"
        raise ModelError(msg)
    n_outputs = estimator.estimators_.shape[1]
    trees = [member.tree_ for member in estimator.estimators_.ravel()]  # all outputs of a stage, then the next
    counts = [tree.node_count for tree in trees]
    value = np.zeros((sum(counts), n_outputs))
    output = np.repeat(np.arange(len(trees)) % n_outputs, counts)
    leaf_values = np.concatenate([tree.value[:, 0, 0] for tree in trees])
    value[np.arange(len(value)), output] = estimator.learning_rate * leaf_values
    return pack_trees(trees, value, _start(estimator))


def _start(estimator: Any) -> FloatArray:
    """Raw scores before the first tree, shape (n_outputs,), if they are the same for every row."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    first = estimator.init_
    constant = (
        first == "zero"
        if isinstance(first, str)
        else isinstance(first, DummyRegressor)
        or (isinstance(first, DummyClassifier) and first.strategy != "stratified")  # which draws anew for each row
    )
    if not constant:
        msg = (
            f"{type(estimator).__name__} starts from {first!r}, whose part of the prediction is in no tree: "
            "train it with init=None or 'zero', or explain it with shap_permutation"
        )
        raise ModelError(msg)
    any_row = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    return np.array(estimator._raw_predict_init(any_row)[0], dtype=np.float64)  # noqa: SLF001 - no public name for it
