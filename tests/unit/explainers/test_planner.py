"""The plan: what is chosen for a budget, what it is said to cost, and what it does cost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness.explainable_models import explain, mlp, random_rows, small_model, table, tree_model
from sklearn.ensemble import RandomForestClassifier

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explainable import LinearTerms
from interp_pipeline.explainers.planner import plan_explainers

if TYPE_CHECKING:
    from harness.explainable_models import SmallModel

    from interp_pipeline.explainers.registry import Choice
    from interp_pipeline.explanation import FloatArray

ROW_S = 1e-5  # what a row costs the slow model


def slow(encoded: FloatArray) -> FloatArray:
    time.sleep(ROW_S * len(encoded))
    return encoded[:, :1] * encoded[:, 1:2]


def never(encoded: FloatArray) -> FloatArray:
    raise AssertionError(encoded)


SLOW = small_model(slow, 8)
FEW, MANY = small_model(mlp(6, 1, 0), 6), small_model(mlp(14, 1, 0), 14)


def plan(model: SmallModel, n_rows: int = 10, n_background: int = 5, **options: Any) -> tuple[Choice, ...]:
    n_features = len(model.feature_names)
    rows, background = table(random_rows(n_rows, n_features, 1)), table(random_rows(n_background, n_features, 2))
    return plan_explainers(model, rows, background, ExplainConfig(**options))


def test_what_reads_the_model_itself_has_no_evaluations_to_plan() -> None:
    features = random_rows(60, 3, 1)
    forest = tree_model(RandomForestClassifier(3, random_state=0).fit(features, features[:, 0] > 0), 3)
    linear = small_model(never, 3)
    linear.linear = LinearTerms(coefficients=np.ones((3, 1)), intercept=np.zeros(1))
    for model, name in ((forest, "shap_tree"), (linear, "shap_linear")):
        (choice,) = plan(model, methods=("shap",), max_evaluations=1, max_seconds=0.001)
        assert choice.name == name
        assert choice.n_evaluations is None


def test_trees_that_are_not_all_of_the_model_are_passed_over_and_that_is_said() -> None:
    features = random_rows(60, 3, 1)
    forest = tree_model(RandomForestClassifier(3, random_state=0).fit(features, features[:, 0] > 0), 3)
    forest.function = lambda encoded: forest.trees.predict_proba(encoded) * 0.5
    (choice,) = plan(forest, methods=("shap",))
    assert choice.name == "shap_exact"
    assert "Not shap_tree: the trees add up to outputs that differ from the model's by" in choice.why
    with pytest.raises(UsageError, match=r"shap_tree cannot explain this model: the trees add up .*; use shap_exact"):
        plan(forest, methods=("shap_tree",))


@pytest.mark.parametrize(
    ("model", "options", "name"),
    [
        (FEW, {}, "shap_exact"),
        (MANY, {}, "shap_permutation"),
        (MANY, {"sampling_rounds": 7}, "shap_permutation"),
        (MANY, {"max_evaluations": 20_000}, "shap_permutation"),
        (FEW, {"max_evaluations": 3_000}, "shap_permutation"),
    ],
)
def test_evaluations_are_as_predicted(model: SmallModel, options: dict[str, Any], name: str) -> None:
    (choice,) = plan(model, methods=("shap",), **options)
    assert choice.name == name
    n_features = len(model.feature_names)
    rows, background = table(random_rows(10, n_features, 1)), table(random_rows(5, n_features, 2))
    done = explain(name, model, rows, background, ExplainConfig(**options))
    assert done.cost.model_evaluations == choice.n_evaluations
    of = "Sampling takes about" if name == "shap_permutation" else "Trying every combination takes"
    assert f"{of} {choice.n_evaluations:,} model evaluations" in choice.why


def test_enumeration_too_dear_gives_way_to_sampling_and_says_so() -> None:
    (choice,) = plan(FEW, methods=("shap",), max_evaluations=3_000)
    assert choice.name == "shap_permutation"
    assert "Not shap_exact: it needs 3,115 model evaluations for 10 rows, more than max_evaluations=3000" in choice.why
    assert "2 of 4 rounds, which is what the budget allows" in choice.why


def test_time_is_predicted_from_the_model_itself() -> None:
    (choice,) = plan(SLOW, methods=("shap_exact",))
    evaluations = 10 + 5 + 10 * 5 * (2**8 - 2)
    assert choice.n_evaluations == evaluations
    assert choice.seconds >= 0.9 * evaluations * ROW_S  # a busy machine may make it more, and nothing less


def test_a_named_method_beyond_the_budget_is_refused_with_the_next_best() -> None:
    with pytest.raises(
        UsageError, match=r"shap_exact cannot .*: it would take about .* s for 10 rows, .*; use shap_permutation"
    ):
        plan(SLOW, methods=("shap_exact",), max_seconds=0.06)


def test_where_nothing_fits_the_error_says_how_many_rows_would() -> None:
    least = 10 + 5 + 10 * 5 * 4 * 2 * 13
    with pytest.raises(
        ModelError, match=r"Not shap_permutation: it needs 5,215 .* \(allow more, or explain at most 4 rows"
    ):
        plan(MANY, methods=("shap",), max_evaluations=least // 2)
    with pytest.raises(ModelError, match="use a smaller background"):
        plan(MANY, methods=("shap",), max_evaluations=20)


def test_an_accuracy_is_planned_for_as_an_aim() -> None:
    (choice,) = plan(MANY, methods=("shap",), max_error=0.05)
    assert "until their mean standard error is 0.05 of the mean |value|" in choice.why
    assert "ends sooner or later, when the stated accuracy is reached" in choice.why


def test_auto_adds_lime_and_unknown_names_are_refused() -> None:
    assert [choice.name for choice in plan(FEW)] == ["shap_exact", "lime"]
    with pytest.raises(UsageError, match="no explainer 'shapley'"):
        plan(FEW, methods=("shapley",))


def test_planning_asks_a_slow_model_for_few_rows() -> None:
    asked: list[int] = []

    def slow_and_heard(encoded: FloatArray) -> FloatArray:
        asked.append(len(encoded))
        return slow(encoded)

    (choice,) = plan(small_model(slow_and_heard, 8), methods=("shap_exact",))
    assert sum(asked) < choice.n_evaluations / 2
