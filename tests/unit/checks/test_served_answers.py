"""What a served model answers, held against what was explained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.checks import served_disagreement
from interp_pipeline.explanation import Cost, Explanation


def _explained(predictions: Any, names: tuple[str, ...], unit: str, positive: str | None = None) -> Explanation:
    outputs = np.asarray(predictions, dtype=np.float64).reshape(-1, len(names))
    return Explanation(
        values=np.zeros((len(outputs), 1, len(names))),
        base_values=outputs,
        predictions=outputs,
        data=pd.DataFrame({"x": np.zeros(len(outputs))}),
        output_names=names,
        output_unit=unit,
        positive_class=positive,
        method="shap_exact",
        seed=0,
        cost=Cost(seconds=0.0, model_evaluations=0),
    )


SHARES = _explained([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]], ("no", "yes"), "probability", "yes")
ODDS = _explained([-2.0, 1.0, 0.5, -0.1], ("yes",), "log-odds", "yes")
SCORES = _explained([[2, 1, 0], [0, 3, 1], [0, 1, 2], [5, 1, 1]], ("a", "b", "c"), "softmax score")
LOGITS = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [0.0, 1.0, 2.0], [5.0, 1.0, 1.0]])
SOFTMAX = _explained(np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True), ("a", "b", "c"), "probability")
NUMBERS = _explained([1.0, 2.0, 4.0, 5.0], ("y",), "y")
WHOLE = _explained([[0.9, 0.1], [0.2, 0.8]], ("0", "1"), "probability", "1")

CASES = [
    ("labels", SHARES, ["no", "yes", "yes", "no"], 0.0),
    ("a wrong label", SHARES, ["no", "yes", "no", "no"], 0.25),
    ("whole numbers as labels", WHOLE, [0, 1], 0.0),
    ("fractions as labels", WHOLE, [1.0, 1.0], 0.5),
    ("probabilities", SHARES, SHARES.predictions.astype(np.float32), 0.0),
    ("other probabilities", SHARES, SHARES.predictions[::-1], 1.0),
    ("the second class's probability", SHARES, [0.1, 0.8, 0.7, 0.4], 0.0),
    ("the first class's instead", SHARES, [0.9, 0.2, 0.3, 0.6], 1.0),
    ("logits of the second class", SHARES, np.log(np.array([0.1, 0.8, 0.7, 0.4]) / [0.9, 0.2, 0.3, 0.6]), 0.0),
    ("numbers that are no probabilities", SHARES, [3.0, 4.5, 4.5, 3.0], None),
    ("logits of each class", SOFTMAX, LOGITS, 0.0),
    ("logits of something else", SOFTMAX, np.where(LOGITS == 3.0, 2.5, LOGITS), 0.25),
    ("labels of a score", ODDS, ["no", "yes", "yes", "no"], 0.0),
    ("the other label throughout", ODDS, ["no"] * 4, 0.5),
    ("probabilities of a score", ODDS, [0.1, 0.7, 0.6, 0.4], 0.0),
    ("those of the other class", ODDS, [0.9, 0.3, 0.4, 0.6], 0.0),
    ("probabilities of something else", ODDS, [0.9, 0.7, 0.4, 0.4], 0.5),
    ("probabilities of scores", SCORES, [[0.7, 0.2, 0.1], [0, 1, 0], [0, 0.4, 0.6], [1, 0, 0]], 0.0),
    ("labels of scores", SCORES, ["a", "b", "c", "b"], 0.25),
    ("numbers", NUMBERS, pd.DataFrame({"y": [1.0, 2.0, 4.0, 5.0]}), 0.0),
    ("a number that is off", NUMBERS, [1.0, 2.0, 4.1, 5.0], 0.25),
    ("labels under other names", SHARES, ["bad", "good", "good", "bad"], None),
    ("texts for numbers", NUMBERS, ["one", "two", "four", "five"], None),
    ("another number of rows", NUMBERS, [1.0], None),
    ("more outputs", NUMBERS, [[1.0, 2.0]] * 4, None),
]


NUMBERED = {"0": "no", "1": "yes"}
RENAMED = [
    ("numbers", SHARES, [0, 1, 1, 0], NUMBERED, 0.0),
    ("numbers, one wrong", SHARES, [0, 1, 0, 0], NUMBERED, 0.25),
    ("numbers from one on", SHARES, [1.0, 2.0, 2.0, 1.0], {"1": "no", "2": "yes"}, 0.0),
    ("numbers from one on, one wrong", SHARES, [1, 2, 2, 2], {"1": "no", "2": "yes"}, 0.25),
    ("texts", SHARES, ["bad", "good", "good", "good"], {"bad": "no", "good": "yes"}, 0.25),
    ("truth values", SHARES, [False, True, True, False], {"False": "no", "True": "yes"}, 0.0),
    ("numbers of a score", ODDS, [0, 1, 1, 0], NUMBERED, 0.0),
    ("numbers of a score, all wrong", ODDS, [1, 0, 0, 1], NUMBERED, 1.0),
    ("numbers of a score, none of its own class", ODDS, [0, 0, 0, 0], NUMBERED, 0.5),
    ("numbers of scores", SCORES, [0, 1, 2, 1], {"0": "a", "1": "b", "2": "c"}, 0.25),
    ("probabilities beside labels", SHARES, [0.1, 0.8, 0.7, 0.4], NUMBERED, 0.0),
    ("other probabilities beside labels", SHARES, [0.1, 0.8, 0.7, 0.9], NUMBERED, 0.25),
    ("numbers of which nothing is known", SHARES, [0, 1, 0, 0], {}, None),
    ("numbers of which nothing is known, of a score", ODDS, [0, 1, 0, 0], {}, None),
]


@pytest.mark.parametrize(
    ("explained", "answers", "labels", "expected"), [c[1:] for c in RENAMED], ids=[c[0] for c in RENAMED]
)
def test_labels_are_read_by_the_names_a_caller_gave_them(
    explained: Explanation, answers: Any, labels: dict[str, str], expected: float | None
) -> None:
    assert served_disagreement(explained, answers, labels) == expected


@pytest.mark.parametrize(("explained", "answers", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_answers_are_held_against_outputs(explained: Explanation, answers: Any, expected: float | None) -> None:
    assert served_disagreement(explained, answers) == expected


def test_rows_on_which_two_classes_are_level_decide_nothing() -> None:
    level = _explained([[0.5, 0.5], [0.9, 0.1]], ("no", "yes"), "probability", "yes")
    assert served_disagreement(level, ["yes", "no"]) == 0
    nothing = _explained([[0.5, 0.5]], ("no", "yes"), "probability", "yes")
    assert served_disagreement(nothing, ["yes"]) is None
