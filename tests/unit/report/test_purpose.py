"""What a model predicts, in words that are true of models of any origin and outputs of any kind."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from interp_pipeline.report import render_explanation_report
from interp_pipeline.report.decisions import compute_decision
from interp_pipeline.report.sentences.decisions import opening_sentence
from interp_pipeline.report.sentences.purpose import data_sentence, purpose_sentence, subject_sentence

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.report import ExplanationReport

SENTENCES = [
    (
        ("binary", None, ("bad", "good"), "good", "probability"),
        "An SVC that gives each row a probability of being “good” rather than “bad”.",
    ),
    (
        ("binary", "outcome", ("good",), "good", "log-odds"),
        (
            "An SVC that predicts “outcome”: it gives each row log-odds for being “good”, and answers “good” where "
            "that is above zero."
        ),
    ),
    (
        ("multiclass", None, ("a", "b", "c"), None, "decision function"),
        "An SVC that gives each row a score (decision function) for each of 3 outputs, “a”, “b” and “c”.",
    ),
    (
        ("multiclass", None, ("a", "b", "c"), None, "softmax score"),
        "An SVC that gives each row a softmax score for each of 3 outputs, “a”, “b” and “c”.",
    ),
    (
        ("multiclass", None, ("a", "b", "c"), None, "share of votes"),
        "An SVC that gives each row one of 3 answers, “a”, “b” and “c”.",
    ),
    (("regression", None, ("y",), None, "y"), "An SVC that predicts a number, “y”."),
    (("regression", None, ("y", "z"), None, "prediction"), "An SVC that predicts 2 numbers, “y” and “z”."),
]


@pytest.mark.parametrize(("arguments", "sentence"), SENTENCES)
def test_every_kind_of_output_has_its_sentence(arguments: Any, sentence: str) -> None:
    task, target, outputs, positive, unit = arguments
    assert purpose_sentence("SVC", task, target, outputs, positive, unit) == sentence


def _foreign(content: ExplanationReport, shap: Explanation, unit: str) -> ExplanationReport:
    """The same page about a model of somebody else's that is explained by one score."""
    single = dataclasses.replace(
        shap,
        values=shap.values[:, :, 1:] * 10,
        base_values=shap.base_values[:, 1:] * 0,
        predictions=shap.values[:, :, 1].sum(axis=1, keepdims=True) * 10,
        output_names=("good",),
        output_unit=unit,
    )
    unknown: dict[str, Any] = {"target": None, "data_source": "", "n_train": None, "n_test": None, "metrics": {}}
    return dataclasses.replace(content, shap=single, lime=None, rows_source="new.csv", **unknown)


@pytest.mark.parametrize("unit", ["log-odds", "decision function", "margin"])
def test_a_page_about_scores_claims_no_probability_and_nothing_that_is_not_known(
    content: ExplanationReport, shap: Explanation, unit: str
) -> None:
    foreign = _foreign(content, shap, unit)
    html = render_explanation_report(foreign)
    assert "the probability" not in html
    assert "a probability" not in html
    assert "points" not in html
    assert "None" not in html
    assert f"the {unit} {'of' if unit == 'log-odds' else 'for'} “good”" in html
    assert "no probabilities" in subject_sentence(foreign)
    assert data_sentence(foreign) == (
        "What it learned from is not known here. This page explains its predictions for 20 rows of new.csv, each "
        "described by 3 features."
    )
    assert "No test result of this version is known here" in html


def test_the_answer_of_a_score_is_said_where_it_has_a_name(content: ExplanationReport, shap: Explanation) -> None:
    odds = _foreign(content, shap, "log-odds").shap
    above, below = int(odds.predictions.argmax()), int(odds.predictions.argmin())
    told = [opening_sentence(compute_decision(odds, None, row)) for row in (above, below)]
    assert told[0] == "The model puts the log-odds of “good” at 1.4; its answer is “good”."
    assert told[1] == "The model puts the log-odds of “good” at \N{MINUS SIGN}1.5."


def test_a_softmax_score_has_no_odds_of_its_own(content: ExplanationReport, shap: Explanation) -> None:
    """Only differences between classes are told as odds, and the class that leads is the answer."""
    scores = dataclasses.replace(shap, output_unit="softmax score", positive_class=None)
    told = opening_sentence(compute_decision(scores, None, 0))
    answer = scores.output_names[int(scores.predictions[0].argmax())]
    assert told.startswith(f"The model puts the softmax score for “{answer}” at ")
    assert f"its answer is “{answer}”" in told
    page = dataclasses.replace(content, shap=scores, lime=None, task="multiclass", metrics={})
    html = render_explanation_report(page)
    assert "the odds of the one against the other by about 2.7" in html
    for untrue in ("log-odds", "even odds", "a probability of", "the probability", "percentage points"):
        assert untrue not in html


def test_the_leader_of_a_decision_function_is_not_called_the_answer(shap: Explanation) -> None:
    scores = dataclasses.replace(shap, output_unit="decision function", positive_class=None)
    assert compute_decision(scores, None, 0).answer is None
    votes = dataclasses.replace(shap, output_unit="share of votes", predictions=np.tile([0.0, 1.0], (20, 1)))
    assert compute_decision(votes, None, 0).answer == "good"
