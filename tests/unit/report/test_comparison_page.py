from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.comparison import Comparison, compute_comparison
from interp_pipeline.config import CompareConfig
from interp_pipeline.report import (
    ComparisonColumn,
    ComparisonReport,
    describe_comparison,
    render_comparison_report,
)
from interp_pipeline.report.sentences import comparison as told

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation

CONFIG = CompareConfig(top_k=2, bootstrap_samples=100)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


class Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs)["alt"] or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Text:
    parser = Text()
    parser.feed(page)
    return parser


@pytest.fixture
def other(shap: Explanation) -> Explanation:
    """Half the effect of duration, so that purpose leads."""
    values = shap.values.copy()
    values[:, 0] *= 0.5
    return dataclasses.replace(shap, values=values, predictions=shap.base_values + values.sum(axis=1))


@pytest.fixture
def comparison(shap: Explanation, other: Explanation) -> Comparison:
    return compute_comparison([shap, other], ["v1", "v2"], CONFIG)


def report(comparison: Comparison, pictures: dict[str, bytes]) -> ComparisonReport:
    compared = tuple(
        ComparisonColumn(
            label=label, model_kind="random forest", method="shap_tree", metrics={"accuracy": 0.7 + i / 10}
        )
        for i, label in enumerate(comparison.labels)
    )
    return ComparisonReport(
        comparison=comparison,
        compared=compared,
        task="binary",
        target="outcome",
        data_source="german_credit",
        pictures=pictures,
        versions={"shap": "0.51.0"},
    )


def test_a_pair_in_words(comparison: Comparison) -> None:
    row, pair = comparison.agreement.iloc[0], comparison.pair("v2")
    sentences = [
        told.subject_sentence(comparison, "outcome", "german_credit"),
        told.verdict_sentence(row, pair),
        told.predictions_sentence(row, comparison.n_rows, "probability"),
        told.agreement_sentence(row),
        told.shift_sentence(pair, "v1", "v2", "probability"),
        told.flips_sentence(row),
        told.row_sentence(comparison.per_row.iloc[0], "v1", "probability"),
    ]
    assert [plain(sentence) for sentence in sentences] == [
        (
            "v1 is the reference; v2 is compared with it, on the same 20 rows of german_credit. "
            "All predict “outcome”; effects are about the probability of “good”."
        ),
        "v2 and v1 are driven by partly different features; of 3 features, 1 lost importance by more than noise.",
        "Their predictions differ by 2.5 points on average; the answer is the same in all 20 rows.",
        (
            "They share all their 2 most important features; the rank correlation over all common features is 0.5 "
            "(1 would be the same order)."
        ),
        "1 feature changed in importance by more than noise: duration_months (-2.5 points, from rank 1 to 2).",
        "Wherever both see an effect beyond noise, it points the same way.",
        (
            "They disagree most about row 100: the effects differ by 5.0 points in all, most of it in duration_months; "
            "v1 puts the probability of “good” at 84.0 %, v2 at 79.0 %."
        ),
    ]


def test_identical_versions_in_words(shap: Explanation) -> None:
    same = compute_comparison([shap, shap], ["v1", "v2"], CONFIG)
    row, pair = same.agreement.iloc[0], same.pair("v2")
    assert told.verdict_sentence(row, pair) == (
        "v2 and v1 are driven by the same features in nearly the same order; "
        "none of 3 features changed in importance by more than noise."
    )
    assert told.shift_sentence(pair, "v1", "v2", "probability") == (
        "No feature changed in importance by more than noise."
    )
    assert told.row_sentence(same.per_row.iloc[0], "v1", "probability") == (
        "Every row is explained the same way by both."
    )


def test_different_answers_and_signs_are_counted(shap: Explanation) -> None:
    turned = dataclasses.replace(shap, values=-shap.values, predictions=shap.predictions[:, ::-1])
    row = compute_comparison([shap, turned], ["v1", "v2"], CONFIG).agreement.iloc[0]
    assert plain(told.predictions_sentence(row, 20, "probability")).endswith(
        "; in 20 of 20 rows (100 %) they give different answers."
    )
    assert plain(told.flips_sentence(row)) == (
        "Where both see an effect beyond noise, it points the opposite way in 100 % of cases."
    )


@pytest.mark.parametrize(
    ("correlation", "words"),
    [(0.96, "nearly the same order"), (0.85, "largely"), (0.6, "partly different"), (0.2, "by different features")],
)
def test_rank_correlation_in_words(comparison: Comparison, correlation: float, words: str) -> None:
    row = comparison.agreement.iloc[0].copy()
    row["rank_correlation"] = correlation
    assert words in told.verdict_sentence(row, comparison.pair("v2"))


def test_a_regression_is_told_in_its_own_unit(shap: Explanation) -> None:
    def priced(factor: float) -> Explanation:
        values = shap.values[:, :, 1:] * 1000 * factor
        base = np.full((20, 1), 500.0)
        return dataclasses.replace(
            shap,
            values=values,
            base_values=base,
            predictions=base + values.sum(axis=1),
            output_names=("price",),
            output_unit="price",
            positive_class=None,
        )

    comparison = compute_comparison([priced(1.0), priced(1.5)], ["v1", "v2"], CONFIG)
    row = comparison.agreement.iloc[0]
    assert plain(told.predictions_sentence(row, 20, "price")) == "Their predictions differ by 41.5 on average."
    assert plain(told.row_sentence(comparison.per_row.iloc[0], "v1", "price")) == (
        "They disagree most about row 119: the effects differ by 75 in all, most of it in duration_months; "
        "v1 puts the predicted price at 350, v2 at 275."
    )
    assert "in units of “price”" in render_comparison_report(report(comparison, {}))


def test_versions_are_judged_by_what_all_were_measured_with() -> None:
    sentence = told.quality_sentence([("v1", {"accuracy": 0.7}), ("v2", {"test_accuracy": 0.8})])
    assert plain(sentence) == "On their test rows, v1 is right 70.0 % of the time and v2 is right 80.0 % of the time."
    errors = told.quality_sentence([("v1", {"rmse": 5.0}), ("v2", {"rmse": 4.0})])
    assert errors == "On their test rows, v1 has a typical error of 5 (RMSE) and v2 has a typical error of 4 (RMSE)."
    assert told.quality_sentence([("v1", {"rmse": 5.0}), ("v2", {})]) == ""


def test_the_page_of_two_versions(comparison: Comparison, png: bytes) -> None:
    page = render_comparison_report(report(comparison, {"shift": png, "disagreement": png, "extra": png}))
    parsed = read(page)
    assert page == render_comparison_report(report(comparison, {"extra": png, "disagreement": png, "shift": png}))
    for words in ("v2 against v1", "Rows they disagree about most", "1 → 2", "How to read this page", "shap 0.51.0"):
        assert words in parsed.text
    assert parsed.images[-1] == "Picture extra."
    assert len(parsed.images) == 3
    assert not {"script", "link", "a", "iframe", "form"} & set(parsed.tags)


def test_the_page_of_three_versions_gives_each_pair_its_pictures(
    shap: Explanation, other: Explanation, png: bytes
) -> None:
    narrow = dataclasses.replace(
        shap,
        values=shap.values[:, :2],
        predictions=shap.predictions,
        data=shap.data.iloc[:, :2],
    )
    comparison = compute_comparison([shap, other, narrow], ["v1", "v2", "v3"], CONFIG)
    pictures = {"shift_1": png, "shift_2": png, "agreement_matrix": png, "rank_flow": png}
    parsed = read(render_comparison_report(report(comparison, pictures)))
    assert "v2 against v1" in parsed.text
    assert "v3 against v1" in parsed.text
    assert "v1 has 1 feature that not every other version has" in parsed.text
    assert len(parsed.images) == 4
    assert parsed.text.count("Which features gained and lost importance") == 2


def test_several_outputs_name_the_one_that_differs(shap: Explanation, other: Explanation) -> None:
    first, second = (dataclasses.replace(e, positive_class=None) for e in (shap, other))
    parsed = read(render_comparison_report(report(compute_comparison([first, second], ["v1", "v2"], CONFIG), {})))
    assert "the probabilities of 2 classes, averaged" in parsed.text
    assert "Output" in parsed.text


def test_a_single_most_important_feature_reads_right(shap: Explanation, other: Explanation) -> None:
    one = CompareConfig(top_k=1, bootstrap_samples=100)
    different = compute_comparison([shap, other], ["v1", "v2"], one).agreement.iloc[0]
    assert told.agreement_sentence(different).startswith("They have different most important features;")
    same = compute_comparison([shap, shap], ["v1", "v2"], one).agreement.iloc[0]
    assert told.agreement_sentence(same).startswith("They have the same most important feature;")


def test_a_long_table_of_features_ends_with_a_note(shap: Explanation) -> None:
    names = [f"feature {i}" for i in range(250)]
    values = np.random.default_rng(0).normal(size=(20, 250, 2))
    data = pd.DataFrame(np.zeros((20, 250)), columns=names)
    broad = dataclasses.replace(shap, values=values, data=data)
    comparison = compute_comparison([broad, broad], ["v1", "v2"], CONFIG)
    text = read(render_comparison_report(report(comparison, {}))).text
    assert "The 200 most important ones of the reference are listed; all are in features.json." in text


def test_hostile_labels_and_names_stay_text(shap: Explanation, other: Explanation) -> None:
    evil = "<script>alert(1)</script>\u202e"
    data = shap.data.rename(columns={"duration_months": evil})
    versions = [dataclasses.replace(e, data=data) for e in (shap, other)]
    comparison = compute_comparison(versions, ["<img src=x>", "v2"], CONFIG)
    page = render_comparison_report(report(comparison, {}))
    assert not {"script", "img"} & set(read(page).tags)
    assert page.encode()


def test_a_single_row_has_no_interval(shap: Explanation, other: Explanation) -> None:
    def first_row(e: Explanation) -> Explanation:
        return dataclasses.replace(
            e, values=e.values[:1], base_values=e.base_values[:1], predictions=e.predictions[:1], data=e.data.iloc[:1]
        )

    comparison = compute_comparison([first_row(shap), first_row(other)], ["v1", "v2"], CONFIG)
    text = read(render_comparison_report(report(comparison, {}))).text
    assert "the answer is the same in the one row" in text
    assert "nan" not in text.lower()


def test_the_description_links_to_what_it_speaks_about(comparison: Comparison) -> None:
    text = describe_comparison(
        comparison, report="#/r", runs={"v_1": "#/1", "v2": "#/2"}, views={"charts": "#/charts (x)"}
    )
    assert "Compared: [v\\_1](#/1) and [v2](#/2)." in text
    assert text.endswith("[Read the full comparison](#/r) · [Side by side: charts](#/charts%20%28x%29)\n")
