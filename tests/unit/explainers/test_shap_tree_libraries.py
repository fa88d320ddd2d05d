"""Trees of every supported library: the values add up, and are those other programs find within their rounding."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import shap
import xgboost
from harness.explainable_models import SmallModel, explain, random_rows, small_model, table
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from interp_pipeline.config import ExplainConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray

CONFIG = ExplainConfig()
N_FEATURES = 8
SINGLE = 2e-6  # of the outputs' size: what programs that add up in single precision are off by
METHODS = ["shap_tree", "shap_tree_path_dependent"]

FEATURES = random_rows(400, N_FEATURES, 1).astype(np.float32).astype(np.float64)
FEATURES[:, 5] = np.random.default_rng(2).integers(0, 6, 400)  # categories, where a library knows them
GAPS = FEATURES.copy()
GAPS[np.random.default_rng(3).random(GAPS.shape) < 0.1] = np.nan
SCORE = FEATURES[:, 0] * FEATURES[:, 1] + (FEATURES[:, 5] % 3) + np.sin(3 * FEATURES[:, 2])
BINARY = (SCORE > 1).astype(int)
THREE = np.digitize(SCORE, [0.5, 1.5])
WEIGHTS = np.random.default_rng(4).choice([1e-3, 0.5, 1.0, 40.0], 400)
TYPES = ["c" if column == 5 else "q" for column in range(N_FEATURES)]
ROWS, BACKGROUND = slice(0, 30), slice(100, 160)


def margins(predict: Callable[[FloatArray], Any], estimator: Any, n_outputs: int = 1) -> SmallModel:
    """A model whose outputs are what the library adds up."""
    return small_model(
        lambda x: np.asarray(predict(x), dtype=np.float64).reshape(len(x), -1), N_FEATURES, n_outputs, trees=estimator
    )


def forest(estimator: Any, target: FloatArray, rows: FloatArray = GAPS) -> tuple[SmallModel, FloatArray]:
    estimator.fit(rows, target, sample_weight=WEIGHTS)
    if hasattr(estimator, "classes_"):
        return margins(estimator.predict_proba, estimator, len(estimator.classes_)), rows
    return margins(estimator.predict, estimator, estimator.n_outputs_), rows


def boosted(estimator: Any, target: FloatArray, rows: FloatArray = FEATURES) -> tuple[SmallModel, FloatArray]:
    estimator.fit(rows, target, sample_weight=WEIGHTS)
    if not hasattr(estimator, "classes_"):
        return margins(estimator.predict, estimator), rows
    n_outputs = len(estimator.classes_) if len(estimator.classes_) > 2 else 1
    return margins(estimator.decision_function, estimator, n_outputs), rows


def xgboosted(estimator: Any, target: FloatArray) -> tuple[SmallModel, FloatArray]:
    estimator.fit(GAPS, target, sample_weight=WEIGHTS)
    n_outputs = np.asarray(estimator.predict(GAPS[:2], output_margin=True)).reshape(2, -1).shape[1]
    return margins(lambda x: estimator.predict(x, output_margin=True), estimator, n_outputs), GAPS


def lightgbmed(estimator: Any, target: FloatArray, categories: tuple[int, ...] = (5,)) -> tuple[SmallModel, FloatArray]:
    estimator.fit(pd.DataFrame(GAPS), target, sample_weight=WEIGHTS, categorical_feature=list(categories))
    booster = estimator.booster_
    n_outputs = booster.num_model_per_iteration()
    return margins(lambda x: booster.predict(x, raw_score=True), estimator, n_outputs), GAPS


CASES: dict[str, Callable[[], tuple[SmallModel, FloatArray]]] = {
    "random forest, three classes": lambda: forest(RandomForestClassifier(12, random_state=0), THREE),
    "random forest, binary, depth 4": lambda: forest(RandomForestClassifier(12, max_depth=4, random_state=0), BINARY),
    "random forest, three targets": lambda: forest(
        RandomForestRegressor(12, random_state=0), np.column_stack([SCORE, -SCORE, FEATURES[:, 0] ** 2])
    ),
    "extra trees, three classes": lambda: forest(ExtraTreesClassifier(12, random_state=0), THREE),
    "extra trees, regression": lambda: forest(ExtraTreesRegressor(12, max_depth=7, random_state=0), SCORE),
    "gradient boosting, binary": lambda: boosted(GradientBoostingClassifier(n_estimators=20, random_state=0), BINARY),
    "gradient boosting, three classes": lambda: boosted(GradientBoostingClassifier(n_estimators=8), THREE),
    "gradient boosting, regression": lambda: boosted(GradientBoostingRegressor(n_estimators=20, max_depth=6), SCORE),
    "histogram boosting with categories, binary": lambda: boosted(
        HistGradientBoostingClassifier(max_iter=20, categorical_features=[5], random_state=0), BINARY, GAPS
    ),
    "histogram boosting, three classes": lambda: boosted(HistGradientBoostingClassifier(max_iter=8), THREE, GAPS),
    "histogram boosting, regression": lambda: boosted(HistGradientBoostingRegressor(max_iter=20), SCORE, GAPS),
    "XGBoost, binary": lambda: xgboosted(xgboost.XGBClassifier(n_estimators=20, max_depth=5, n_jobs=1), BINARY),
    "XGBoost, three classes": lambda: xgboosted(xgboost.XGBClassifier(n_estimators=8, n_jobs=1), THREE),
    "XGBoost with categories, binary": lambda: xgboosted(
        xgboost.XGBClassifier(
            n_estimators=20, enable_categorical=True, feature_types=TYPES, max_cat_to_onehot=1, n_jobs=1
        ),
        BINARY,
    ),
    "XGBoost, regression": lambda: xgboosted(xgboost.XGBRegressor(n_estimators=20, n_jobs=1), 100 + SCORE),
    "LightGBM with categories, binary": lambda: lightgbmed(
        lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1), BINARY
    ),
    "LightGBM with categories, three classes": lambda: lightgbmed(
        lightgbm.LGBMClassifier(n_estimators=8, n_jobs=1, verbose=-1), THREE
    ),
    "LightGBM, regression": lambda: lightgbmed(
        lightgbm.LGBMRegressor(n_estimators=20, n_jobs=1, verbose=-1), SCORE, ()
    ),
}


# What shap refuses or gets wrong: sets of categories become thresholds, against background data in LightGBM too.
SHAP_CANNOT = {
    ("gradient boosting, three classes", "shap_tree"),
    ("gradient boosting, three classes", "shap_tree_path_dependent"),
    ("histogram boosting with categories, binary", "shap_tree"),
    ("histogram boosting with categories, binary", "shap_tree_path_dependent"),
    ("XGBoost with categories, binary", "shap_tree"),
    ("LightGBM with categories, binary", "shap_tree"),
    ("LightGBM with categories, three classes", "shap_tree"),
}
SHAP_CAN = [(name, method) for name in CASES for method in METHODS if (name, method) not in SHAP_CANNOT]


@cache
def fitted(name: str) -> tuple[SmallModel, FloatArray]:
    return CASES[name]()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("method", METHODS)
def test_values_add_up_to_the_trees_own_sum(method: str, name: str) -> None:
    model, rows = fitted(name)
    explanation = explain(method, model, table(rows[ROWS]), table(rows[BACKGROUND]), CONFIG)
    size = np.abs(explanation.predictions).max()
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, rtol=0, atol=1e-13 * size)
    np.testing.assert_allclose(explanation.predictions, model.forward(rows[ROWS]), rtol=0, atol=SINGLE * size)


@pytest.mark.filterwarnings("ignore:LightGBM binary classifier with TreeExplainer:UserWarning")
@pytest.mark.parametrize(("name", "method"), SHAP_CAN)
def test_shap_finds_the_same(name: str, method: str) -> None:
    model, rows = fitted(name)
    background = rows[BACKGROUND] if method == "shap_tree" else None
    peer = shap.TreeExplainer(
        model.trees,
        None if background is None else shap.maskers.Independent(background, max_samples=len(background)),
        feature_perturbation="interventional" if method == "shap_tree" else "tree_path_dependent",
    )
    expected = np.asarray(peer.shap_values(rows[ROWS], check_additivity=False)).reshape(30, N_FEATURES, -1)
    if expected.shape[2] != len(model.output_names):
        expected = expected[:, :, 1:]
    explanation = explain(method, model, table(rows[ROWS]), table(rows[BACKGROUND]), CONFIG)
    np.testing.assert_allclose(
        explanation.values, expected, rtol=0, atol=SINGLE * np.abs(explanation.predictions).max()
    )


@pytest.mark.parametrize("name", [name for name in CASES if "XGBoost" in name or "LightGBM" in name])
def test_xgboosts_and_lightgbms_own_contributions_are_the_same(name: str) -> None:
    model, rows = fitted(name)
    if isinstance(model.trees, xgboost.XGBModel):
        booster = model.trees.get_booster()
        types = TYPES if "categories" in name else None
        data = xgboost.DMatrix(rows[ROWS], feature_types=types, enable_categorical=True)
        contributions = booster.predict(data, pred_contribs=True)
        contributions = np.asarray(contributions, dtype=np.float64).reshape(30, -1, N_FEATURES + 1)
    else:
        contributions = model.trees.booster_.predict(rows[ROWS], pred_contrib=True).reshape(30, -1, N_FEATURES + 1)
    explanation = explain("shap_tree_path_dependent", model, table(rows[ROWS]), table(rows[BACKGROUND]), CONFIG)
    size = np.abs(explanation.predictions).max()
    np.testing.assert_allclose(
        explanation.values, contributions[:, :, :-1].transpose(0, 2, 1), rtol=0, atol=SINGLE * size
    )
    np.testing.assert_allclose(explanation.base_values, contributions[:, :, -1], rtol=0, atol=SINGLE * size)


@pytest.mark.parametrize("method", METHODS)
def test_a_row_whose_trees_cancel_is_no_fault_of_the_reader(method: str) -> None:
    # XGBoost adds up in single precision: for a row on the fence its error is large beside the sum.
    model, _ = xgboosted(xgboost.XGBClassifier(n_estimators=200, max_depth=4, n_jobs=1), BINARY)
    many = random_rows(4000, N_FEATURES, 9)
    outputs = model.forward(many)[:, 0]
    for at in np.argsort(np.abs(outputs))[:6]:
        explanation = explain(method, model, table(many[at : at + 1]), table(many[at : at + 1]), CONFIG)
        total = explanation.base_values + explanation.values.sum(axis=1)
        np.testing.assert_allclose(total, explanation.predictions, atol=1e-13)
        np.testing.assert_allclose(total[0, 0], outputs[at], atol=1e-5)
