"""A few lines of Markdown about a comparison, for the description of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.report.description import markdown_link, markdown_text
from interp_pipeline.report.sentences import comparison as told
from interp_pipeline.report.wording import listed, name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.comparison import Comparison

__all__ = ["describe_comparison"]


def describe_comparison(
    comparison: Comparison, *, report: str, runs: Mapping[str, str], views: Mapping[str, str]
) -> str:
    """How far versions agree, pair by pair, and where to look further.

    Args:
        comparison: the numbers.
        report: link to the page about the comparison.
        runs: link to the run of each version, by label.
        views: links to the runs side by side, by what they show.

    Returns:
        Markdown; names from the data appear literally, whatever they contain.
    """
    unit, reference = comparison.output_unit, comparison.reference
    lines = []
    for _, row in comparison.agreement.iterrows():
        pair = comparison.pair(str(row["against"]))
        sentences = [
            told.verdict_sentence(row, pair),
            told.predictions_sentence(row, comparison.n_rows, unit),
            told.shift_sentence(pair, reference, str(row["against"]), unit),
        ]
        lines += [markdown_text(" ".join(sentences)), ""]
    compared = listed([markdown_link(name(label), link) for label, link in runs.items()])
    lines += [f"Compared: {compared}.", ""] if runs else []
    shown = {"Read the full comparison": report} | {f"Side by side: {view}": link for view, link in views.items()}
    lines.append(" · ".join(markdown_link(text, link) for text, link in shown.items()))
    return "\n".join(lines) + "\n"
