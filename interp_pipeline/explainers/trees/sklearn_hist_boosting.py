"""Scikit-learn's histogram gradient boosting: missing values and sets of categories."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.packed_forest import PackedForest
from interp_pipeline.explainers.trees.packing import as_codes, first_nodes, positive_cover

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from interp_pipeline.explanation import FloatArray

__all__ = ["HistForest", "read_sklearn_hist_boosting"]

_ALL_CATEGORIES = 256  # bits of a set of categories in scikit-learn


@dataclass(frozen=True, kw_only=True, eq=False)
class HistForest(PackedForest):
    """A forest whose library numbers the categories of a column before it compares them.

    Attributes:
        categories: per categorical column its categories in ascending order, whose positions are
            the codes; a column whose categories are no numbers is given as codes already.
    """

    categories: Mapping[int, FloatArray] = field(default_factory=dict)

    def as_compared(self, encoded: FloatArray) -> FloatArray:
        """Categories as codes, a value that is none of them as -1; other columns as they are."""
        if not self.categories:
            return super().as_compared(encoded)
        compared = np.array(encoded, dtype=np.float64)
        for column, known in self.categories.items():
            compared[:, column] = as_codes(compared[:, column], known)
        return compared


def read_sklearn_hist_boosting(estimator: Any) -> PackedForest | None:
    """A ``HistGradientBoostingClassifier`` or ``-Regressor``; None for anything else.

    Outputs are its raw scores, before the loss's link: a squared-error regressor's prediction, the
    logarithm of a Poisson regressor's, log-odds of the positive class, or one score per class.

    Args:
        estimator: fitted scikit-learn estimator.

    Raises:
        ModelError: it is not fitted.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if not isinstance(estimator, (HistGradientBoostingClassifier, HistGradientBoostingRegressor)):
        return None
    if not hasattr(estimator, "_predictors"):
        msg = f"{type(estimator).__name__} is not fitted: fit it before it is registered"
        raise ModelError(msg)
    stages = estimator._predictors  # noqa: SLF001 - scikit-learn has no public name for its trees
    predictors = [predictor for stage in stages for predictor in stage]
    counts = np.array([len(predictor.nodes) for predictor in predictors])
    nodes = np.concatenate([predictor.nodes for predictor in predictors])
    root = first_nodes(counts)
    leaf = nodes["is_leaf"] != 0
    first = np.repeat(root, counts)
    left, right = (np.where(leaf, -1, nodes[side] + first).astype(np.int32) for side in ("left", "right"))
    missing_left = nodes["missing_go_to_left"] != 0
    n_outputs = len(stages[0])
    value = np.zeros((len(nodes), n_outputs))
    output = np.repeat(np.arange(len(predictors)) % n_outputs, counts)
    value[np.arange(len(nodes)), output] = np.where(leaf, nodes["value"], 0.0)
    category_set, category_bits = _category_sets(estimator, predictors, nodes, missing_left)
    return HistForest(
        column=np.where(leaf, -1, _input_columns(estimator)[nodes["feature_idx"]]).astype(np.int32),
        threshold=np.ascontiguousarray(nodes["num_threshold"]),
        left=left,
        right=right,
        missing_left=missing_left,
        category_set=category_set,
        category_bits=category_bits,
        unseen_left=missing_left.copy(),  # an unknown category is a missing value
        cover=positive_cover(nodes["count"].astype(np.float64), left, right, root),
        value=value,
        root=root,
        offset=np.array(estimator._baseline_prediction, dtype=np.float64).reshape(n_outputs),  # noqa: SLF001 - no public name
        single_precision=False,
        categories=_categories(estimator),
    )


def _input_columns(estimator: Any) -> npt.NDArray[np.int64]:
    """The input's column for each of the trees': they see the categorical ones first."""
    if estimator.is_categorical_ is None:
        return np.arange(estimator.n_features_in_)
    return np.argsort(~estimator.is_categorical_, kind="stable")


def _categories(estimator: Any) -> dict[int, FloatArray]:
    """Per categorical column what its codes 0, 1, ... stand for."""
    if estimator.is_categorical_ is None:
        return {}
    encoder = estimator._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - no public name for it
    return {
        int(column): _as_numbers(categories)
        for column, categories in zip(np.flatnonzero(estimator.is_categorical_), encoder.categories_, strict=True)
    }


def _as_numbers(categories: npt.NDArray[Any]) -> FloatArray:
    """Categories as doubles without the missing one; their positions where they are no numbers."""
    present = [c for c in categories.tolist() if c is not None and c == c]  # noqa: PLR0124 - NaN is no category
    if all(isinstance(c, Real) for c in present):
        return np.array(present, dtype=np.float64)
    return np.arange(len(present), dtype=np.float64)


def _category_sets(
    estimator: Any, predictors: list[Any], nodes: npt.NDArray[Any], missing_left: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """``category_set`` and ``category_bits``: a set holds what a node sends left.

    Those are the categories of its own set and, where it sends missing values left, all that were
    not seen in training.
    """
    categorical = np.flatnonzero((nodes["is_categorical"] != 0) & (nodes["is_leaf"] == 0))
    category_set = np.full(len(nodes), -1, dtype=np.int32)
    if not len(categorical):
        return category_set, np.zeros((0, 1), dtype=np.uint64)
    category_set[categorical] = np.arange(len(categorical))
    sets_of_tree = [len(predictor.raw_left_cat_bitsets) for predictor in predictors]
    tree_of = np.repeat(np.arange(len(predictors)), [len(predictor.nodes) for predictor in predictors])[categorical]
    own = np.concatenate([predictor.raw_left_cat_bitsets for predictor in predictors])
    words = own[first_nodes(sets_of_tree)[tree_of] + nodes["bitset_idx"][categorical]]
    seen, row_of_column = estimator._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001 - no public name for it
    unseen = ~seen[row_of_column[nodes["feature_idx"][categorical]]]
    words = words | np.where(missing_left[categorical, None], unseen, np.uint32(0))
    halves = words.astype(np.uint64).reshape(len(words), _ALL_CATEGORIES // 64, 2)
    return category_set, halves[..., 0] | halves[..., 1] << np.uint64(32)
