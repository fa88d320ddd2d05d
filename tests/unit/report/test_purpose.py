"""What a model predicts, in words that are true of models of any origin and outputs of any kind."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from interp_pipeline.report import render_explanation_report
from interp_pipeline.report.decisions import compute_decision
from interp_pipeline.report.sentences.decisions import opening_sentence, start_sentence
from interp_pipeline.report.sentences.purpose import base_sentence, data_sentence, purpose_sentence, subject_sentence

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
    assert ("a probability" in html) == (unit == "log-odds")  # the one that belongs to a score, where there is one
    assert "a probability of being" not in html
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
    told = [opening_sentence(compute_decision(odds, None, odds.row_ids[row])) for row in (above, below)]
    assert told[0] == (
        "The model puts the log-odds of “good” at 1.4, which is a probability of 80.2\N{NO-BREAK SPACE}%; "
        "its answer is “good”."
    )
    assert told[1] == (
        "The model puts the log-odds of “good” at \N{MINUS SIGN}1.5, which is a probability of 18.2\N{NO-BREAK SPACE}%."
    )


def test_a_softmax_score_has_no_odds_of_its_own(content: ExplanationReport, shap: Explanation) -> None:
    """Only differences between classes are told as odds, and the class that leads is the answer."""
    scores = dataclasses.replace(shap, output_unit="softmax score", positive_class=None)
    told = opening_sentence(compute_decision(scores, None, 100))
    answer = scores.output_names[int(scores.predictions[0].argmax())]
    assert told.startswith(f"The model puts the softmax score for “{answer}” at ")
    assert f"its answer is “{answer}”" in told
    page = dataclasses.replace(content, shap=scores, lime=None, task="multiclass", metrics={})
    html = render_explanation_report(page)
    assert "the odds of the one against the other by about 2.7" in html
    for untrue in ("log-odds", "even odds", "a probability of being", "the probability", "percentage points"):
        assert untrue not in html


def _scored(shap: Explanation, unit: str, base: list[float], prediction: list[float]) -> Explanation:
    """One row of a model with these scores."""
    outputs = len(base)
    ends = np.array([base]), np.array([prediction])
    return dataclasses.replace(
        shap,
        values=np.concatenate([(ends[1] - ends[0])[:, np.newaxis], np.zeros((1, 2, outputs))], axis=1),
        base_values=ends[0],
        predictions=ends[1],
        data=shap.data[:1],
        output_names=("good",) if outputs == 1 else tuple("abc")[:outputs],
        output_unit=unit,
        positive_class="good" if outputs == 1 else None,
    )


def _plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def test_log_odds_stand_beside_the_probability_that_belongs_to_them(shap: Explanation) -> None:
    scored = _scored(shap, "log-odds", [-1.0], [2.0])
    decision = compute_decision(scored, None, 100)
    assert decision.probabilities == pytest.approx((1 / (1 + np.e), 1 / (1 + np.exp(-2.0))))
    assert _plain(start_sentence(decision)) == (
        "It starts from the model's average prediction, -1 (a probability of 26.9 %), "
        "and the row's values take it up to 2 (88.1 %)."
    )
    assert _plain(base_sentence(scored)) == (
        "Effects are counted from the average prediction, which puts the log-odds of “good” at -1 (a probability of "
        "26.9 %). That probability belongs to the average log-odds; it is not the average probability."
    )
    level = compute_decision(_scored(shap, "log-odds", [2.0], [2.0]), None, 100)
    assert _plain(start_sentence(level)).startswith(
        "It starts from the model's average prediction, 2 (a probability of"
    )


def test_log_odds_of_each_class_stand_for_a_probability_by_itself(shap: Explanation) -> None:
    scored = _scored(shap, "log-odds", [0.0, 0.0, -1.0], [1.0, 0.5, -2.0])
    told = _plain(opening_sentence(compute_decision(scored, None, 100)))
    assert told == (
        "The model puts the log-odds of “a” at 1, which is a probability of 73.1 % for this class by itself; "
        "its answer is “a”."
    )
    assert _plain(base_sentence(scored)).endswith(
        "the log-odds of “b” at 0 (a probability of 50.0 %) and the log-odds of “c” at -1 (a probability of 26.9 %). "
        "Each is that of a class by itself; they are not the average probabilities."
    )


def test_softmax_scores_stand_for_probabilities_over_all_classes(shap: Explanation) -> None:
    scored = _scored(shap, "softmax score", [5.0, 5.0, 5.0], [1.0, 3.0, 2.0])
    decision = compute_decision(scored, None, 100)
    whole = np.exp([1.0, 3.0, 2.0])
    assert decision.probabilities == pytest.approx((1 / 3, whole[1] / whole.sum()))
    assert _plain(opening_sentence(decision)) == (
        "The model puts the softmax score for “b” at 3, which beside the scores of the other classes is a probability "
        "of 66.5 %; its answer is “b”."
    )
    assert _plain(base_sentence(scored)).endswith(
        "the softmax score for “c” at 5 (a probability of 33.3 %). All of them belong to the average scores; "
        "they are not the average probabilities."
    )


@pytest.mark.parametrize("unit", ["probability", "decision function", "margin", "share of votes"])
def test_other_outputs_have_no_probability_beside_them(shap: Explanation, unit: str) -> None:
    scored = _scored(shap, unit, [0.25], [0.75])
    assert compute_decision(scored, None, 100).probabilities is None
    assert base_sentence(scored) == ""


def test_the_leader_of_a_decision_function_is_not_called_the_answer(shap: Explanation) -> None:
    scores = dataclasses.replace(shap, output_unit="decision function", positive_class=None)
    assert compute_decision(scores, None, 100).answer is None
    votes = dataclasses.replace(shap, output_unit="share of votes", predictions=np.tile([0.0, 1.0], (20, 1)))
    assert compute_decision(votes, None, 100).answer == "good"
