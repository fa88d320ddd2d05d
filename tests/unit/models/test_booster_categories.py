"""Categories on their way to XGBoost and LightGBM: behind preprocessing, ordered, named with spaces."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from harness.adapted_models import NUMBERS, TEXTS, adapt, assert_is_the_model, credit
from packaging.version import Version
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from interp_pipeline.errors import DataError, ModelError
from interp_pipeline.models.xgboost_booster import XGBoostModel

_PLAIN, _TARGET = credit()
_PLAIN = _PLAIN[[*NUMBERS, *TEXTS, "owns"]]
_TABLE = _PLAIN.astype(dict.fromkeys(TEXTS, "category"))
_BANDS = pd.cut(_PLAIN["credit_amount"], 4, labels=["d", "b", "c", "a"])  # in an order of their own
_CODES = (_TARGET == "good").astype(int)
_SINGLE = 1e-6  # of the largest output: XGBoost answers in single precision
_SMALL: dict[str, Any] = {"n_estimators": 6, "random_state": 0, "n_jobs": 1}
_LIGHT: dict[str, Any] = {**_SMALL, "verbose": -1, "min_child_samples": 5, "cat_smooth": 1.0}
_XGB: dict[str, Any] = {**_SMALL, "enable_categorical": True, "max_cat_to_onehot": 1}


def _native(flavor: str) -> Any:
    return xgb.XGBClassifier(**_XGB) if flavor == "xgboost" else lgb.LGBMClassifier(**_LIGHT)


def _margin(native: Any, rows: Any) -> Any:
    final = native[-1] if hasattr(native, "steps") else native
    option = {"raw_score": True} if isinstance(final, lgb.LGBMModel) else {"output_margin": True}
    return np.asarray(native.predict(rows, **option), dtype=np.float64).reshape(len(rows), -1)


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("purpose", ["purpose", "pur pose"])
def test_categories_that_pass_a_preprocessing_by_are_cut_behind_it(flavor: str, purpose: str) -> None:
    rows = _TABLE.rename(columns={"purpose": purpose})
    scaler = make_column_transformer((StandardScaler(), NUMBERS), remainder="passthrough")
    pipeline = make_pipeline(scaler, _native(flavor)).set_output(transform="pandas").fit(rows, _CODES)
    model = adapt(pipeline, rows)
    assert (model.output_unit, model.trees) == ("log-odds", pipeline[-1])
    assert_is_the_model(model, rows, _margin(pipeline, rows[:110]), _SINGLE)
    position = rows.columns.get_loc(purpose)
    codes = model.encode(model.to_matrix(rows[:110]))[:, model.column_groups[position][0]]
    own = rows[purpose].cat.codes[:110].to_numpy(dtype=float)
    np.testing.assert_array_equal(codes, np.where(own < 0, np.nan, own))


def test_a_category_the_booster_behind_refuses_is_named() -> None:
    scaler = make_column_transformer((StandardScaler(), NUMBERS), remainder="passthrough")
    pipeline = make_pipeline(scaler, _native("xgboost")).set_output(transform="pandas").fit(_TABLE, _CODES)
    strange = _TABLE.assign(housing=_PLAIN["housing"].replace("own", "castle").astype("category"))
    with pytest.raises(DataError, match="'castle' is not among the categories"):
        adapt(pipeline, strange)


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm"])
def test_a_preprocessing_that_cannot_be_looked_into_is_asked_as_a_whole(flavor: str) -> None:
    class Stubborn(StandardScaler):  # type: ignore[misc]  # scikit-learn has no types
        """Refuses fewer rows than it has ever seen at once."""

        def transform(self, rows: Any, copy: Any = None) -> Any:
            if len(rows) == 2:  # what a first look gives it
                msg = "two rows\nare none"
                raise RuntimeError(msg)
            return super().transform(rows, copy)

    pipeline = make_pipeline(Stubborn(), _native(flavor)).fit(_PLAIN[NUMBERS], _CODES)
    model = adapt(pipeline, _PLAIN[NUMBERS])
    assert model.trees is None
    assert "not taken apart: looking into it raises RuntimeError: two rows" in model.notes[0]
    assert_is_the_model(model, _PLAIN[NUMBERS], pipeline.predict_proba(_PLAIN[NUMBERS][:110]), _SINGLE)


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm"])
def test_texts_that_a_pipeline_makes_categories_of(flavor: str) -> None:
    to_categories = FunctionTransformer(lambda rows: rows.astype(dict.fromkeys(TEXTS, "category")))
    pipeline = make_pipeline(to_categories, _native(flavor)).fit(_PLAIN, _CODES)
    model = adapt(pipeline, _PLAIN)
    assert "FunctionTransformer mixes several columns into one" in model.notes[0]
    assert_is_the_model(model, _PLAIN, pipeline.predict_proba(_PLAIN[:110]), _SINGLE)


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("others", [list(TEXTS), []], ids=["among others", "alone"])
def test_ordered_categories(flavor: str, others: list[str]) -> None:
    rows = _TABLE[[*NUMBERS[1:], *others]].assign(owns=_PLAIN["owns"])
    rows.insert(1, "band", _BANDS)
    native = _native(flavor).fit(rows, _CODES)
    expected = _margin(native, rows[:110])
    model = adapt(native, rows, flavor)
    assert model.trees is native
    assert_is_the_model(model, rows, expected, _SINGLE)
    texts = rows.astype(dict.fromkeys(("band", *others), object))
    assert_is_the_model(adapt(native, texts, flavor), texts, expected, _SINGLE)
    turned = rows.assign(band=_BANDS.cat.reorder_categories(list("abcd")))
    assert_is_the_model(adapt(native, turned, flavor), turned, expected, _SINGLE)


def test_ordered_categories_in_a_model_file_and_behind_preprocessing() -> None:
    rows = _TABLE.assign(band=_BANDS)
    native = _native("lightgbm").fit(rows, _CODES)
    loaded = lgb.Booster(model_str=native.booster_.model_to_string())
    assert_is_the_model(adapt(loaded, rows, "lightgbm"), rows, _margin(native, rows[:110]))
    scaler = make_column_transformer((StandardScaler(), NUMBERS), remainder="passthrough")
    pipeline = make_pipeline(scaler, _native("lightgbm")).set_output(transform="pandas").fit(rows, _CODES)
    model = adapt(pipeline, rows)
    assert model.trees is pipeline[-1]
    assert_is_the_model(model, rows, _margin(pipeline, rows[:110]))


def test_stored_categories_that_no_column_can_be_found_for() -> None:
    rows = pd.DataFrame({"amount": _PLAIN["credit_amount"], "band": _BANDS, "job": _TABLE["job"]})
    native = _native("lightgbm").fit(rows, _CODES)
    with pytest.raises(ModelError, match=r"values of 2 columns of categories.* 1 could be among them \('job'\)"):
        adapt(native, rows.assign(band=_BANDS.cat.codes), "lightgbm")


def test_nullable_columns_and_truth_values() -> None:
    rows = pd.DataFrame(
        {
            "whole": pd.array(_PLAIN["credit_amount"], dtype="Int64"),
            "gaps": pd.array(_PLAIN["age_years"], dtype="Float64"),
            "owns": pd.array(_PLAIN["owns"], dtype="boolean"),
            "truth": _PLAIN["owns"].to_numpy(dtype=bool),
        }
    )
    rows.loc[::5, ["whole", "owns"]] = pd.NA
    for flavor in ("xgboost", "lightgbm"):
        native = _native(flavor).fit(rows, _CODES)
        model = adapt(native, rows, flavor)
        assert model.trees is native
        assert_is_the_model(model, rows, _margin(native, rows[:110]), _SINGLE)


@pytest.mark.parametrize("names", [("grün", "rot"), ("ä", "rot"), ("日本", "rot")], ids=ascii)
def test_names_that_xgboost_stores_cut_off_are_said_to_be(names: tuple[str, ...]) -> None:
    rows = pd.DataFrame({"colour": pd.Categorical(np.array(names)[_CODES]), "amount": _PLAIN["credit_amount"]})
    native = xgb.XGBClassifier(**_XGB).fit(rows, _CODES)
    if Version(xgb.__version__) >= Version("3.4"):
        assert_is_the_model(adapt(native, rows, "xgboost"), rows, _margin(native, rows[:110]), _SINGLE)
        return
    with pytest.raises(
        ModelError, match=r"up to 3\.3 stores the names .* of the column 'colour' .*XGBoost 3\.4 or later"
    ):
        adapt(native, rows, "xgboost")


class _Stored:
    """A booster that holds categories as they should be; the reader is asked without an XGBoost that can do so."""

    feature_names = ("colour",)
    feature_types = ("c",)

    def get_categories(self, *, export_to_arrow: bool) -> Any:
        assert export_to_arrow
        return self

    def to_arrow(self) -> Any:
        import pyarrow as pa

        return [("colour", pa.array(["grün", "rot"]))]


def test_whole_names_beside_one_that_training_never_saw() -> None:
    model = XGBoostModel.__new__(XGBoostModel)
    model._booster, model.feature_names = _Stored(), ("colour",)
    rows = pd.DataFrame({"colour": ["grün", "blau"]})
    assert model.categories(("colour",), rows).values == {"colour": ["grün", "rot"]}
    with pytest.raises(ModelError, match="the rows have 'gelb', 'blau'"):
        model.categories(("colour",), pd.DataFrame({"colour": ["gelb", "blau"]}))
