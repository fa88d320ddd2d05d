from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from harness.adapted_models import NUMBERS, TEXTS, adapt, assert_is_the_model, credit
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from interp_pipeline.errors import DataError, ModelError, UsageError

_PLAIN, _TARGET = credit()
_PLAIN = _PLAIN[[*NUMBERS, *TEXTS, "owns"]]
_TABLE = _PLAIN.astype(dict.fromkeys(TEXTS, "category"))
_CODES = (_TARGET == "good").astype(int)
_THREE = pd.qcut(_PLAIN["credit_amount"], 3, labels=False)
_AMOUNT = _PLAIN["credit_amount"].to_numpy(dtype=np.float64) / 1000
_SINGLE = 1e-6  # of the largest output: XGBoost answers in single precision
_SMALL: dict[str, Any] = {"n_estimators": 6, "random_state": 0, "n_jobs": 1}
_LIGHT: dict[str, Any] = {**_SMALL, "verbose": -1, "min_child_samples": 5, "cat_smooth": 1.0}
_XGB: dict[str, Any] = {**_SMALL, "enable_categorical": True, "max_cat_to_onehot": 1}


def _margin(native: Any, rows: Any) -> Any:
    option = {"raw_score": True} if isinstance(native, lgb.LGBMModel) else {"output_margin": True}
    shared_by = native.n_estimators if getattr(native, "boosting_type", "") == "rf" else 1
    return np.asarray(native.predict(rows, **option), dtype=np.float64).reshape(len(rows), -1) / shared_by


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm"])
def test_two_classes_with_categories(flavor: str) -> None:
    native: Any = xgb.XGBClassifier(**_XGB) if flavor == "xgboost" else lgb.LGBMClassifier(**_LIGHT)
    native.fit(_TABLE, _CODES)
    model = adapt(native, _TABLE, flavor, output_names=["bad", "good"])
    assert (model.output_names, model.output_unit, model.positive_class) == (("good",), "log-odds", "good")
    assert model.trees is native
    assert model.column_groups == tuple((i,) for i in range(8))
    assert_is_the_model(model, _TABLE, _margin(native, _TABLE[:110]), _SINGLE)
    model = adapt(native, _TABLE, flavor, output_names=["bad", "good"], positive_class="bad")
    assert model.output_names == ("bad",)
    assert model.trees is native
    assert_is_the_model(model, _TABLE, -_margin(native, _TABLE[:110]), _SINGLE)
    model = adapt(native, _TABLE, flavor, output="probability")
    assert (model.output_names, model.output_unit, model.trees) == (("0", "1"), "probability", None)
    assert_is_the_model(model, _TABLE, native.predict_proba(_TABLE[:110]), _SINGLE)


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm"])
def test_categories_given_as_texts_or_in_another_order_are_those_of_training(flavor: str) -> None:
    native: Any = xgb.XGBClassifier(**_XGB) if flavor == "xgboost" else lgb.LGBMClassifier(**_LIGHT)
    native.fit(_TABLE, _CODES)
    expected = _margin(native, _TABLE[:110])
    turned = _TABLE.assign(
        **{name: _TABLE[name].cat.reorder_categories(_TABLE[name].cat.categories[::-1]) for name in TEXTS}
    )
    model = adapt(native, turned, flavor)
    assert_is_the_model(model, turned, expected, _SINGLE)
    assert_is_the_model(adapt(native, _PLAIN, flavor), _PLAIN, expected, _SINGLE)
    codes = model.encode(model.to_matrix(turned[:110]))[:, 3]
    own = _TABLE["purpose"].cat.codes[:110].to_numpy(dtype=float)
    np.testing.assert_array_equal(codes, np.where(own < 0, np.nan, own))


def test_categories_that_are_numbers() -> None:
    rows = _TABLE[["age_years"]].assign(code=pd.Categorical([30, 10, 20, 40] * 100))
    for native in (xgb.XGBClassifier(**_XGB), lgb.LGBMClassifier(**_LIGHT)):
        native.fit(rows, _CODES)
        flavor = "lightgbm" if isinstance(native, lgb.LGBMModel) else "xgboost"
        expected = _margin(native, rows[:110])
        assert_is_the_model(adapt(native, rows, flavor), rows, expected, _SINGLE)
        plain = rows.assign(code=rows["code"].astype(int))
        assert_is_the_model(adapt(native, plain, flavor), plain, expected, _SINGLE)


def test_unseen_categories() -> None:
    strange = _PLAIN.assign(housing=_PLAIN["housing"].replace("own", "castle"))
    light = lgb.LGBMClassifier(**_LIGHT).fit(_TABLE, _CODES)
    missing = _TABLE.assign(housing=_TABLE["housing"].cat.remove_categories("own"))
    assert_is_the_model(adapt(light, strange, "lightgbm"), strange, _margin(light, missing[:110]))
    with pytest.raises(DataError, match=r"column 'housing', row .*'castle' is not among the categories"):
        adapt(xgb.XGBClassifier(**_XGB).fit(_TABLE, _CODES), strange, "xgboost")


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm"])
def test_boosters_number_their_classes(flavor: str) -> None:
    if flavor == "xgboost":
        native: Any = xgb.train(
            {"objective": "multi:softprob", "num_class": 3, "seed": 0},
            xgb.DMatrix(_TABLE, _THREE, enable_categorical=True),
            4,
        )
        margins = native.predict(xgb.DMatrix(_TABLE[:110], enable_categorical=True), output_margin=True)
        shares = native.predict(xgb.DMatrix(_TABLE[:110], enable_categorical=True))
    else:
        native = lgb.train(
            {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}, lgb.Dataset(_TABLE, _THREE), 4
        )
        margins, shares = native.predict(_TABLE[:110], raw_score=True), native.predict(_TABLE[:110])
    model = adapt(native, _TABLE, flavor, output_names=["low", "middle", "high"])
    assert (model.output_names, model.output_unit) == (("low", "middle", "high"), "softmax score")
    assert model.trees is native
    assert_is_the_model(model, _TABLE, margins.astype(np.float64), _SINGLE)
    model = adapt(native, _TABLE, flavor, output="probability")
    assert model.output_names == ("class 0", "class 1", "class 2")
    assert_is_the_model(model, _TABLE, shares.astype(np.float64), _SINGLE)


def test_boosters_of_two_classes_and_of_numbers() -> None:
    light = lgb.train(
        {"objective": "binary", "sigmoid": 2.0, "verbose": -1, "num_threads": 1}, lgb.Dataset(_TABLE, _CODES), 4
    )
    model = adapt(light, _TABLE, "lightgbm")
    assert (model.output_names, model.output_unit) == (("class 1",), "margin")  # with this sigmoid no log-odds
    assert_is_the_model(model, _TABLE, _margin_of(light))
    rest = lgb.train(
        {"objective": "multiclassova", "num_class": 3, "verbose": -1, "num_threads": 1}, lgb.Dataset(_TABLE, _THREE), 4
    )
    assert adapt(rest, _TABLE, "lightgbm").output_unit == "log-odds"  # of each class against the rest
    odds = np.exp(rest.predict(_TABLE, raw_score=True))
    np.testing.assert_allclose(rest.predict(_TABLE), odds / (1 + odds), rtol=1e-9)
    dart = xgb.train({"objective": "reg:squarederror", "booster": "dart"}, _matrix(_AMOUNT), 4)
    model = adapt(dart, _TABLE, "xgboost", target="amount")
    assert (model.output_names, model.output_unit) == (("amount",), "amount")
    assert_is_the_model(model, _TABLE, dart.predict(_matrix(None)).reshape(-1, 1).astype(np.float64), _SINGLE)


def _margin_of(native: Any) -> Any:
    return native.predict(_TABLE[:110], raw_score=True).reshape(-1, 1)


def _matrix(target: Any) -> Any:
    return xgb.DMatrix(_TABLE if target is not None else _TABLE[:110], target, enable_categorical=True)


@pytest.mark.parametrize(
    ("native", "additive"),
    [
        (xgb.XGBRegressor(**_XGB), True),
        (xgb.XGBRegressor(**_XGB, objective="count:poisson"), False),
        (xgb.XGBRFRegressor(n_estimators=4, enable_categorical=True), True),
        (lgb.LGBMRegressor(**_LIGHT), True),
        (lgb.LGBMRegressor(**_LIGHT, objective="gamma"), False),
        (lgb.LGBMRegressor(**_LIGHT, boosting_type="rf", subsample=0.5, subsample_freq=1), True),
        (lgb.LGBMRegressor(**_LIGHT, linear_tree=False, objective="quantile"), True),
    ],
)
def test_regressions(native: Any, additive: bool) -> None:  # noqa: FBT001 - a parameter
    native.fit(_TABLE, _AMOUNT)
    flavor = "lightgbm" if isinstance(native, lgb.LGBMModel) else "xgboost"
    model = adapt(native, _TABLE, flavor, target="amount")
    assert (model.output_names, model.output_unit) == (("amount",), "amount")
    assert model.trees is (native if additive else None)
    assert_is_the_model(model, _TABLE, native.predict(_TABLE[:110]).reshape(-1, 1).astype(np.float64), _SINGLE)
    model = adapt(native, _TABLE, flavor, target="amount", output="margin")
    assert model.output_unit == ("amount" if additive else "margin of amount")
    assert model.trees is native
    assert_is_the_model(model, _TABLE, _margin(native, _TABLE[:110]), _SINGLE)


def test_several_targets_at_once() -> None:
    both = np.column_stack([_AMOUNT, _AMOUNT**2])
    native = xgb.XGBRegressor(**_SMALL).fit(_PLAIN[NUMBERS], both)
    model = adapt(native, _PLAIN[NUMBERS], "xgboost")
    assert model.output_names == ("target 0", "target 1")
    assert_is_the_model(model, _PLAIN[NUMBERS], native.predict(_PLAIN[NUMBERS][:110]).astype(np.float64), _SINGLE)


def test_training_that_stopped_early_and_a_value_that_means_missing() -> None:
    rows = _PLAIN[NUMBERS].fillna(-1.0)
    native = xgb.XGBClassifier(n_estimators=60, early_stopping_rounds=2, missing=-1.0, learning_rate=0.9)
    native.fit(rows[:200], _CODES[:200], eval_set=[(rows[200:], _CODES[200:])], verbose=False)
    assert native.best_iteration < 58
    model = adapt(native, rows, "xgboost")
    assert_is_the_model(model, rows, _margin(native, rows[:110]), _SINGLE)


def test_linear_boosting_is_asked() -> None:
    rows = _PLAIN[NUMBERS].fillna(30.0)
    native = xgb.XGBRegressor(n_estimators=5, booster="gblinear").fit(rows, _AMOUNT)
    model = adapt(native, rows, "xgboost")
    assert model.trees is None
    assert_is_the_model(model, rows, native.predict(rows[:110]).reshape(-1, 1).astype(np.float64), _SINGLE)


def test_an_objective_without_probabilities() -> None:
    native = xgb.XGBClassifier(**_XGB, objective="binary:hinge").fit(_TABLE, _CODES)
    model = adapt(native, _TABLE, "xgboost")
    assert (model.output_names, model.output_unit) == (("1",), "margin")
    with pytest.raises(UsageError, match="without probabilities"):
        adapt(native, _TABLE, "xgboost", output="probability")


@pytest.mark.parametrize("native", [xgb.XGBClassifier(**_SMALL), lgb.LGBMClassifier(**_LIGHT)], ids=["xgb", "lgb"])
@pytest.mark.parametrize("whole", [False, True], ids=["cut", "whole"])
def test_behind_preprocessing(native: Any, whole: bool) -> None:  # noqa: FBT001 - a parameter
    from sklearn.decomposition import PCA

    encoder = make_column_transformer(
        (OneHotEncoder(sparse_output=False), TEXTS), remainder="passthrough", verbose_feature_names_out=True
    )
    rows = _PLAIN.fillna({"age_years": 30.0})
    pipeline = make_pipeline(encoder, PCA(4), native) if whole else make_pipeline(encoder, native)
    pipeline.set_output(transform="pandas").fit(rows, _CODES)
    model = adapt(pipeline, rows)
    if whole:
        assert (model.output_unit, model.trees) == ("probability", None)
        assert_is_the_model(model, rows, pipeline.predict_proba(rows[:110]), _SINGLE)
    else:
        assert (model.output_unit, model.trees) == ("log-odds", native)
        assert len(model.column_groups[4]) == rows["housing"].nunique()
        option = {"raw_score": True} if isinstance(native, lgb.LGBMModel) else {"output_margin": True}
        expected = np.asarray(pipeline.predict(rows[:110], **option), dtype=np.float64).reshape(-1, 1)
        assert_is_the_model(model, rows, expected, _SINGLE)


def test_columns_trained_without_names_or_with_spaces_or_in_another_order() -> None:
    rows = _PLAIN[NUMBERS].set_axis(["how long", "how much", "how old"], axis=1)
    for kind, options in ((xgb.XGBClassifier, _SMALL), (lgb.LGBMClassifier, _LIGHT)):
        flavor = "lightgbm" if kind is lgb.LGBMClassifier else "xgboost"
        unnamed = kind(**options).fit(rows.to_numpy(), _CODES)
        assert_is_the_model(adapt(unnamed, rows, flavor), rows, _margin(unnamed, rows[:110].to_numpy()), _SINGLE)
        named = kind(**options).fit(rows, _CODES)
        turned = rows[["how old", "how long", "how much"]]
        model = adapt(named, turned, flavor)
        assert model.column_groups == ((2,), (0,), (1,))
        assert_is_the_model(model, turned, _margin(named, rows[:110]), _SINGLE)
        with pytest.raises(ModelError, match=r"reads the column 'how.much', which is not there"):
            adapt(named, rows[["how old", "how long"]], flavor)


def test_texts_a_booster_cannot_read_are_said_so() -> None:
    native = xgb.XGBClassifier(**_SMALL).fit(_PLAIN[NUMBERS], _CODES)
    rows = _PLAIN[NUMBERS].assign(age_years="old")
    with pytest.raises(ModelError, match="does not answer for the rows"):
        adapt(native, rows, "xgboost")
