"""Histogram gradient boosting: raw scores bit for bit, with missing values and sets of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.hostile_rows import ENDLESS, LARGEST, ORDINARY, hostile_rows, outputs, random_table
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.reader import read_forest

if TYPE_CHECKING:
    from interp_pipeline.explainers.trees.packed_forest import PackedForest

SPECIALS = (np.nan, *ORDINARY, *LARGEST, *ENDLESS)
CATEGORIES = np.array([-3.0, 0.0, 1.0, 2.5, 7.0, 300.0, 1e9])


def read(estimator: Any) -> PackedForest:
    forest = read_forest(estimator)
    assert forest is not None
    return forest


def assert_as_the_library(estimator: Any, rows: np.ndarray, specials: tuple[float, ...] = SPECIALS) -> None:
    forest = read(estimator)
    categorical = () if estimator.is_categorical_ is None else np.flatnonzero(estimator.is_categorical_).tolist()
    hostile = hostile_rows(forest, rows, specials, finite=categorical)
    np.testing.assert_array_equal(outputs(forest, hostile), estimator._raw_predict(hostile))


def score_of(rows: np.ndarray) -> np.ndarray:
    return np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1]) + np.isnan(rows[:, 2])


@pytest.mark.parametrize(
    ("estimator", "n_classes"),
    [
        (HistGradientBoostingClassifier(max_iter=12), 2),
        (HistGradientBoostingClassifier(max_iter=12, max_depth=3), 4),
        (HistGradientBoostingClassifier(max_iter=100, early_stopping=True, n_iter_no_change=2), 3),
        (HistGradientBoostingRegressor(max_iter=12, monotonic_cst=[1, -1, 0, 0, 0]), 0),
        (HistGradientBoostingRegressor(max_iter=12, interaction_cst="pairwise", max_features=0.5), 0),
        (HistGradientBoostingRegressor(max_iter=12, loss="poisson"), 0),
        (HistGradientBoostingRegressor(max_iter=12, loss="gamma"), 0),
        (HistGradientBoostingRegressor(max_iter=12, loss="quantile", quantile=0.3), 0),
        (HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=1000), 0),
        (HistGradientBoostingRegressor(max_iter=2, max_leaf_nodes=None, min_samples_leaf=1), 0),
    ],
    ids=str,
)
def test_raw_scores_bit_for_bit(estimator: Any, n_classes: int) -> None:
    rows = random_table(300, 5, 1)
    score = score_of(rows)
    target = np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes)) if n_classes else np.exp(score)
    weight = np.random.default_rng(0).integers(0, 3, len(rows)) + 0.5
    estimator.fit(rows, target, weight)
    assert_as_the_library(estimator, rows)
    if hasattr(estimator, "decision_function"):
        expected = estimator.decision_function(rows).reshape(len(rows), -1)
        np.testing.assert_array_equal(outputs(read(estimator), rows), expected)


def with_categories(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns 1 and 3 of five hold categories, some of them negative, fractional or beyond 255."""
    random = np.random.default_rng(seed)
    rows = random_table(400, 5, seed)
    rows[:, 1] = random.choice(CATEGORIES, len(rows))
    rows[:, 3] = random.integers(0, 90, len(rows))
    rows[random.random(len(rows)) < 0.1, 1] = np.nan
    score = np.isin(rows[:, 1], [-3, 2.5, 300]) + np.sin(rows[:, 3]) + np.nan_to_num(rows[:, 0])
    return rows, score


@pytest.mark.parametrize("kind", ["binary", "three classes", "regression", "stops early"])
def test_sets_of_categories_bit_for_bit(kind: str) -> None:
    rows, score = with_categories(2)
    options: dict[str, Any] = {"categorical_features": [1, 3], "max_iter": 15, "min_samples_leaf": 3, "random_state": 0}
    if kind == "stops early":  # the categories of the rows held back are known to no tree
        options |= {"early_stopping": True, "validation_fraction": 0.5}
    estimator: Any
    if kind == "regression":
        estimator = HistGradientBoostingRegressor(**options).fit(rows, score)
    else:
        edges = [0.0, 1.0] if kind == "three classes" else [0.5]
        estimator = HistGradientBoostingClassifier(**options).fit(rows, np.digitize(score, edges))
    forest = read(estimator)
    assert {1, 3} & set(forest.column[forest.category_set >= 0].tolist())
    assert (forest.cover[forest.root] > 0).all()
    strange = (*SPECIALS, *CATEGORIES, -1.0, -0.5, 0.5, 2.0, 44.0, 89.0, 90.0, 255.0, 256.0, 4294967296.0)
    assert_as_the_library(estimator, rows, strange)


def test_categories_that_are_no_numbers_are_given_as_codes() -> None:
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, 300)
    names = np.array(["amber", "blue", "cyan", "dun"])
    x = random.normal(size=300)
    table = pd.DataFrame({"x": x, "colour": pd.Categorical(names[codes], categories=names[::-1])})
    table.loc[::17, "colour"] = np.nan
    target = x + np.isin(codes, [1, 3]) * 2
    estimator = HistGradientBoostingRegressor(max_iter=10, categorical_features="from_dtype").fit(table, target)
    encoded = np.column_stack(
        [x, np.where(table["colour"].isna(), np.nan, codes)]
    )  # alphabetic, as the library numbers
    np.testing.assert_array_equal(outputs(read(estimator), encoded)[:, 0], estimator.predict(table))
    unknown = pd.DataFrame({"x": x, "colour": pd.Categorical(["red"] * 300)})
    np.testing.assert_array_equal(outputs(read(estimator), encoded * [1, 0] + [0, 9])[:, 0], estimator.predict(unknown))


def test_numbers_as_categories_of_a_table() -> None:
    rows, score = with_categories(3)
    table = pd.DataFrame(rows).astype({1: "category", 3: "int64"}).astype({3: "category"})
    estimator = HistGradientBoostingRegressor(max_iter=10, categorical_features="from_dtype").fit(table, score)
    np.testing.assert_array_equal(outputs(read(estimator), rows)[:, 0], estimator.predict(table))


def test_cover_is_the_number_of_training_rows() -> None:
    rows = random_table(120, 4, 5)
    forest = read(HistGradientBoostingRegressor(max_iter=3).fit(rows, score_of(rows)))
    assert (forest.cover[forest.root] == 120).all()
    inner = np.flatnonzero(forest.left >= 0)
    np.testing.assert_array_equal(
        forest.cover[forest.left[inner]] + forest.cover[forest.right[inner]], forest.cover[inner]
    )


def test_refuses_an_unfitted_one() -> None:
    with pytest.raises(ModelError, match="HistGradientBoostingRegressor is not fitted"):
        read_forest(HistGradientBoostingRegressor())


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_classes=st.sampled_from([0, 2, 3]),
    categorical=st.lists(st.integers(0, 3), unique=True, max_size=4),
    max_bins=st.sampled_from([20, 255]),
    missing=st.sampled_from([0.0, 0.3]),
)
def test_any_boosted_ensemble(seed: int, n_classes: int, categorical: list[int], max_bins: int, missing: float) -> None:
    random = np.random.default_rng(seed)
    rows = random_table(90, 4, seed, missing=missing)
    for column in categorical:
        rows[:, column] = np.round(rows[:, column] * 2) / 2
    options: dict[str, Any] = {"categorical_features": categorical or None, "max_bins": max_bins, "max_iter": 3}
    kind = HistGradientBoostingClassifier if n_classes else HistGradientBoostingRegressor
    target = np.arange(90) % n_classes if n_classes else random.normal(size=90)
    assert_as_the_library(kind(min_samples_leaf=2, **options).fit(rows, target), rows)
