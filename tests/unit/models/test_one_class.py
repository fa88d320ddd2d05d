"""Classifiers that know one class, or show one: what is explained is true of it, and a reader is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from harness.adapted_models import NUMBERS, adapt, assert_is_the_model, credit
from harness.explainable_models import explain
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

_ROWS = credit()[0][NUMBERS].fillna(30.0)
_SMALL: dict[str, Any] = {"n_estimators": 3, "n_jobs": 1}


@pytest.mark.parametrize(
    "native",
    [
        lgb.LGBMClassifier(**_SMALL, verbose=-1),
        xgb.XGBClassifier(**_SMALL),
        RandomForestClassifier(**_SMALL),
        HistGradientBoostingClassifier(max_iter=3),
    ],
    ids=lambda native: type(native).__name__,
)
def test_trained_on_one_class_alone(native: Any) -> None:
    flavor = {"lightgbm": "lightgbm", "xgboost": "xgboost"}.get(type(native).__module__.partition(".")[0], "sklearn")
    native.fit(_ROWS, np.zeros(len(_ROWS), dtype=int))
    model = adapt(native, _ROWS, flavor)
    assert (model.output_names, model.output_unit) == (("0",), "probability")
    assert_is_the_model(model, _ROWS, np.ones((110, 1)), 1e-5)  # XGBoost begins at a probability of 0.999999
    assert "one class, 0, which is its answer whatever the row holds" in model.notes[-1]
    with pytest.raises(UsageError, match=r"was trained on rows of one class, and has no score|which gives none"):
        adapt(native, _ROWS, flavor, output="margin")


@pytest.mark.parametrize("flavor", ["lightgbm", "xgboost"])
def test_one_constant_class_of_several(flavor: str) -> None:
    target = np.ones(len(_ROWS))
    if flavor == "lightgbm":
        options = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
        native: Any = lgb.train(options, lgb.Dataset(_ROWS, target), 3)
        expected = native.predict(_ROWS[:110], raw_score=True)
    else:
        native = xgb.train({"objective": "multi:softprob", "num_class": 3}, xgb.DMatrix(_ROWS, target), 3)
        expected = native.predict(xgb.DMatrix(_ROWS[:110]), output_margin=True).astype(np.float64)
    model = adapt(native, _ROWS, flavor, output_names=["low", "middle", "high"])
    assert model.output_names == ("low", "middle", "high")
    assert model.trees is native
    assert_is_the_model(model, _ROWS, expected, 1e-6)
    explained = explain("shap_tree", model, _ROWS[:3], _ROWS[60:80], ExplainConfig())
    assert (explained.values == 0).all()
    assert set(explained.predictions.argmax(axis=1)) == {1}


def test_a_class_without_weight() -> None:
    target = np.arange(len(_ROWS)) % 3
    native = RandomForestClassifier(**_SMALL, random_state=0).fit(_ROWS, target, sample_weight=(target > 0) * 1.0)
    model = adapt(native, _ROWS)
    assert model.output_names == ("0", "1", "2")
    assert_is_the_model(model, _ROWS, native.predict_proba(_ROWS[:110]))


@pytest.mark.parametrize("names", [None, ["no", "yes"]], ids=["unnamed", "named"])
def test_labels_that_are_all_the_same_are_said_to_be(names: list[str] | None) -> None:
    def label(rows: pd.DataFrame) -> Any:
        return np.where(rows["credit_amount"] > 1e9, "yes", "no")

    model = adapt(label, _ROWS, "python_function", output_names=names)
    assert "Every explained row and every background row is answered with no" in model.notes[-1]
    told = adapt(lambda rows: np.where(rows["credit_amount"] > 2000, "yes", "no"), _ROWS, "python_function")
    assert "Every explained row" not in told.notes[-1]
