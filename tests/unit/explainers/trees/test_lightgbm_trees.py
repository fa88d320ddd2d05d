"""LightGBM: leaves and raw scores bit for bit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import lightgbm as lgb
import numpy as np
import pytest
from harness.hostile_rows import (
    ENDLESS,
    LARGEST,
    ORDINARY,
    expected_by_cover,
    hostile_rows,
    local_leaves,
    outputs,
    random_table,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.lightgbm_trees import _read_text
from interp_pipeline.explainers.trees.reader import read_forest

if TYPE_CHECKING:
    from interp_pipeline.explainers.trees.packed_forest import PackedForest

ZERO = float(np.float32(1e-35))
AROUND_ZERO = tuple(sign * x for sign in (1, -1) for x in (np.nextafter(ZERO, 0), np.nextafter(ZERO, 1), 1e-36))
SPECIALS = (np.nan, *ORDINARY, *AROUND_ZERO, *LARGEST, *ENDLESS)
QUIET = {"verbose": -1, "num_threads": 1, "deterministic": True, "seed": 0}


def read(estimator: Any) -> PackedForest:
    forest = read_forest(estimator)
    assert forest is not None
    return forest


def score_of(rows: np.ndarray) -> np.ndarray:
    return np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1]) + np.isnan(rows[:, 2])


def train(rows: np.ndarray, target: np.ndarray, rounds: int = 8, **options: Any) -> lgb.Booster:
    categorical = options.pop("categorical_feature", "auto")
    options = {**QUIET, "min_data_in_leaf": 5, **options}
    return lgb.train(options, lgb.Dataset(rows, target, categorical_feature=categorical, params=options), rounds)


def assert_as_the_library(booster: lgb.Booster, rows: np.ndarray, specials: tuple[float, ...] = SPECIALS) -> None:
    forest = read(booster)
    hostile = hostile_rows(forest, rows, specials)
    leaves = booster.predict(hostile, pred_leaf=True).reshape(len(hostile), -1)
    n_splits = np.diff([*forest.root, len(forest.left)]) // 2  # splits come before leaves
    np.testing.assert_array_equal(local_leaves(forest, hostile) - n_splits, leaves)
    expected = booster.predict(hostile, raw_score=True).reshape(len(hostile), -1)
    if averages(booster):  # to which a raw score is the sum; the average of rounded shares differs in last digits
        np.testing.assert_allclose(
            outputs(forest, hostile), expected / booster.current_iteration(), rtol=1e-12, atol=1e-15
        )
    else:
        np.testing.assert_array_equal(outputs(forest, hostile), expected)


def averages(booster: lgb.Booster) -> bool:
    return "\naverage_output\n" in booster.model_to_string()


@pytest.mark.parametrize(
    "options",
    [
        {"objective": "binary"},
        {"objective": "binary", "is_unbalance": True, "boosting": "goss", "data_sample_strategy": "goss"},
        {"objective": "multiclass", "num_class": 3},
        {"objective": "multiclassova", "num_class": 3, "boosting": "dart", "drop_rate": 0.5},
        {"objective": "regression", "num_leaves": 120, "min_data_in_leaf": 1},
        {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
        {"objective": "multiclass", "num_class": 3, "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
        {"objective": "regression", "monotone_constraints": [1, -1, 0, 0, 0], "extra_trees": True},
        {"objective": "regression_l1", "path_smooth": 2.0},
        {"objective": "quantile", "alpha": 0.3},
        {"objective": "poisson"},
        {"objective": "gamma", "max_depth": 2},
        {"objective": "regression", "zero_as_missing": True},
        {"objective": "regression", "use_missing": False},
        {"objective": "regression", "min_data_in_leaf": 10_000},
        {
            "objective": "regression",
            "boosting": "rf",
            "bagging_freq": 1,
            "bagging_fraction": 0.6,
            "min_data_in_leaf": 999,
        },
    ],
    ids=str,
)
def test_routes_as_the_library(options: dict[str, Any]) -> None:
    rows = random_table(300, 5, 1)
    rows[np.random.default_rng(0).random(rows.shape) < 0.1] = 0.0
    rows[:, 4] = np.nan_to_num(rows[:, 4], nan=1.0)  # one column without missing values
    score = score_of(rows)
    target = np.exp(score)
    if options["objective"].startswith("multi"):
        target = np.digitize(score, [-0.3, 0.6])
    elif options["objective"] == "binary":
        target = (score > 0.2).astype(float)
    booster = train(rows, target, **options)
    assert_as_the_library(booster, rows)
    forest = read(booster)
    contributions = np.asarray(booster.predict(rows[:1], pred_contrib=True)).reshape(forest.n_outputs, -1)
    rounds = booster.current_iteration() if averages(booster) else 1
    np.testing.assert_allclose(expected_by_cover(forest), contributions[:, -1] / rounds, rtol=1e-10, atol=1e-12)


def test_a_random_forest_gives_the_average_that_is_served() -> None:
    rows = random_table(300, 3, 8)
    options = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
    number = train(rows, score_of(rows), objective="regression", **options)
    np.testing.assert_allclose(outputs(read(number), rows)[:, 0], number.predict(rows), rtol=1e-12)
    binary = train(rows, score_of(rows) > 0, objective="binary", **options)
    served = 1 / (1 + np.exp(-outputs(read(binary), rows)[:, 0]))
    np.testing.assert_allclose(served, binary.predict(rows), rtol=1e-12)


def test_numbers_around_0_are_0() -> None:
    """LightGBM splits at 1e-35; other thresholds so near to 0 are put into a model by hand."""
    rows = random_table(300, 2, 2, missing=0)
    for options in ({}, {"zero_as_missing": True}, {"use_missing": False}):
        text = train(rows, (rows[:, 0] > 0) + 0.1 * rows[:, 1], rounds=2, **options).model_to_string()
        for threshold in ("5e-36", "-5e-36", "0", "-0", "1.0000000180025095e-35", "-1.0000000180025095e-35"):
            at_zero = re.sub(r"(?m)^threshold=\S+", f"threshold={threshold}", text)
            at_zero = re.sub(r"(?m)^tree_sizes=.*\n", "", at_zero)
            assert_as_the_library(lgb.Booster(model_str=at_zero), rows)


@pytest.mark.parametrize("options", [{}, {"use_missing": False}, {"zero_as_missing": True}, {"max_cat_to_onehot": 500}])
def test_sets_of_categories(options: dict[str, Any]) -> None:
    random = np.random.default_rng(3)
    rows = random_table(500, 4, 3)
    rows[:, 1] = random.integers(0, 130, 500)
    rows[:, 3] = random.choice([0, 3, 64, 70_000], 500)
    rows[random.random(500) < 0.1, 1] = np.nan
    target = np.sin(np.nan_to_num(rows[:, 1]) * 3) + np.isin(rows[:, 3], [3, 64]) + np.nan_to_num(rows[:, 0])
    booster = train(
        rows, target, categorical_feature=[1, 3], min_data_per_group=2, cat_smooth=0, num_leaves=15, **options
    )
    forest = read(booster)
    assert 3 in forest.column[forest.category_set >= 0]
    assert forest.category_bits.shape[1] <= 3  # 70000 is one of the column's codes, not a bit's number
    strange = (*SPECIALS, -0.5, -1.0, 0.5, 2.9, 3.9, 64.0, 129.0, 130.0, 70_000.0, 2.0**31, 2.0**32 + 3, 2.0**64)
    assert_as_the_library(booster, rows, strange)


def test_refuses_0_as_missing_in_some_trees_only() -> None:
    rows = random_table(300, 2, 4, missing=0)
    first = train(rows, rows[:, 0], zero_as_missing=True, rounds=2)
    data = lgb.Dataset(rows, rows[:, 0], params=QUIET, free_raw_data=False)
    both = lgb.train({**QUIET, "min_data_in_leaf": 5}, data, 2, init_model=first)
    with pytest.raises(ModelError, match="column 0 for missing in some splits"):
        read_forest(both)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_wrappers(n_classes: int) -> None:
    rows = random_table(300, 4, 5)
    score = score_of(rows)
    target = np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes)) if n_classes else score
    wrapper = (lgb.LGBMClassifier if n_classes else lgb.LGBMRegressor)(n_estimators=8, n_jobs=1, verbose=-1)
    wrapper.fit(rows, target)
    expected = wrapper.predict(rows, raw_score=True).reshape(len(rows), -1)
    np.testing.assert_array_equal(outputs(read(wrapper), rows), expected)
    assert_as_the_library(wrapper.booster_, rows)


def test_counts_to_the_best_round() -> None:
    rows = random_table(300, 4, 6)
    score = score_of(rows)
    options = {**QUIET, "objective": "multiclass", "num_class": 3}
    target = np.digitize(score + np.random.default_rng(0).normal(size=300), [-0.5, 0.5])
    learn = lgb.Dataset(rows[:150], target[:150], params=options)
    stop = lgb.early_stopping(3, verbose=False)
    stopped = lgb.train(options, learn, 80, [learn.create_valid(rows[150:], target[150:])], callbacks=[stop])
    assert len(read(stopped).root) == 3 * stopped.best_iteration < 3 * 80
    np.testing.assert_array_equal(outputs(read(stopped), rows), stopped.predict(rows, raw_score=True))
    booster = train(rows, score)
    booster.best_iteration = 3  # as a wrapper sets it
    assert len(read(booster).root) == 3 < booster.current_iteration()
    np.testing.assert_array_equal(outputs(read(booster), rows)[:, 0], booster.predict(rows))


def test_refuses_what_it_cannot_read() -> None:
    rows = random_table(300, 3, 7, missing=0)
    linear = train(rows, rows[:, 0] ** 2, linear_tree=True)
    with pytest.raises(ModelError, match="linear models"):
        read_forest(linear)
    with pytest.raises(ModelError, match="LGBMClassifier is not fitted"):
        read_forest(lgb.LGBMClassifier())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    objective=st.sampled_from(["binary", "regression", "multiclass"]),
    leaves=st.integers(2, 40),
    missing=st.sampled_from(["use_missing", "zero_as_missing", ""]),
    categorical=st.lists(st.integers(0, 2), unique=True, max_size=3),
    scale=st.sampled_from([1.0, 1e-36, 1e200]),
    weighted=st.booleans(),
)
def test_any_booster(
    seed: int,
    objective: str,
    leaves: int,
    missing: str,
    categorical: list[int],
    scale: float,
    *,
    weighted: bool,
) -> None:
    random = np.random.default_rng(seed)
    rows = np.round(random_table(120, 3, seed), int(random.integers(0, 4))) * scale
    for column in categorical:
        rows[:, column] = random.integers(0, 40, 120)
    options: dict[str, Any] = {**QUIET, "objective": objective, "num_leaves": leaves, "min_data_in_leaf": 1}
    options |= {"min_data_per_group": 1, "cat_smooth": 0, "num_class": 3 if objective == "multiclass" else 1}
    options |= {missing: missing == "zero_as_missing"} if missing else {}
    target = random.integers(0, options["num_class"] if objective == "multiclass" else 2, 120)
    weight = random.integers(0, 3, 120) if weighted else None
    data = lgb.Dataset(rows, target, weight=weight, categorical_feature=categorical, params=options)
    assert_as_the_library(lgb.train(options, data, 3), rows)


def test_trees_of_one_leaf_as_lightgbm_4_5_stores_them() -> None:
    """It counts no rows there: the line is empty."""
    rows = random_table(60, 3, 2)
    stored = train(rows, score_of(rows), min_data_in_leaf=10_000).model_to_string()
    older = re.sub(r"^leaf_count=.*$", "leaf_count=", stored, flags=re.MULTILINE)
    assert "num_leaves=1\n" in older
    forest = _read_text(older)
    np.testing.assert_array_equal(forest.value, _read_text(stored).value)
    assert (forest.cover > 0).all()
