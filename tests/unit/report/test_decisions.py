from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.report.decisions import compute_decision
from interp_pipeline.report.sentences import decisions as told

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def wide(shap: Explanation, effects: list[float]) -> Explanation:
    """One row with many features, a regression of price."""
    values = np.array(effects).reshape(1, -1, 1)
    base = np.full((1, 1), 50.0)
    return dataclasses.replace(
        shap,
        values=values,
        base_values=base,
        predictions=base + values.sum(axis=1),
        data=pd.DataFrame({f"f{i}": [i + 0.5] for i in range(len(effects))}, index=[100]),
        output_names=("price",),
        output_unit="price",
        positive_class=None,
    )


def test_a_row_in_plain_words(shap: Explanation, lime: Explanation) -> None:
    decision = compute_decision(shap, lime, 100, "bad")

    assert decision.row_id == 100
    assert plain(told.opening_sentence(decision)) == (
        "The model puts the probability of “good” at 84.0 %; its answer is “good”. The true outcome was “bad”."
    )
    assert plain(told.start_sentence(decision)) == (
        "It starts from the model's average prediction, 70.0 %, and the row's values take it up to 84.0 %."
    )
    assert [(push.feature, push.value, push.effect) for push in decision.up] == [
        ("duration_months", "4", pytest.approx(0.1)),
        ("purpose", "“car”", pytest.approx(0.04)),
    ]
    assert decision.down == ()
    assert plain(told.rest_sentence(decision)) == "The other feature does not move it."
    assert told.lime_sentence(decision) == "LIME, a second method, sees both features named here the same way."


def test_lime_disagrees_about_a_feature(shap: Explanation, lime: Explanation) -> None:
    decision = compute_decision(shap, lime, 119)
    assert told.lime_sentence(decision) == (
        "LIME, a second method, agrees on 1 of the 2 features named here; it sees purpose the other way round."
    )
    opposite = dataclasses.replace(lime, values=-shap.values)
    assert told.lime_sentence(compute_decision(shap, opposite, 119)) == (
        "LIME, a second method, sees both features named here the other way round: read this row with care."
    )


def test_without_lime_nothing_is_said_about_it(shap: Explanation, lime: Explanation) -> None:
    assert told.lime_sentence(compute_decision(shap, None, 100)) == ""
    silent = dataclasses.replace(lime, values=np.zeros_like(lime.values))
    assert told.lime_sentence(compute_decision(shap, silent, 100)) == ""
    elsewhere = dataclasses.replace(lime, data=lime.data.set_axis(range(20), axis=0))
    assert told.lime_sentence(compute_decision(shap, elsewhere, 100)) == ""


def test_a_regression_names_three_pushes_each_way_and_sums_up_the_rest(shap: Explanation) -> None:
    explanation = wide(shap, [9.0, 8, 7, 6, -5, -4, -3, -2, 0.01])
    decision = compute_decision(explanation, None, 100, "61")

    assert [push.feature for push in decision.up] == ["f0", "f1", "f2"]
    assert [push.feature for push in decision.down] == ["f4", "f5", "f6"]
    assert plain(told.rest_sentence(decision)) == "The other 3 features together move it by +4.01."
    assert plain(told.opening_sentence(decision)) == "The model predicts price to be 66.01. The true outcome was 61."
    total = decision.base + sum(push.effect for push in (*decision.up, *decision.down)) + decision.rest
    assert total == pytest.approx(decision.prediction)


def test_rounding_is_no_push(shap: Explanation) -> None:
    decision = compute_decision(wide(shap, [3.0, 1e-17, -2e-18, 5e-19]), None, 100)
    assert [push.feature for push in (*decision.up, *decision.down)] == ["f0"]
    assert told.rest_sentence(decision) == "The other 3 features together do not move it."
    cancelled = compute_decision(wide(shap, [3.0, 2, 2, 0.01, 0.02, -0.03]), None, 100)  # to -7e-18
    assert told.rest_sentence(cancelled) == "The other 3 features together do not move it."
    nothing = compute_decision(wide(shap, [1e-17, -1e-17]), None, 100)
    assert (nothing.up, nothing.down, nothing.rest) == ((), (), 0.0)


def test_small_cases_read_right(shap: Explanation) -> None:
    one = wide(shap, [3.0])
    lime = dataclasses.replace(one, values=one.values * 2, local_r2=np.ones((1, 1)))
    decision = compute_decision(one, lime, 100)
    assert told.rest_sentence(decision) == "No other feature is involved."
    assert told.lime_sentence(decision) == "LIME, a second method, sees it the same way."
    against = dataclasses.replace(lime, values=-lime.values)
    assert told.lime_sentence(compute_decision(one, against, 100)) == (
        "LIME, a second method, sees it the other way round: read this row with care."
    )
    balanced = compute_decision(wide(shap, [3.0, -3.0]), None, 100)
    assert told.start_sentence(balanced) == (
        "It starts from the model's average prediction, 50, and pushes up and down cancel out."
    )
    falling = compute_decision(wide(shap, [-3.0]), None, 100, "n/a")
    assert told.start_sentence(falling).endswith("take it down to 47.")
    assert told.opening_sentence(falling).endswith("The true outcome was n/a.")


def test_a_multi_class_row_is_told_about_the_predicted_class(shap: Explanation) -> None:
    values = np.zeros((1, 1, 3))
    values[0, 0] = [-0.2, 0.5, -0.3]
    base = np.full((1, 3), 1 / 3)
    explanation = dataclasses.replace(
        shap,
        values=values,
        base_values=base,
        predictions=base + values.sum(axis=1),
        data=pd.DataFrame({"f": [1]}, index=[100]),
        output_names=("a", "b", "c"),
        positive_class=None,
    )
    decision = compute_decision(explanation, None, 100)
    assert (decision.output, decision.answer) == ("b", "b")
