"""The page and the description of a single row: what the model says of it and why, nowhere an average."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from interp_pipeline.report import describe_version, render_explanation_report
from interp_pipeline.report.decisions import compute_decision
from interp_pipeline.report.sentences.decisions import pushes_sentence
from interp_pipeline.stages.render import _jobs

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.report import ExplanationReport


def _one(explanation: Explanation) -> Explanation:
    return dataclasses.replace(
        explanation,
        values=explanation.values[:1],
        base_values=explanation.base_values[:1],
        predictions=explanation.predictions[:1],
        data=explanation.data.iloc[:1],
        local_r2=None if explanation.local_r2 is None else explanation.local_r2[:1],
    )


@pytest.fixture
def one_row(content: ExplanationReport, shap: Explanation, lime: Explanation) -> ExplanationReport:
    return dataclasses.replace(content, shap=_one(shap), lime=_one(lime), instances=(100,), interactions_why="None.")


def _text(content: ExplanationReport) -> str:
    html = render_explanation_report(content).replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
    return html[html.index("<body") :]


def test_the_page_names_its_row_and_tells_no_average(one_row: ExplanationReport) -> None:
    page = _text(one_row)
    for words in (
        "<h1>credit-rf version 3: row 100</h1>",
        "This page explains its prediction for row 100, a test row, described by 3 features.",
        "The model puts the probability of “good” at 84.0 %; its answer is “good”. The true outcome was “bad”.",
        (
            "It is pushed up most by duration_months = 4 (+10.0 points) and purpose = “car” (+4.0 points); nothing "
            "worth naming pushes it down."
        ),
        '<th class="n">Effect</th>',
        '<td class="n">+10.00</td><td class="n">+15.00</td>',
        "This page is about one row; other rows may be driven by other features.",
        "reproduces it with an R² of 0.65",
    ):
        assert words in page
    for words in (
        "on average",
        "Average size",
        "Averages are",
        "±</",
        "all explained rows",
        "What drives it",
        "acts tog",
    ):
        assert words not in page
    assert page.count("<img") == 2  # waterfall and LIME; neither the importance nor any other picture of averages


def test_rows_that_were_named_are_named_once(one_row: ExplanationReport, content: ExplanationReport) -> None:
    named = dataclasses.replace(one_row, rows_source="row 100 of new.csv")
    assert "its prediction for row 100 of new.csv, which need not be a test row, described by" in _text(named)
    ids = ", ".join(str(row) for row in content.shap.row_ids)
    several = dataclasses.replace(content, rows_source=f"rows {ids} of new.csv")
    assert f"its predictions for rows {ids} of new.csv, which need not be its test rows, each" in _text(several)


def test_only_pictures_of_the_row_are_drawn(shap: Explanation, lime: Explanation) -> None:
    assert set(_jobs(_one(shap), _one(lime), None, (100,))) == {"importance", "waterfall_100", "lime_100"}


def test_the_description_tells_the_row(shap: Explanation) -> None:
    text = describe_version(
        model_kind="random forest",
        task="binary",
        target="outcome",
        metrics={"accuracy": 0.705, "baseline_accuracy": 0.7},
        n_test=200,
        shap=_one(shap),
        report="R",
        picture="P",
    )
    assert "**Why row 100 gets its prediction**" in text
    assert "It is pushed up most by duration" in text
    assert "on average" not in text
    assert "so the lead over always giving the most frequent answer may be luck." in text


def test_pushes_one_way_or_none(shap: Explanation) -> None:
    decision = compute_decision(shap, None, 100)
    push = decision.up[0]
    down = dataclasses.replace(decision, up=(), down=(dataclasses.replace(push, effect=-0.1),))
    assert pushes_sentence(down).endswith("; nothing worth naming pushes it up.")
    assert pushes_sentence(dataclasses.replace(decision, up=(), down=())) == "No feature pushes it up or down."
