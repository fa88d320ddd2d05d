"""XGBoost: leaves bit for bit; margins to the rounding of its sums, which are in single precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost as xgb
from harness.hostile_rows import (
    ENDLESS,
    LARGEST,
    ORDINARY,
    expected_by_cover,
    hostile_rows,
    local_leaves,
    outputs,
    random_table,
    single_precision_error,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.reader import read_forest
from interp_pipeline.explainers.trees.ubjson import read_ubjson
from interp_pipeline.explainers.trees.xgboost_trees import read_learner

if TYPE_CHECKING:
    from interp_pipeline.explainers.trees.packed_forest import PackedForest

SPECIALS = (np.nan, *ORDINARY, *LARGEST)
N_COLUMNS = 5


def read(estimator: Any) -> PackedForest:
    forest = read_forest(estimator)
    assert forest is not None
    return forest


def score_of(rows: np.ndarray) -> np.ndarray:
    return np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1]) + np.isnan(rows[:, 2])


def train(rows: np.ndarray, target: np.ndarray, rounds: int = 8, **options: Any) -> xgb.Booster:
    types = options.pop("feature_types", None)
    data = xgb.DMatrix(rows, target, feature_types=types, enable_categorical=types is not None)
    return xgb.train({"nthread": 1, **options}, data, rounds)


def margins(booster: xgb.Booster, rows: np.ndarray) -> np.ndarray:
    """By the interface that takes infinities."""
    return booster.inplace_predict(rows, predict_type="margin", validate_features=False).reshape(len(rows), -1)


def assert_margins(forest: PackedForest, rows: np.ndarray, expected: np.ndarray) -> None:
    assert (np.abs(outputs(forest, rows) - expected) <= single_precision_error(forest, rows)).all()


def assert_as_the_library(booster: xgb.Booster, rows: np.ndarray, specials: tuple[float, ...] = SPECIALS) -> None:
    forest = read(booster)
    hostile = hostile_rows(forest, rows, specials)
    leaves = booster.predict(xgb.DMatrix(hostile, feature_types=booster.feature_types), pred_leaf=True)
    np.testing.assert_array_equal(local_leaves(forest, hostile), leaves.reshape(len(hostile), -1))
    endless = hostile_rows(forest, rows, (*specials, *ENDLESS))
    with np.errstate(over="ignore"):  # a number beyond single precision is infinity to XGBoost
        assert_margins(forest, endless, margins(booster, endless.astype(np.float32)))


@pytest.mark.parametrize(
    "options",
    [
        {"objective": "binary:logistic"},
        {"objective": "binary:logistic", "base_score": 0.2, "tree_method": "exact", "scale_pos_weight": 3},
        {"objective": "multi:softprob", "num_class": 3},
        {"objective": "multi:softmax", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.5},
        {"objective": "reg:squarederror", "grow_policy": "lossguide", "max_leaves": 12, "max_depth": 0},
        {"objective": "reg:squarederror", "tree_method": "approx", "max_depth": 12, "min_child_weight": 0},
        {"objective": "reg:squarederror", "monotone_constraints": "(1,-1,0,0,0)", "base_score": -3.7},
        {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.5, "seed": 1},
        {"objective": "reg:absoluteerror"},
        {"objective": "reg:pseudohubererror"},
        {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]},
        {"objective": "count:poisson"},
        {"objective": "reg:gamma"},
        {"objective": "reg:tweedie", "base_score": 2.5},
        {"objective": "rank:pairwise"},
        {"objective": "binary:hinge"},
    ],
    ids=str,
)
def test_routes_as_the_library(options: dict[str, Any]) -> None:
    rows = random_table(250, N_COLUMNS, 1)
    score = score_of(rows)
    target = np.exp(score)
    if options["objective"].startswith(("multi", "rank")):
        target = np.digitize(score, [-0.3, 0.6])
    elif options["objective"].startswith("binary"):
        target = score > 0.2
    booster = train(rows, target, **options)
    assert_as_the_library(booster, rows)
    if "quantile_alpha" not in options:  # of which XGBoost gives no contributions
        bias = booster.predict(xgb.DMatrix(rows[:1]), pred_contribs=True)[0, ..., -1].ravel()
        np.testing.assert_allclose(expected_by_cover(read(booster)), bias, rtol=2e-5, atol=2e-6)


def test_one_leaf_and_pruned_trees() -> None:
    rows = random_table(250, N_COLUMNS, 2)
    target = score_of(rows) + np.random.default_rng(0).normal(size=250)
    stump = read(train(rows, target, gamma=1e9))
    assert (stump.left == -1).all()
    assert_margins(stump, rows, margins(train(rows, target, gamma=1e9), rows))
    booster = train(rows, target, rounds=5, tree_method="exact", gamma=2.0, max_depth=8)
    forest = read(booster)
    hostile = hostile_rows(forest, rows, SPECIALS)
    assert_margins(forest, hostile, margins(booster, hostile))
    theirs = booster.predict(xgb.DMatrix(hostile), pred_leaf=True)
    ours = local_leaves(forest, hostile)
    assert theirs.max() > ours.max()  # pruned nodes were left behind and are not kept
    for tree in range(5):  # numbered anew, one to one
        pairs = np.unique(np.column_stack([theirs[:, tree], ours[:, tree]]), axis=0)
        assert len(pairs) == len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1]))
    assert (
        np.bincount(np.concatenate([forest.root, forest.left[forest.left >= 0], forest.right[forest.left >= 0]])) == 1
    ).all()


@pytest.mark.parametrize("layout", ["up to 3.3", "from 3.4 on"])
def test_weights_of_dropped_trees_wherever_they_are_stored(layout: str) -> None:
    rows = random_table(250, N_COLUMNS, 9)
    booster = train(rows, score_of(rows), booster="dart", rate_drop=0.5, seed=1)
    learner = read_ubjson(bytes(booster.save_raw("ubj")))["learner"]
    stored = learner["gradient_booster"]
    model = dict(stored["gbtree"]["model"] if "gbtree" in stored else stored["model"])
    weights = model.pop("weight_drop") if "weight_drop" in model else stored["weight_drop"]
    assert np.ptp(weights) > 0.1
    if layout == "up to 3.3":
        hand_made = {"name": "dart", "gbtree": {"name": "gbtree", "model": model}, "weight_drop": weights}
    else:
        hand_made = {"name": "gbtree", "model": {**model, "weight_drop": weights}}
    forest = read_learner({**learner, "gradient_booster": hand_made})
    assert_margins(forest, rows, margins(booster, rows))


def test_a_booster_with_dropout() -> None:
    """XGBoost 3.4 drops trees of a plain booster, too; before, dropout belonged to the booster dart alone."""
    rows = random_table(250, N_COLUMNS, 9)
    kind = {} if Version(xgb.__version__) >= Version("3.4") else {"booster": "dart"}
    booster = train(rows, score_of(rows), rate_drop=0.5, seed=1, **kind)
    assert_margins(read(booster), rows, margins(booster, rows))


def test_trees_of_all_targets_without_their_leaf_weights() -> None:
    rows = random_table(250, N_COLUMNS, 4)
    booster = train(rows, np.column_stack([score_of(rows)] * 2), multi_strategy="multi_output_tree", rounds=1)
    learner = read_ubjson(bytes(booster.save_raw("ubj")))["learner"]
    learner["gradient_booster"]["model"]["trees"][0].pop("leaf_weights", None)  # as XGBoost 3.0 and 3.1 store it
    message = "trees give all targets at once has no leaf_weights: train it again with XGBoost 3.2 or later"
    with pytest.raises(ModelError, match=message):
        read_learner(learner)


@pytest.mark.parametrize("max_cat_to_onehot", [1, 200])
def test_sets_of_categories(max_cat_to_onehot: int) -> None:
    random = np.random.default_rng(3)
    rows = random_table(400, 4, 3)
    rows[:, 1] = random.integers(0, 130, 400)
    rows[:, 3] = random.integers(0, 5, 400)
    rows[random.random(400) < 0.1, 1] = np.nan
    target = np.sin(rows[:, 1] * 3) + np.isin(rows[:, 3], [1, 4]) + np.nan_to_num(rows[:, 0])
    types = ["q", "c", "q", "c"]
    options = {"feature_types": types, "max_cat_to_onehot": max_cat_to_onehot, "max_depth": 5}
    booster = train(rows, np.nan_to_num(target), **options)
    forest = read(booster)
    sets = forest.category_set >= 0
    assert set(forest.column[sets].tolist()) == {1, 3}
    assert not (sets & ~np.isin(forest.column, [1, 3])).any()
    strange = (*SPECIALS, 0.5, 4.0, 4.9, 5.0, 63.0, 64.0, 129.0, 130.0, 500.0, -1.0, -0.5, 2.0**24, 2.0**24 - 1, 1e9)
    assert_as_the_library(booster, rows, strange)


def test_trees_that_give_all_targets_at_once() -> None:
    rows = random_table(250, N_COLUMNS, 4)
    target = np.column_stack([score_of(rows), -2 * score_of(rows) + 1])
    booster = train(rows, target, multi_strategy="multi_output_tree", tree_method="hist")
    if b"leaf_weights" not in booster.save_raw("json"):  # XGBoost before 3.2 does not write them down
        with pytest.raises(ModelError, match="leaf_weights"):
            read(booster)
        return
    forest = read(booster)
    assert forest.value.shape[1] == 2
    hostile = hostile_rows(forest, rows, SPECIALS)
    assert_margins(forest, hostile, margins(booster, hostile))
    apart = train(rows, target, multi_strategy="one_output_per_tree")
    assert_as_the_library(apart, rows)


@pytest.mark.parametrize(
    ("wrapper", "n_classes"),
    [
        (xgb.XGBClassifier(n_estimators=8), 2),
        (xgb.XGBClassifier(n_estimators=8, missing=-999.1), 3),
        (xgb.XGBRegressor(n_estimators=8, missing=0.0), 0),
        (xgb.XGBRFClassifier(n_estimators=8, max_depth=4), 3),
        (xgb.XGBRFRegressor(n_estimators=8), 0),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else str(value),
)
def test_wrappers_and_their_own_missing_value(wrapper: Any, n_classes: int) -> None:
    rows = random_table(250, N_COLUMNS, 5)
    score = score_of(rows)
    target = np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes)) if n_classes else score
    rows[np.random.default_rng(0).random(rows.shape) < 0.1] = np.nan_to_num(wrapper.missing, nan=-7.0)
    wrapper.set_params(n_jobs=1).fit(rows, target)
    forest = read(wrapper)
    hostile = hostile_rows(forest, rows, (*SPECIALS, -999.1, float(np.float32(-999.1)), -7.0))
    np.testing.assert_array_equal(local_leaves(forest, hostile), wrapper.apply(hostile).reshape(len(hostile), -1))
    assert_margins(forest, hostile, wrapper.predict(hostile, output_margin=True).reshape(len(hostile), -1))


def test_a_wrapper_that_stopped_early_counts_to_its_best_round_and_a_booster_to_its_last() -> None:
    rows = random_table(250, N_COLUMNS, 6)
    target = np.digitize(score_of(rows) + np.random.default_rng(0).normal(size=250), [-0.5, 0.5])
    wrapper = xgb.XGBClassifier(n_estimators=60, early_stopping_rounds=5, n_jobs=1, num_parallel_tree=2)
    wrapper.fit(rows[:125], target[:125], eval_set=[(rows[125:], target[125:])], verbose=False)
    booster = wrapper.get_booster()
    assert wrapper.best_iteration + 1 < booster.num_boosted_rounds()
    assert len(read(wrapper).root) == (wrapper.best_iteration + 1) * 3 * 2
    assert_margins(read(wrapper), rows, wrapper.predict(rows, output_margin=True))
    assert len(read(booster).root) == booster.num_boosted_rounds() * 3 * 2
    assert_margins(read(booster), rows, booster.predict(xgb.DMatrix(rows), output_margin=True))


def test_a_model_saved_and_loaded_reads_the_same(tmp_path: Any) -> None:
    rows = random_table(250, N_COLUMNS, 7)
    booster = train(rows, score_of(rows))
    booster.save_model(tmp_path / "model.json")
    loaded = xgb.Booster(model_file=tmp_path / "model.json")
    for name in ("threshold", "value", "cover", "left"):
        np.testing.assert_array_equal(getattr(read(loaded), name), getattr(read(booster), name))


def test_10000_columns_and_a_path_of_45_features() -> None:
    rows = np.zeros((46, 10_000), dtype=np.float32)
    rows[np.arange(45), 9_000 + np.arange(45)] = 1.0
    options = {"max_depth": 60, "min_child_weight": 0, "lambda": 0, "tree_method": "exact", "eta": 1}
    booster = train(rows, 1.7 ** np.arange(46), rounds=1, **options)
    forest = read(booster)
    assert len(np.unique(forest.column[forest.left >= 0])) > 40
    leaves = booster.predict(xgb.DMatrix(rows), pred_leaf=True)
    np.testing.assert_array_equal(local_leaves(forest, rows)[:, 0], leaves.ravel())


def test_refuses_what_it_cannot_read() -> None:
    rows = random_table(50, 3, 8)
    with pytest.raises(ModelError, match="'gblinear' has no trees"):
        read_forest(train(rows, score_of(rows), booster="gblinear"))
    with pytest.raises(ModelError, match="XGBClassifier is not fitted"):
        read_forest(xgb.XGBClassifier())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    objective=st.sampled_from(["binary:logistic", "reg:squarederror", "multi:softprob", "count:poisson"]),
    tree_method=st.sampled_from(["exact", "hist", "approx"]),
    max_depth=st.integers(1, 9),
    min_child_weight=st.sampled_from([0, 1]),
    scale=st.sampled_from([1.0, 1e-40, 1e30]),
    weighted=st.booleans(),
)
def test_any_booster(
    seed: int,
    objective: str,
    tree_method: str,
    max_depth: int,
    min_child_weight: int,
    scale: float,
    *,
    weighted: bool,
) -> None:
    random = np.random.default_rng(seed)
    rows = (np.round(random_table(80, 3, seed), int(random.integers(0, 5))) * scale).astype(np.float32)
    data = xgb.DMatrix(rows, random.integers(0, 2, 80), weight=random.integers(0, 3, 80) if weighted else None)
    options = {"objective": objective, "tree_method": tree_method, "max_depth": max_depth, "nthread": 1, "num_class": 0}
    options |= {"min_child_weight": min_child_weight, "num_class": 2 if objective.startswith("multi") else 0}
    assert_as_the_library(xgb.train(options, data, 3), rows.astype(np.float64))
