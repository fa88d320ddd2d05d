"""Boosted trees of two classes where the first is the positive one: read as exactly as for the second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from harness.adapted_models import NUMBERS, adapt, credit
from harness.explainable_models import explain
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

from interp_pipeline.config import ExplainConfig
from interp_pipeline.explainers.registry import choose_explainers
from interp_pipeline.explainers.shap_interactions import compute_interactions, plan_interactions

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.models.adapted import AdaptedModel

_TABLE, _TARGET = credit()
_TABLE = _TABLE[NUMBERS].fillna(0.0)
_ROWS, _BACKGROUND = _TABLE[:20], _TABLE[60:100]
_CONFIG = ExplainConfig()
_SMALL: dict[str, Any] = {"n_estimators": 6, "random_state": 0, "n_jobs": 1}
_LIBRARIES = {
    "gradient boosting": (GradientBoostingClassifier(n_estimators=6, random_state=0), "sklearn"),
    "histograms": (HistGradientBoostingClassifier(max_iter=6, random_state=0), "sklearn"),
    "xgboost": (xgb.XGBClassifier(**_SMALL), "xgboost"),
    "lightgbm": (lgb.LGBMClassifier(**_SMALL, verbose=-1), "lightgbm"),
}


@pytest.fixture(scope="module", params=_LIBRARIES)
def both(request: pytest.FixtureRequest) -> tuple[AdaptedModel, AdaptedModel]:
    """One trained estimator twice: speaking for its second class, and for its first."""
    native, flavor = _LIBRARIES[request.param]
    native.fit(_TABLE, (_TARGET == "good").astype(int))
    second, first = (
        adapt(native, _TABLE, flavor, output_names=["bad", "good"], positive_class=name) for name in ("good", "bad")
    )
    assert second.trees is first.trees is native
    return second, first


def _explained(method: str, model: AdaptedModel) -> Explanation:
    return explain(method, model, _ROWS, _BACKGROUND, _CONFIG)


def test_the_first_class_is_explained_by_the_tree_method(both: tuple[AdaptedModel, AdaptedModel]) -> None:
    second, first = both
    chosen = [choice.name for choice in choose_explainers(first, ExplainConfig(methods=("shap",)))]
    assert chosen == ["shap_tree"]
    assert first.notes == second.notes


@pytest.mark.parametrize("method", ["shap_tree", "shap_tree_path_dependent"])
def test_its_values_are_the_negative_of_the_second(both: tuple[AdaptedModel, AdaptedModel], method: str) -> None:
    # Turn by turn, so that a forest kept from one model and used for the other would be noticed.
    second, first, again = (_explained(method, model) for model in (*both, both[0]))
    assert (first.output_names, second.output_names) == (("bad",), ("good",))
    assert np.abs(second.values).max() > 0
    for name in ("values", "base_values", "predictions"):
        np.testing.assert_array_equal(getattr(first, name), -getattr(second, name))
        np.testing.assert_array_equal(getattr(again, name), getattr(second, name))
    np.testing.assert_allclose(first.predictions, both[1].reference(_ROWS), rtol=1e-5)


def test_so_are_the_joint_effects(both: tuple[AdaptedModel, AdaptedModel]) -> None:
    found = []
    for model in both:
        explanation = _explained("shap_tree", model)
        rows = plan_interactions(model, explanation, len(_BACKGROUND), _CONFIG).rows
        assert rows == tuple(range(len(_ROWS)))
        found.append(compute_interactions(model, explanation, _BACKGROUND, rows, lambda _: None))
    second, first = found
    assert first.pairs == second.pairs
    np.testing.assert_array_equal(first.values, -second.values)
    np.testing.assert_array_equal(first.mean, -second.mean)
    np.testing.assert_array_equal(first.mean_abs, second.mean_abs)
