"""Decision trees and forests of scikit-learn: routed as their own ``apply`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness.hostile_rows import ORDINARY, hostile_rows, local_leaves, outputs, random_table
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.reader import read_forest

if TYPE_CHECKING:
    from interp_pipeline.explainers.trees.packed_forest import PackedForest

N_COLUMNS = 5


def labels(rows: np.ndarray, n_classes: int) -> np.ndarray:
    score = np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1]) + np.isnan(rows[:, 2])
    return np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes)) if n_classes else score


def read(estimator: Any) -> PackedForest:
    forest = read_forest(estimator)
    assert forest is not None
    return forest


def assert_as_the_library(estimator: Any, rows: np.ndarray, specials: tuple[float, ...]) -> None:
    """Leaves bit for bit; outputs to the rounding of a sum in another order."""
    forest = read(estimator)
    hostile = hostile_rows(forest, rows, specials)
    expected = estimator.apply(hostile).reshape(len(hostile), -1)
    np.testing.assert_array_equal(local_leaves(forest, hostile), expected)
    predicted = estimator.predict_proba(hostile) if hasattr(estimator, "predict_proba") else estimator.predict(hostile)
    predicted = predicted.reshape(len(hostile), -1)
    np.testing.assert_allclose(outputs(forest, hostile), predicted, rtol=1e-12, atol=1e-14)
    if len(forest.root) == 1:
        np.testing.assert_array_equal(outputs(forest, hostile), predicted)
    assert forest.outputs_sum_to_constant == hasattr(estimator, "predict_proba")


@pytest.mark.parametrize(
    ("estimator", "n_classes"),
    [
        (RandomForestClassifier(10, random_state=0), 2),
        (RandomForestClassifier(10, random_state=0, class_weight="balanced_subsample", max_depth=4), 3),
        (RandomForestRegressor(10, random_state=0, bootstrap=False, max_features=2), 0),
        (ExtraTreesClassifier(10, random_state=0, bootstrap=True), 3),
        (ExtraTreesRegressor(10, random_state=0), 0),
        (DecisionTreeClassifier(random_state=0, criterion="entropy"), 4),
        (DecisionTreeClassifier(random_state=0, max_leaf_nodes=9), 2),
        (DecisionTreeClassifier(random_state=0, ccp_alpha=0.01), 2),
        (DecisionTreeRegressor(random_state=0, min_samples_leaf=5), 0),
        (ExtraTreeClassifier(random_state=0), 3),
        (ExtraTreeRegressor(random_state=0), 0),
        (RandomForestClassifier(3, min_samples_split=1000, random_state=0), 3),
        (DecisionTreeRegressor(max_depth=1), 0),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else str(value),
)
@pytest.mark.parametrize("weighted", [False, True])
def test_routes_as_the_library_with_missing_values(estimator: Any, n_classes: int, *, weighted: bool) -> None:
    rows = random_table(200, N_COLUMNS, 1)
    weight = np.random.default_rng(2).integers(0, 4, len(rows)) * 0.7 if weighted else None  # some of them 0
    estimator.fit(rows, labels(rows, n_classes), weight)
    assert_as_the_library(estimator, rows, (np.nan, *ORDINARY))


@pytest.mark.parametrize("monotonic", [None, [1, -1, 0, 0, 1]])
def test_routes_missing_values_the_training_did_not_have(monotonic: list[int] | None) -> None:
    rows = random_table(200, N_COLUMNS, 3, missing=0)
    forest = RandomForestClassifier(10, random_state=0, monotonic_cst=monotonic).fit(rows, labels(rows, 2))
    missing = (np.nan,) if monotonic is None or _takes_missing(forest) else ()
    assert_as_the_library(forest, rows, (*missing, *ORDINARY))


def _takes_missing(forest: RandomForestClassifier) -> bool:
    """scikit-learn 1.7 refuses missing values where an effect has a direction."""
    try:
        forest.predict(np.full((1, N_COLUMNS), np.nan))
    except ValueError:
        return False
    return True


def test_thresholds_between_neighbouring_single_precision_numbers() -> None:
    random = np.random.default_rng(0)
    bits = np.float32(12345.678).view(np.int32) + random.integers(0, 40, (300, 2), dtype=np.int32)
    rows = bits.view(np.float32).astype(np.float64)
    forest = RandomForestRegressor(10, random_state=0).fit(rows, random.normal(size=300))
    between = read(forest).threshold[read(forest).left >= 0]
    assert (between != between.astype(np.float32)).any()  # so that rounding thresholds would show
    assert_as_the_library(forest, rows, ORDINARY)


def test_several_targets_are_the_outputs_of_a_regressor() -> None:
    rows = random_table(150, N_COLUMNS, 4, missing=0)
    targets = np.column_stack([rows[:, 0], rows[:, 1] ** 2, -rows[:, 2]])
    for kind in (RandomForestRegressor, ExtraTreesRegressor):
        forest = kind(7, random_state=0).fit(rows, targets)
        assert read(forest).n_outputs == 3
        assert_as_the_library(forest, rows, ORDINARY)


def test_a_chain_of_45_features_and_10000_columns() -> None:
    rows = np.zeros((46, 10_000))
    rows[np.arange(45), 9_000 + np.arange(45)] = 1.0
    chain = DecisionTreeRegressor(random_state=0).fit(rows, 3.0 ** np.arange(46))
    assert chain.get_depth() == 45
    forest = read(chain)
    assert set(forest.column[forest.left >= 0]) == set(range(9_000, 9_045))
    assert_as_the_library(chain, rows, (0.5, 1.0))


def test_cover_is_the_weight_of_the_training_rows() -> None:
    rows = random_table(80, N_COLUMNS, 5, missing=0)  # scikit-learn 1.7 counts NaN where it does not send it
    weight = np.random.default_rng(0).random(80) + 0.1
    forest = read(DecisionTreeRegressor(max_depth=3, random_state=0).fit(rows, labels(rows, 0), weight))
    leaves = local_leaves(forest, rows)[:, 0]
    for leaf in np.unique(leaves):
        assert forest.cover[leaf] == pytest.approx(weight[leaves == leaf].sum())
    inner = np.flatnonzero(forest.left >= 0)
    np.testing.assert_allclose(
        forest.cover[forest.left[inner]] + forest.cover[forest.right[inner]], forest.cover[inner]
    )


def test_refuses_what_it_cannot_read() -> None:
    rows = random_table(50, N_COLUMNS, 6, missing=0)
    two = np.column_stack([labels(rows, 2), labels(rows[:, ::-1], 3)])
    with pytest.raises(ModelError, match="2 targets at once"):
        read_forest(RandomForestClassifier(3).fit(rows, two))
    for unfitted in (DecisionTreeRegressor(), ExtraTreesClassifier()):
        with pytest.raises(ModelError, match="is not fitted"):
            read_forest(unfitted)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_rows=st.integers(2, 80),
    n_classes=st.sampled_from([0, 2, 3]),
    max_depth=st.sampled_from([1, 3, None]),
    extra=st.booleans(),
    missing=st.sampled_from([0.0, 0.3]),
    scale=st.sampled_from([1.0, 1e-42, 1e30]),
)
def test_routes_any_forest(
    seed: int, n_rows: int, n_classes: int, max_depth: int | None, missing: float, scale: float, *, extra: bool
) -> None:
    random = np.random.default_rng(seed)
    rows = np.round(random_table(n_rows, 3, seed, missing=missing), int(random.integers(0, 4))) * scale
    kinds = (ExtraTreesClassifier, ExtraTreesRegressor) if extra else (RandomForestClassifier, RandomForestRegressor)
    estimator = kinds[n_classes == 0](3, max_depth=max_depth, random_state=seed)
    estimator.fit(rows, random.integers(0, n_classes, n_rows) if n_classes else random.normal(size=n_rows))
    assert_as_the_library(estimator, rows, (np.nan, *ORDINARY))
