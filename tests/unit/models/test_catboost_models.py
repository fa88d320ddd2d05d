"""CatBoost: what is explained of it, cut where its trees compare single values, asked as a whole where they do not."""

from __future__ import annotations

from typing import Any

import catboost as cb
import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import NUMBERS, TEXTS, adapt, assert_is_the_model, credit
from harness.explainable_models import explain
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError, UsageError

_PLAIN, _TARGET = credit()
_PLAIN = _PLAIN[[*NUMBERS, *TEXTS, "owns"]].fillna({"purpose": "unknown"}).assign(code=[3, 7, 5, 7] * 100)
_NUMBERS = _PLAIN[[*NUMBERS, "owns"]]
_CATEGORIES = [*TEXTS, "code"]
_THREE = pd.qcut(_PLAIN["credit_amount"], 3, labels=["low", "middle", "high"]).astype(str)
_AMOUNT = _PLAIN["credit_amount"].to_numpy(dtype=np.float64) / 1000
_SMALL: dict[str, Any] = {"iterations": 8, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1}


def _raw(native: Any, rows: Any = _NUMBERS) -> Any:
    return np.asarray(native.predict(rows[:110], prediction_type="RawFormulaVal")).reshape(110, -1)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (_TARGET, ("bad", "good")),
        ((_TARGET == "good").to_numpy(), ("False", "True")),
        (np.where(_TARGET == "good", 1, -1), ("-1", "1")),
        (np.where(_TARGET == "good", 2.5, 0.0), ("0", "2.5")),
    ],
    ids=["text", "truth", "negative", "fractions"],
)
def test_two_classes(labels: Any, classes: tuple[str, str]) -> None:
    native = cb.CatBoostClassifier(**_SMALL).fit(_NUMBERS, labels)
    model = adapt(native, _NUMBERS, "catboost")
    assert (model.output_names, model.output_unit) == ((classes[1],), "log-odds")
    assert model.trees is native
    assert_is_the_model(model, _NUMBERS, _raw(native))
    turned = adapt(native, _NUMBERS, "catboost", positive_class=classes[0])
    assert_is_the_model(turned, _NUMBERS, -_raw(native))
    shares = adapt(native, _NUMBERS, "catboost", output="probability")
    assert (shares.output_names, shares.output_unit) == (classes, "probability")
    assert_is_the_model(shares, _NUMBERS, native.predict_proba(_NUMBERS[:110]))


@pytest.mark.parametrize(
    ("loss", "unit"), [("MultiClass", "softmax score"), ("MultiClassOneVsAll", "log-odds")], ids=["one", "rest"]
)
def test_three_classes(loss: str, unit: str) -> None:
    native = cb.CatBoostClassifier(**_SMALL, loss_function=loss).fit(_NUMBERS, _THREE)
    model = adapt(native, _NUMBERS, "catboost")
    assert (model.output_names, model.output_unit) == (("high", "low", "middle"), unit)
    assert_is_the_model(model, _NUMBERS, _raw(native))


@pytest.mark.parametrize(("loss", "additive"), [("RMSE", True), ("Quantile:alpha=0.2", True), ("Poisson", False)])
def test_regressions(loss: str, additive: bool) -> None:  # noqa: FBT001 - a parameter
    native = cb.CatBoostRegressor(**_SMALL, loss_function=loss).fit(_NUMBERS, _AMOUNT)
    model = adapt(native, _NUMBERS, "catboost", target="amount")
    assert (model.output_names, model.output_unit) == (("amount",), "amount")
    assert model.trees is (native if additive else None)
    assert_is_the_model(model, _NUMBERS, native.predict(_NUMBERS[:110]).reshape(-1, 1))
    margin = adapt(native, _NUMBERS, "catboost", target="amount", output="margin")
    assert margin.trees is native
    assert_is_the_model(margin, _NUMBERS, _raw(native))


@pytest.mark.parametrize("kind", ["text", "category"])
def test_categories_that_trees_compare_one_by_one(kind: str) -> None:
    rows = _PLAIN if kind == "text" else _PLAIN.astype(dict.fromkeys(TEXTS, "category"))
    native = cb.CatBoostClassifier(**_SMALL, one_hot_max_size=100, cat_features=_CATEGORIES).fit(rows, _TARGET)
    model = adapt(native, rows, "catboost")
    assert (model.output_unit, model.trees) == ("log-odds", native)
    assert set(model.categories) >= set(_CATEGORIES)  # whole numbers, too
    assert_is_the_model(model, rows, _raw(native, rows))
    strange = rows.assign(housing=_PLAIN["housing"].replace("own", "castle"))
    assert_is_the_model(adapt(native, strange, "catboost"), strange, _raw(native, strange))


def test_categories_whose_statistics_trees_compare_are_asked_about_as_whole_rows() -> None:
    native = cb.CatBoostClassifier(**_SMALL, one_hot_max_size=2, cat_features=_CATEGORIES).fit(_PLAIN, _TARGET)
    model = adapt(native, _PLAIN, "catboost")
    assert (model.output_names, model.output_unit, model.trees) == (("bad", "good"), "probability", None)
    assert "statistics of the target by category (CTR)" in model.notes[0]
    assert_is_the_model(model, _PLAIN, native.predict_proba(_PLAIN[:110]))


def test_categories_of_trees_that_grew_node_by_node_are_asked_about_as_whole_rows() -> None:
    options = {"one_hot_max_size": 100, "cat_features": _CATEGORIES, "grow_policy": "Depthwise"}
    native = cb.CatBoostClassifier(**_SMALL, **options).fit(_PLAIN, _TARGET)
    model = adapt(native, _PLAIN, "catboost")
    assert "were not grown symmetrically" in model.notes[0]
    assert_is_the_model(model, _PLAIN, native.predict_proba(_PLAIN[:110]))


def test_columns_without_names_in_another_order_and_behind_preprocessing() -> None:
    unnamed = cb.CatBoostClassifier(**_SMALL).fit(_NUMBERS.to_numpy(dtype=float), _TARGET)
    assert_is_the_model(adapt(unnamed, _NUMBERS, "catboost"), _NUMBERS, _raw(unnamed, _NUMBERS.to_numpy(dtype=float)))
    named = cb.CatBoostClassifier(**_SMALL).fit(_NUMBERS, _TARGET)
    turned = _NUMBERS[["owns", *NUMBERS]]
    model = adapt(named, turned, "catboost")
    assert model.column_groups == ((3,), (0,), (1,), (2,))
    assert_is_the_model(model, turned, _raw(named))
    encoder = make_column_transformer((OneHotEncoder(sparse_output=False), TEXTS), remainder="passthrough")
    pipeline = make_pipeline(encoder, cb.CatBoostClassifier(**_SMALL)).fit(_PLAIN, _TARGET)
    model = adapt(pipeline, _PLAIN)
    assert model.trees is pipeline[-1]
    assert_is_the_model(model, _PLAIN, _raw(pipeline, _PLAIN))


def test_categories_that_pass_a_preprocessing_by() -> None:
    rows = _PLAIN.drop(columns="owns")
    behind = [f"remainder__{name}" for name in _CATEGORIES]
    final = cb.CatBoostClassifier(**_SMALL, one_hot_max_size=100, cat_features=behind)
    scaler = make_column_transformer((StandardScaler(), NUMBERS), remainder="passthrough")
    pipeline = make_pipeline(scaler, final).set_output(transform="pandas").fit(rows, _TARGET)
    model = adapt(pipeline, rows)
    assert model.trees is final
    assert "code" in model.categories
    assert_is_the_model(model, rows, _raw(pipeline, rows))


def test_what_cannot_be_explained_is_said() -> None:
    both = np.column_stack([_TARGET == "good", _PLAIN["owns"]]).astype(int)
    native = cb.CatBoostClassifier(**_SMALL, loss_function="MultiLogloss").fit(_PLAIN[NUMBERS], both)
    with pytest.raises(ModelError, match="predicts several labels at once; register one model per label"):
        adapt(native, _PLAIN[NUMBERS], "catboost")
    regression = cb.CatBoostRegressor(**_SMALL).fit(_NUMBERS, _AMOUNT)
    with pytest.raises(UsageError, match="predicts numbers, not classes"):
        adapt(regression, _NUMBERS, "catboost", output="probability")


def test_values_are_those_of_every_combination_and_of_catboost_itself() -> None:
    native = cb.CatBoostClassifier(**_SMALL, one_hot_max_size=100, cat_features=_CATEGORIES).fit(_PLAIN, _TARGET)
    model = adapt(native, _PLAIN, "catboost")
    rows, background = _PLAIN[:5], _PLAIN[60:80]
    trees = explain("shap_tree", model, rows, background, ExplainConfig())
    every = explain("shap_exact", model, rows, background, ExplainConfig())
    np.testing.assert_allclose(trees.values, every.values, rtol=0, atol=1e-12)
    plain = cb.CatBoostClassifier(**_SMALL).fit(_NUMBERS, _TARGET)
    ours = explain(
        "shap_tree_path_dependent", adapt(plain, _NUMBERS, "catboost"), _NUMBERS[:20], _NUMBERS, ExplainConfig()
    )
    theirs = plain.get_feature_importance(cb.Pool(_NUMBERS[:20]), type="ShapValues")
    np.testing.assert_allclose(ours.values[:, :, 0], theirs[:, :-1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.base_values[:, 0], theirs[:, -1], rtol=0, atol=1e-9)
