"""How well a model of others does on rows that come with their true outcomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.explanation import LOG_ODDS, PROBABILITY, SOFTMAX_SCORE, VOTES, Cost, Explanation
from interp_pipeline.stages.facts import Facts, facts_of_manifest, facts_of_model
from interp_pipeline.stages.performance import with_performance


def _explained(predictions: Any, names: tuple[str, ...], unit: str, positive: str | None = None) -> Explanation:
    predictions = np.asarray(predictions, dtype=np.float64)
    rows = pd.DataFrame({"a": np.arange(len(predictions))}, index=np.arange(len(predictions)) + 10)
    return Explanation(
        values=np.zeros((len(rows), 1, predictions.shape[1])),
        base_values=predictions,
        predictions=predictions,
        data=rows,
        output_names=names,
        output_unit=unit,
        positive_class=positive,
        method="shap_exact",
        seed=0,
        cost=Cost(seconds=0.0, model_evaluations=0),
    )


def _measured(explained: Explanation, outcomes: list[Any]) -> Facts:
    facts = facts_of_model("sklearn", "model", explained, "y")
    return with_performance(facts, pd.Series(outcomes, index=explained.row_ids, name="y"), explained)


def test_a_regression() -> None:
    facts = _measured(_explained([[1.0], [2.0], [4.0], [9.0]], ("y",), "y"), [1.0, 3.0, 4.0, None])
    assert facts.metrics["mae"] == pytest.approx(1 / 3)
    assert (facts.n_test, facts.measured_on_explained) == (3, True)
    facts = _measured(_explained([[1.0], [2.0]], ("y",), "y"), ["low", "high"])
    assert (dict(facts.metrics), facts.n_test) == ({}, None)
    assert "not all numbers" in facts.notes[-1]


@pytest.mark.parametrize(
    ("predictions", "names", "unit"),
    [
        ([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], ("no", "yes"), PROBABILITY),
        ([[-2.0], [1.5], [0.5]], ("yes",), LOG_ODDS),
        ([[-2.0], [1.5], [0.5]], ("yes",), "decision function"),
        ([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], ("no", "yes"), VOTES),
    ],
)
def test_two_classes_in_whatever_unit_they_are_explained(predictions: Any, names: tuple[str, ...], unit: str) -> None:
    facts = _measured(_explained(predictions, names, unit, "yes"), ["no", "yes", "no"])
    assert facts.task == "binary"
    assert facts.metrics["accuracy"] == pytest.approx(2 / 3)
    assert facts.metrics["baseline_accuracy"] == pytest.approx(2 / 3)
    assert ("log_loss" in facts.metrics) == (unit in {PROBABILITY, LOG_ODDS})


def test_more_classes_and_classes_that_the_model_only_numbers() -> None:
    scores = [[2.0, 0.0, 0.0], [0.0, 3.0, 1.0], [0.0, 0.0, 1.0]]
    facts = _measured(_explained(scores, ("a", "b", "c"), SOFTMAX_SCORE), ["a", "b", "b"])
    assert facts.metrics["accuracy"] == pytest.approx(2 / 3)
    shares = [[0.9, 0.1], [0.2, 0.8]]
    facts = _measured(_explained(shares, ("class 0", "class 1"), PROBABILITY, "class 1"), [0.0, 1.0])
    assert facts.metrics["accuracy"] == 1.0


def test_outcomes_that_are_called_otherwise_are_not_guessed() -> None:
    shares = [[0.9, 0.1], [0.2, 0.8]]
    facts = _measured(_explained(shares, ("class 0", "class 1"), PROBABILITY, "class 1"), ["bad", "good"])
    assert not facts.metrics
    assert facts.notes[-1].startswith("The true outcomes (bad, good) are called otherwise than the model's outputs")
    assert "--class-names" in facts.notes[-1]


def test_nothing_is_measured_where_one_outcome_is_not_the_truth_of_the_outputs() -> None:
    assert not _measured(_explained([[0.9, 0.8], [0.2, 0.7]], ("late", "new"), PROBABILITY), ["late", "new"]).metrics
    assert not _measured(_explained([[0.9, 0.8], [0.2, 0.7]], ("u", "v"), "y"), [1.0, 2.0]).metrics
    assert not _measured(_explained([[0.9], [0.2]], ("y",), "y"), [1.0, None]).metrics


def test_metrics_of_training_stay() -> None:
    explained = _explained([[1.0], [2.0]], ("y",), "y")
    trained = Facts(kind="keras", words="Keras network", task="regression", target="y", metrics={"mae": 7.0}, n_test=5)
    assert with_performance(trained, pd.Series([1.0, 2.0], index=explained.row_ids), explained) is trained


def test_what_a_manifest_says() -> None:
    model = {"kind": "sklearn", "words": "SVC", "task": "binary", "target": None}
    facts = facts_of_manifest({"model": model, "performance": {"rows": 40, "metrics": {"accuracy": 0.8}}})
    assert (facts.n_test, dict(facts.metrics), facts.measured_on_explained) == (40, {"accuracy": 0.8}, True)
    assert not facts_of_manifest({"model": model, "performance": None}).measured_on_explained
