"""CatBoost: leaves by their own numbers, raw values to the last bits of their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import catboost as cb
import numpy as np
import pytest
from harness.hostile_rows import ENDLESS, LARGEST, ORDINARY, hostile_rows, outputs, random_table

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.reader import read_forest

if TYPE_CHECKING:
    from interp_pipeline.explainers.trees.packed_forest import PackedForest

SPECIALS = (np.nan, *ORDINARY, *LARGEST, *ENDLESS)
SMALL: dict[str, Any] = {"iterations": 6, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
N_COLUMNS = 5


def read(estimator: Any) -> PackedForest:
    forest = read_forest(estimator)
    assert forest is not None
    return forest


def score_of(rows: np.ndarray) -> np.ndarray:
    return np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1]) + np.isnan(rows[:, 2])


def raw(native: Any, rows: np.ndarray) -> np.ndarray:
    return np.asarray(native.predict(rows, prediction_type="RawFormulaVal")).reshape(len(rows), -1)


@pytest.mark.parametrize(
    "native",
    [
        cb.CatBoostRegressor(**SMALL),
        cb.CatBoostRegressor(**SMALL, nan_mode="Max"),
        cb.CatBoostRegressor(**{**SMALL, "depth": 1}),
        cb.CatBoostRegressor(**SMALL, loss_function="Poisson"),
        cb.CatBoostRegressor(**SMALL, loss_function="MultiRMSE"),
        cb.CatBoostRegressor(**SMALL, loss_function="RMSEWithUncertainty"),
        cb.CatBoostRegressor(**SMALL, grow_policy="Lossguide", max_leaves=9),
        cb.CatBoostClassifier(**SMALL, grow_policy="Depthwise", loss_function="MultiClass"),
        cb.CatBoostClassifier(**SMALL),
        cb.CatBoostClassifier(**SMALL, boosting_type="Ordered", auto_class_weights="Balanced"),
        cb.CatBoostClassifier(**SMALL, loss_function="MultiClass", border_count=3),
        cb.CatBoostClassifier(**SMALL, loss_function="MultiClassOneVsAll"),
    ],
    ids=lambda native: " ".join(str(value) for key, value in native.get_params().items() if key not in SMALL),
)
def test_routes_as_the_library(native: Any) -> None:
    rows = random_table(250, N_COLUMNS, 1)
    score = score_of(rows)
    loss = native.get_params().get("loss_function", "")
    target = np.digitize(score, [-0.3, 0.6] if loss.startswith("MultiClass") else [0.2])
    if isinstance(native, cb.CatBoostRegressor):
        target = np.column_stack([score, -score]) if loss == "MultiRMSE" else np.exp(score)
    native.fit(rows, target)
    forest = read(native)
    with np.errstate(over="ignore"):  # a border may be the largest number there is in single precision
        hostile = hostile_rows(forest, rows, SPECIALS)
        expected = raw(native, hostile)
    np.testing.assert_allclose(outputs(forest, hostile), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_columns_that_had_no_gap_in_training() -> None:
    rows = np.nan_to_num(random_table(250, N_COLUMNS, 2))
    for mode in ("Min", "Max", "Forbidden"):
        native = cb.CatBoostRegressor(**SMALL, nan_mode=mode).fit(rows, score_of(rows))
        forest = read(native)
        hostile = hostile_rows(forest, rows, SPECIALS)
        np.testing.assert_allclose(outputs(forest, hostile), raw(native, hostile), rtol=0, atol=1e-12)


def test_covers_are_the_training_rows() -> None:
    rows = random_table(250, N_COLUMNS, 3)
    for options in ({}, {"grow_policy": "Depthwise"}):
        native = cb.CatBoostRegressor(**SMALL, **options).fit(rows, score_of(rows))
        forest = read(native)
        np.testing.assert_allclose(forest.cover[forest.root], 250.0)


def test_a_tree_without_splits_and_a_model_that_stopped_early() -> None:
    rows = random_table(250, N_COLUMNS, 4)
    flat = cb.CatBoostRegressor(**SMALL, allow_const_label=True, bootstrap_type="No").fit(rows, np.ones(250))
    assert (read(flat).left == -1).any()
    np.testing.assert_allclose(outputs(read(flat), rows), raw(flat, rows))
    noise = np.random.default_rng(0).normal(size=250)
    native = cb.CatBoostRegressor(**{**SMALL, "iterations": 60}, early_stopping_rounds=3)
    native.fit(rows[:125], noise[:125], eval_set=(rows[125:], noise[125:]))
    assert len(read(native).root) == native.tree_count_ < 60
    np.testing.assert_allclose(outputs(read(native), rows), raw(native, rows))


def test_scale_and_bias() -> None:
    rows = random_table(100, N_COLUMNS, 5)
    native = cb.CatBoostRegressor(**SMALL).fit(rows, score_of(rows))
    native.set_scale_and_bias(-2.5, 7.0)
    np.testing.assert_allclose(outputs(read(native), rows), raw(native, rows))


def test_refuses_what_it_cannot_read() -> None:
    rows = np.array([[name, number] for number, name in enumerate("abcdefgh" * 20)], dtype=object)
    native = cb.CatBoostRegressor(**SMALL).fit(rows, np.arange(160.0), cat_features=[0])
    with pytest.raises(ModelError, match=r"statistics of the target by category \(CTR\)"):
        read_forest(native)
    with pytest.raises(ModelError, match="CatBoostClassifier is not fitted"):
        read_forest(cb.CatBoostClassifier())
