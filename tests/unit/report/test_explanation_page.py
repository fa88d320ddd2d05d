from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.report import ExplanationReport, render_explanation_report
from interp_pipeline.report.pictures import other_pictures, picture, pictures

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import Explanation

EVIL = '"><script>alert(1)</script>{{ 7*7 }}{% raw %}$a_b$\n\u202e<img src=http://x onerror=alert(1)>'


class Page(HTMLParser):
    """Every element with its attributes, and all text outside style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._in_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.text += data.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == tag]


def test_the_page_answers_a_readers_questions_in_order(content: ExplanationReport) -> None:
    page = Page(render_explanation_report(content))
    wanted = [
        "credit-rf version 3",
        "In short",
        "What the model predicts",
        "A random forest that predicts “outcome”: it gives each row a probability of being “good” rather than “bad”.",
        (
            "It learned from 800 rows of german_credit and was tested on 200 other rows. This page explains its "
            "predictions for 20 test rows, each described by 3 features."
        ),
        "Column note is constant.",
        "How well it does",
        "76.5 %",
        "Always giving the most frequent answer would be right 70.0 % of the time",
        "What drives it",
        "All effects are about the probability of “good”, in percentage points",
        "Higher duration_months lowers the probability of “good”",
        "Example decisions",
        "Row 100",
        "The true outcome was “bad”.",
        "duration_months = 4",
        "Row 119",
        "How far to trust this explanation",
        "What no check can take away",
        "All features",
        "5.00 ± ",
        "shap_tree: The model is a forest.",
        "additivity_error",
        "largest gap between base value plus effects and the prediction, over rows and outputs",
        "numpy 2.4.0, shap 0.51.0",
    ]
    place = 0
    for words in wanted:
        found = page.text.find(words, place)
        assert found >= 0, words
        place = found


def test_equal_content_gives_equal_bytes(content: ExplanationReport) -> None:
    turned = dataclasses.replace(content, pictures=dict(reversed(content.pictures.items())))
    assert render_explanation_report(content).encode() == render_explanation_report(turned).encode()


def test_nothing_is_loaded_and_nothing_runs(content: ExplanationReport) -> None:
    html = render_explanation_report(content)
    page = Page(html)
    policy = next(meta for meta in page.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    assert not page.tags() & {"script", "link", "iframe", "object", "form", "a", "base"}
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert len(page.of("img")) == 4
    for image in page.of("img"):
        assert (image["src"] or "").startswith("data:image/png;base64,")
        assert image["alt"]


def test_hostile_names_stay_text(
    shap: Explanation,
    lime: Explanation,
    importance: Callable[[Explanation], pd.DataFrame],
    content: ExplanationReport,
    png: bytes,
) -> None:
    def renamed(e: Explanation) -> Explanation:
        data = e.data.rename(columns={"duration_months": EVIL}).replace({"purpose": {"car": EVIL}})
        return dataclasses.replace(e, data=data, output_names=("bad", EVIL), positive_class=EVIL)

    hostile = dataclasses.replace(
        content,
        shap=renamed(shap),
        lime=renamed(lime),
        importance=importance(renamed(shap)),
        model_name=EVIL,
        model_kind=EVIL,
        target=EVIL,
        data_source=EVIL,
        methods={EVIL: EVIL},
        checks={EVIL: 1.0},
        metrics={"accuracy": 0.7, EVIL: 1.0},
        notes=(EVIL, "half \ud800"),
        versions={EVIL: EVIL},
        actual={0: EVIL},
        pictures={EVIL: png},
    )
    html = render_explanation_report(hostile)
    page = Page(html)
    assert "script" not in page.tags()
    assert [set(image) for image in page.of("img")] == [{"src", "alt"}]
    assert all(not key.startswith("on") for _, attributes in page.elements for key in attributes)
    assert "<script>alert(1)</script>{{ 7*7 }}{% raw %}$a_b$" in page.text
    assert "\u202e" not in html
    assert html.encode()


def test_a_page_without_lime_metrics_pictures_or_instances(shap: Explanation, content: ExplanationReport) -> None:
    bare = dataclasses.replace(
        content,
        lime=None,
        importance=content.importance.drop(columns="lime_mean_abs_weight"),
        metrics={},
        pictures={},
        instances=(),
        checks={},
        notes=(),
        versions={},
        n_train=None,
        n_test=None,
    )
    page = Page(render_explanation_report(bare))
    assert "LIME" not in page.text.replace("lime: A second opinion.", "")
    assert "No test result of this version is known here" in page.text
    assert "Data: german_credit. This page explains" in page.text
    for words in ("Example decision", "Software", "Checks as stored", "Remarks", "Further pictures"):
        assert words not in page.text
    assert shap.feature_names[0] in page.text


def test_one_instance_is_an_example(content: ExplanationReport) -> None:
    text = Page(render_explanation_report(dataclasses.replace(content, instances=(103,), pictures={}))).text
    assert "An example decision" in text


def test_a_regression_speaks_in_its_own_unit(
    shap: Explanation, importance: Callable[[Explanation], pd.DataFrame], content: ExplanationReport
) -> None:
    base = np.full((20, 1), 500.0)
    values = shap.values[:, :, 1:] * 1000
    priced = dataclasses.replace(
        shap,
        values=values,
        base_values=base,
        predictions=base + values.sum(axis=1),
        output_names=("price",),
        output_unit="price",
        positive_class=None,
    )
    told = dataclasses.replace(
        content,
        shap=priced,
        lime=None,
        importance=importance(priced),
        task="regression",
        target="price",
        metrics={"rmse": 54.3, "mae": 44.1, "r2": 0.44, "baseline_rmse": 73.2},
        actual={100: "650.5"},
    )
    text = Page(render_explanation_report(told)).text
    for words in (
        "A random forest that predicts a number, “price”.",
        "All effects are in units of “price”: +1 means that the prediction is higher by 1.",
        "Higher duration_months lowers the predicted price: on average +85 where it is 4 to 10, and -75 where it",
        "The model predicts price to be 640. The true outcome was 650.5.",
    ):
        assert words in text
    assert "points" not in text


def test_several_classes_are_named(shap: Explanation, content: ExplanationReport) -> None:
    both = dataclasses.replace(shap, positive_class=None)
    text = Page(render_explanation_report(dataclasses.replace(content, shap=both, task="multiclass"))).text
    assert re.search(r"\bnan\b", text) is None
    assert "Average effect" not in text  # over classes it has no direction
    assert "a probability for each of 2 classes, “bad” and “good”" in text
    assert "the probability of the class named" in text


def test_a_long_table_ends_with_a_note(content: ExplanationReport) -> None:
    rows = [
        {"feature": f"feature {i}", "rank": i, "mean_abs_shap": 1.0 / i, "mean_shap": 0.0, "std_error": 0.0}
        for i in range(1, 251)
    ]
    long = dataclasses.replace(content, importance=pd.DataFrame(rows))
    text = Page(render_explanation_report(long)).text
    assert "feature 200" in text
    assert "feature 201" not in text
    assert "The 200 most important ones are listed; all are in global_importance.json." in text


def test_pictures_are_found_by_stem_and_number(png: bytes) -> None:
    drawn = {"dependence_10": png, "dependence_2": png + b"2", "importance": png, "mine_1": png}
    found = pictures(drawn, "dependence")
    assert [base64.b64decode(one.source.split(",")[1]) for one in found] == [png + b"2", png]
    assert picture(drawn, "beeswarm") is None
    assert [one.title for one in other_pictures(drawn, {"importance", "dependence_2", "dependence_10"})] == ["mine_1"]


@pytest.mark.parametrize("key", ["", "12", "_", "confusion_matrix", "a_1_2"])
def test_any_picture_key_is_shown(content: ExplanationReport, png: bytes, key: str) -> None:
    page = Page(render_explanation_report(dataclasses.replace(content, pictures={key: png})))
    assert len(page.of("img")) == 1
