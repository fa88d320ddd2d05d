from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from interp_pipeline.report import describe_version
from interp_pipeline.report.description import markdown_text

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation


def describe(shap: Explanation, **changes: Any) -> str:
    fields: dict[str, Any] = {
        "model_kind": "random forest",
        "task": "binary",
        "target": "outcome",
        "metrics": {"accuracy": 0.765},
        "shap": shap,
        "report": "#/report.html",
        "picture": "get-artifact?path=plots/importance.png",
    }
    return describe_version(**(fields | changes)).replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def test_a_version_with_directions(shap: Explanation) -> None:
    assert describe(shap) == (
        "A random forest that predicts “outcome”: it gives each row a probability of being “good” rather than “bad”.\n"
        "\n"
        "**[Read the full explanation](#/report.html)**\n"
        "\n"
        "On test rows it had not seen, the model is right 76.5 % of the time.\n"
        "\n"
        "| Test result | Value |\n"
        "| --- | ---: |\n"
        "| Accuracy | 76.5 % |\n"
        "\n"
        "**What drives it**\n"
        "\n"
        "1. Higher duration\\_months lowers the probability of “good”: on average +8.5 points where it is 4 to 10, "
        "and -7.5 points where it is 36 to 42.\n"
        "2. Of the values of purpose, “car” raises the probability of “good” most (+4.0 points on average) "
        "and “boat” lowers it most (-6.0 points on average).\n"
        "3. note has no effect on the probability of “good” for these rows.\n"
        "\n"
        "![Which features matter most](get-artifact?path=plots/importance.png)\n"
    )


def _single(shap: Explanation, name: str, unit: str, positive: str | None) -> Explanation:
    """The same explanation of one output."""
    return dataclasses.replace(
        shap,
        values=shap.values[:, :, 1:],
        base_values=shap.base_values[:, 1:],
        predictions=shap.predictions[:, 1:],
        output_names=(name,),
        output_unit=unit,
        positive_class=positive,
    )


def test_regressions_are_described(shap: Explanation) -> None:
    number = _single(shap, "price", "price", None)
    text = describe(number, task="regression", target="price", metrics={"mae": 3.0})
    assert text.startswith("A random forest that predicts a number, “price”.\n")
    assert "its predictions of price are off by 3 on average" in text


def test_scores_are_not_called_probabilities(shap: Explanation) -> None:
    text = describe(_single(shap, "good", "log-odds", "good"), target=None, metrics={})
    assert text.startswith(
        "A random forest that gives each row log-odds for being “good”, and answers “good” where that is above zero.\n"
    )
    assert "lowers the log-odds of “good”: on average +0.085 where it is 4 to 10" in text
    assert "probab" not in text
    assert "points" not in text


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("a_b*c*", "a\\_b\\*c\\*"),
        ("[x](javascript:alert(1))", "\\[x\\](javascript&#58;alert(1))"),
        ("<script>|$x$|</script>", "&lt;script&gt;&#124;&#36;x&#36;&#124;&lt;/script&gt;"),
        ("# head", "\\# head"),
        ("12. item", "12\\. item"),
        ("7) item", "7\\) item"),
        ("- item\n- second", "\\- item - second"),
        ("76.5 %", "76.5 %"),
        ("see http://evil.example or www.evil.example", "see http&#58;//evil.example or www&#46;evil.example"),
        ("`code` ~~gone~~ \\", "\\`code\\` \\~\\~gone\\~\\~ \\\\"),
        ("AT&amp;T", "AT&amp;amp;T"),
    ],
)
def test_names_appear_literally(text: str, literal: str) -> None:
    assert markdown_text(text) == literal


def test_hostile_names_cannot_end_a_link_or_a_table(shap: Explanation) -> None:
    text = describe(shap, metrics={"a|b\n|": 1.0}, report="x) <b> (y", picture='p"q')
    assert "| a&#124;b &#124; | 1 |" in text
    assert "(x%29%20%3Cb%3E%20%28y)" in text
    assert "(p%22q)" in text
