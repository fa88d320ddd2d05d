"""Labels that do not exclude each other are never published as the classes of one variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import catboost as cb
import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from harness.adapted_models import adapt, assert_is_the_model
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from interp_pipeline.errors import ModelError

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

_RANDOM = np.random.default_rng(0)
_TABLE = pd.DataFrame(_RANDOM.normal(size=(120, 3)), columns=list("abc"))
_LABELS = (_TABLE.to_numpy() > 0).astype(int)
_SINGLE = 1e-6  # boosters answer in single precision
_FEW: dict[str, Any] = {"iterations": 4, "depth": 2, "verbose": 0, "allow_writing_files": False, "thread_count": 1}


@pytest.mark.parametrize("output", ["auto", "probability"])
@pytest.mark.parametrize("n_labels", [2, 3])
def test_xgboost(n_labels: int, output: Any) -> None:
    native = xgb.XGBClassifier(n_estimators=3, max_depth=2).fit(_TABLE, _LABELS[:, :n_labels])
    with pytest.raises(ModelError, match="XGBClassifier predicts several labels at once; register one model per label"):
        adapt(native, _TABLE, "xgboost", output=output)
    with pytest.raises(ModelError, match="Booster predicts several labels at once"):
        adapt(native.get_booster(), _TABLE, "xgboost", output=output)


@pytest.mark.parametrize(
    "native",
    [
        MLPClassifier((4,), max_iter=5, random_state=0),
        OneVsRestClassifier(LogisticRegression()),
        RidgeClassifier(),
        make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())),
    ],
    ids=["network", "one-against-rest", "ridge", "pipeline"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learn(native: Any) -> None:
    with pytest.raises(ModelError, match="predicts several labels at once; register one model per label"):
        adapt(native.fit(_TABLE, _LABELS[:, :2]), _TABLE)


class _Shares(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn's classes have no types
    """A classifier of somebody's own, whose shares belong to no common whole."""

    classes_ = np.array(["late", "paid"])

    def predict(self, rows: Any) -> Any:
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]

    def predict_proba(self, rows: Any) -> FloatArray:
        return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(rows)[:, :2])))


def test_probabilities_of_classes_sum_to_one() -> None:
    with pytest.raises(ModelError, match=r"its classes \(late, paid\) sum to .* for row \d+, not to 1"):
        adapt(_Shares(), _TABLE)


def test_one_against_the_rest_is_one_variable() -> None:
    three = pd.cut(_TABLE["a"], 3, labels=False)
    light = lgb.LGBMClassifier(n_estimators=3, objective="multiclassova", verbose=-1).fit(_TABLE, three)
    model = adapt(light, _TABLE, "lightgbm", output="probability")
    assert any("need not sum to 100 %" in note for note in model.notes)
    assert_is_the_model(model, _TABLE, light.predict_proba(_TABLE[:110]))
    cat = cb.CatBoostClassifier(**_FEW, loss_function="MultiClassOneVsAll").fit(_TABLE, three)
    assert_is_the_model(adapt(cat, _TABLE, "catboost", output="probability"), _TABLE, cat.predict_proba(_TABLE[:110]))


def test_classifiers_trained_with_a_loss_of_probabilities_that_is_not_named_binary() -> None:
    boosted = xgb.XGBClassifier(objective="reg:logistic", n_estimators=3, max_depth=2).fit(_TABLE, _LABELS[:, 0])
    light = lgb.LGBMClassifier(objective="cross_entropy", n_estimators=3, verbose=-1).fit(_TABLE, _LABELS[:, 0])
    margins = boosted.predict(_TABLE[:110], output_margin=True), light.predict(_TABLE[:110], raw_score=True)
    for native, flavor, margin in zip((boosted, light), ("xgboost", "lightgbm"), margins, strict=True):
        model = adapt(native, _TABLE, flavor)
        assert (model.output_names, model.output_unit, model.positive_class) == (("1",), "log-odds", "1")
        assert_is_the_model(model, _TABLE, margin.reshape(-1, 1).astype(np.float64), _SINGLE)
        shares = adapt(native, _TABLE, flavor, output="probability")
        assert_is_the_model(shares, _TABLE, native.predict_proba(_TABLE[:110]).astype(np.float64), _SINGLE)


def test_a_booster_of_shares_predicts_numbers() -> None:
    target = 1.0 / (1.0 + np.exp(-_TABLE["a"]))
    settings = {"objective": "cross_entropy", "verbose": -1, "num_threads": 1}
    native = lgb.train(settings, lgb.Dataset(_TABLE, target), 3)
    model = adapt(native, _TABLE, "lightgbm", target="share")
    assert (model.output_names, model.output_unit) == (("share",), "share")
    assert_is_the_model(model, _TABLE, np.asarray(native.predict(_TABLE[:110])).reshape(-1, 1))


def test_catboosts_ranker_and_sum_of_models(tmp_path: Any) -> None:
    grades = (_TABLE["a"] * 2).round().clip(0, 3).astype(int)
    ranker = cb.CatBoostRanker(**_FEW).fit(_TABLE, grades, group_id=np.repeat(range(20), 6))
    model = adapt(ranker, _TABLE, "catboost")
    assert model.trees is ranker
    assert_is_the_model(model, _TABLE, ranker.predict(_TABLE[:110]).reshape(-1, 1))
    parts = [cb.CatBoostRegressor(**_FEW).fit(_TABLE, _TABLE[name]) for name in "ab"]
    fresh = cb.sum_models(parts)
    fresh.save_model(str(tmp_path / "sum.cbm"))
    for native in (fresh, cb.CatBoost().load_model(str(tmp_path / "sum.cbm"))):
        expected = sum(part.predict(_TABLE[:110]) for part in parts)
        assert_is_the_model(adapt(native, _TABLE, "catboost"), _TABLE, expected.reshape(-1, 1))
