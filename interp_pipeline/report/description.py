"""A few lines of Markdown about an explained version, for the description of its run and version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from interp_pipeline.report.decisions import compute_decision
from interp_pipeline.report.drivers import compute_drivers
from interp_pipeline.report.sentences.decisions import opening_sentence, pushes_sentence, start_sentence
from interp_pipeline.report.sentences.drivers import driver_sentence
from interp_pipeline.report.sentences.purpose import purpose_sentence
from interp_pipeline.report.sentences.quality import (
    metric_label,
    metric_text,
    plain_metrics,
    quality_sentences,
)
from interp_pipeline.report.wording import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interp_pipeline.config import Task
    from interp_pipeline.explanation import Explanation

__all__ = ["describe_version", "markdown_link", "markdown_text"]

_DRIVERS = 5
# Marks that a renderer might act on. Those that could open HTML, a table cell or a formula become
# character references, which are never read as markup; the others get a backslash.
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "$": "&#36;", "@": "&#64;"}
_BACKSLASHED = re.compile(r"([\\`*_{}\[\]~])")
_LINE_START = re.compile(r"^(\s*)([-=+#:]|\d+[.)](?=\s|$))")
_URL_LIKE = re.compile(r"(?i)(https?|ftp|mailto|javascript|data)(:)|(www)(\.)")


def describe_version(  # noqa: PLR0913 - all are keyword-only
    *,
    model_kind: str,
    task: Task,
    target: str | None,
    metrics: Mapping[str, float],
    shap: Explanation,
    report: str,
    picture: str,
    remarks: Sequence[str] = (),
    of_explained_rows: bool = False,
    n_test: int | None = None,
) -> str:
    """What an explained version predicts, how well, and what drives it.

    Args:
        model_kind: in words, as it follows an article: ``random forest``.
        task: what is predicted.
        target: name of the target column; None: not known.
        metrics: of the test rows, under their plain names; empty where not known.
        shap: names its outputs, and its drivers with their directions.
        report: link to the page with the full explanation.
        picture: address of the importance picture.
        remarks: what a reader should know about the explained rows, a sentence each.
        of_explained_rows: the metrics are of the explained rows, not of test rows.
        n_test: how many rows the metrics are of, which says how sure they are; None: not known.

    Returns:
        Markdown; names from the data appear literally, whatever they contain.
    """
    positive, unit = shap.positive_class, shap.output_unit
    purpose = purpose_sentence(model_kind, task, target, shap.output_names, positive, unit)
    # The page shows the first few lines until the reader asks for more: the way to the report stands there.
    lines = [markdown_text(purpose), "", f"**{markdown_link('Read the full explanation', report)}**", ""]
    lines += [line for remark in remarks for line in (markdown_text(remark), "")]
    known = plain_metrics(metrics)
    if known:
        sentences = quality_sentences(known, task, target, positive, n_test, of_explained_rows=of_explained_rows)
        lines += [
            markdown_text(" ".join(sentences[:3])),
            "",
            f"| {'Result' if of_explained_rows else 'Test result'} | Value |",
            "| --- | ---: |",
        ]
        lines += [
            f"| {markdown_text(metric_label(key))} | {markdown_text(metric_text(key, figure))} |"
            for key, figure in known.items()
        ]
        lines.append("")
    lines += _one_row(shap) if len(shap.data) == 1 else _drivers(shap)
    lines += ["", f"![Which features matter most]({_url(picture)})"]
    return "\n".join(lines) + "\n"


def _drivers(shap: Explanation) -> list[str]:
    sentences = [driver_sentence(driver, shap.output_unit) for driver in compute_drivers(shap, _DRIVERS)]
    told = [f"{rank}. {markdown_text(sentence)}" for rank, sentence in enumerate(sentences, start=1)]
    return ["**What drives it**", "", *told]


def _one_row(shap: Explanation) -> list[str]:
    """A single row has no drivers, but a prediction and what pushes it."""
    (row,) = shap.row_ids
    decision = compute_decision(shap, None, row)
    sentences = [opening_sentence(decision), start_sentence(decision), pushes_sentence(decision)]
    return [f"**Why row {row} gets its prediction**", "", markdown_text(" ".join(sentences))]


def markdown_text(text: str) -> str:
    """Text that any Markdown renderer shows as it is: no emphasis, link, cell border or HTML."""
    literal = _BACKSLASHED.sub(r"\\\1", clean(text))
    literal = "".join(_REFERENCES.get(letter, letter) for letter in literal)
    literal = _URL_LIKE.sub(_unlinked, literal)
    return _LINE_START.sub(_not_a_list, literal)


def markdown_link(text: str, url: str) -> str:
    """A link whose text appears literally and whose URL cannot end it early."""
    return f"[{markdown_text(text)}]({_url(url)})"


def _unlinked(match: re.Match[str]) -> str:
    """A web address as text: renderers turn bare ones into links."""
    word, mark = match[1] or match[3], match[2] or match[4]
    return f"{word}&#{ord(mark)};"


def _not_a_list(match: re.Match[str]) -> str:
    start = match[2]
    return f"{match[1]}{start[:-1]}\\{start[-1]}" if start[-1] in ".)" else f"{match[1]}\\{start}"


def _url(url: str) -> str:
    """A URL that cannot end the link early."""
    marks = {" ": "%20", "(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C", '"': "%22"}
    return "".join(marks.get(letter, letter) for letter in clean(url))
