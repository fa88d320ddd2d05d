"""What becomes of a computation in which one method fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from harness.explainable_models import random_rows, table, tree_model
from sklearn.ensemble import RandomForestRegressor

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.registry import Choice
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.compute import _explained

CONFIG = ExplainConfig(lime_samples=50)
_LIME, _SHAP = (Choice(name=name, why="It was asked for.") for name in ("lime", "shap_tree"))


def _loaded(scale: float) -> Any:
    features = random_rows(60, 3, 1)
    forest = RandomForestRegressor(3, random_state=0).fit(features, features[:, 0])
    for tree in forest.estimators_:
        tree.tree_.value[:] *= scale
    return SimpleNamespace(parts=tree_model(forest, 3), rows=table(features[:4]), background=table(features[:20]))


@pytest.mark.parametrize("choices", [(_SHAP, _LIME), (_LIME, _SHAP)])
def test_shap_values_stand_without_a_lime_that_fails(choices: tuple[Choice, ...]) -> None:
    timings: dict[str, float] = {}
    shap, lime, told = _explained(_loaded(1e200), choices, CONFIG, "models:/m/1", SilentProgress(), timings)
    assert shap is not None
    assert lime is None
    failed = {choice.name: choice.failed for choice in told}
    assert failed["shap_tree"] == ""
    assert "are too large for a surrogate" in failed["lime"]
    assert set(timings) == {"shap_tree", "lime"}
    shap, lime, told = _explained(_loaded(1.0), choices, CONFIG, "models:/m/1", SilentProgress(), timings)
    assert shap is not None
    assert lime is not None
    assert told == choices


def test_lime_alone_fails_with_its_reason() -> None:
    with pytest.raises(ModelError, match="are too large for a surrogate"):
        _explained(_loaded(1e200), (_LIME,), CONFIG, "models:/m/1", SilentProgress(), {})
