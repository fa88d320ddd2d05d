"""Gradient boosting of scikit-learn: raw scores bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness.hostile_rows import ORDINARY, hostile_rows, local_leaves, outputs, random_table
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.reader import read_forest

ROWS = random_table(200, 4, 1, missing=0)
SCORE = ROWS[:, 0] * ROWS[:, 1] + ROWS[:, 2]
TARGETS = {"binary": SCORE > 0, "three": np.digitize(SCORE, [-0.7, 0.7]), "number": SCORE}


def assert_as_the_library(estimator: Any, rows: np.ndarray) -> None:
    forest = read_forest(estimator)
    assert forest is not None
    hostile = hostile_rows(forest, rows, ORDINARY)
    leaves = estimator.apply(hostile).reshape(len(hostile), -1)
    np.testing.assert_array_equal(local_leaves(forest, hostile), leaves)
    score = getattr(estimator, "decision_function", estimator.predict)
    np.testing.assert_array_equal(outputs(forest, hostile), score(hostile).reshape(len(hostile), -1))


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (GradientBoostingClassifier(n_estimators=15), "binary"),
        (GradientBoostingClassifier(n_estimators=15, loss="exponential", subsample=0.5, random_state=0), "binary"),
        (GradientBoostingClassifier(n_estimators=15, learning_rate=0.3), "three"),
        (GradientBoostingClassifier(n_estimators=15, init="zero"), "three"),
        (GradientBoostingClassifier(n_estimators=15, init=DummyClassifier(strategy="uniform")), "binary"),
        (GradientBoostingRegressor(n_estimators=15, max_depth=6), "number"),
        (GradientBoostingRegressor(n_estimators=15, loss="huber", max_leaf_nodes=7), "number"),
        (GradientBoostingRegressor(n_estimators=15, loss="quantile"), "number"),
        (GradientBoostingRegressor(n_estimators=15, loss="absolute_error", init="zero"), "number"),
        (GradientBoostingRegressor(n_estimators=15, init=DummyRegressor(strategy="constant", constant=3.5)), "number"),
        (GradientBoostingRegressor(n_estimators=3, min_samples_split=1000), "number"),
        (GradientBoostingRegressor(n_estimators=100, n_iter_no_change=2), "number"),
    ],
    ids=str,
)
def test_raw_scores_bit_for_bit(estimator: Any, target: str) -> None:
    weight = np.random.default_rng(0).integers(0, 3, len(ROWS)) + 0.25
    assert_as_the_library(estimator.fit(ROWS, TARGETS[target], weight), ROWS)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (GradientBoostingClassifier(init=LogisticRegression()), "binary"),
        (GradientBoostingRegressor(init=LinearRegression()), "number"),
        (GradientBoostingClassifier(init=DummyClassifier(strategy="stratified")), "binary"),
    ],
)
def test_refuses_a_start_that_is_in_no_tree(estimator: Any, target: str) -> None:
    with pytest.raises(ModelError, match="init=None or 'zero'"):
        read_forest(estimator.fit(ROWS, TARGETS[target]))


def test_refuses_an_unfitted_one() -> None:
    with pytest.raises(ModelError, match="GradientBoostingClassifier is not fitted"):
        read_forest(GradientBoostingClassifier())


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_classes=st.sampled_from([0, 2, 4]),
    depth=st.integers(1, 8),
    rate=st.floats(0.01, 2),
)
def test_any_boosted_ensemble(seed: int, n_classes: int, depth: int, rate: float) -> None:
    random = np.random.default_rng(seed)
    rows = np.round(random.normal(size=(60, 3)), 2)
    kind = GradientBoostingClassifier if n_classes else GradientBoostingRegressor
    target = np.arange(60) % n_classes if n_classes else random.normal(size=60)
    assert_as_the_library(kind(n_estimators=4, max_depth=depth, learning_rate=rate).fit(rows, target), rows)
