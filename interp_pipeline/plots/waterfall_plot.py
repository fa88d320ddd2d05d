"""One row's prediction built up step by step: from the base value, a push per feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import signed, text_width, value_label
from interp_pipeline.plots.theme import (
    AXIS_ROOM,
    INK,
    LABEL_SIZE,
    MUTED,
    NEGATIVE,
    PAD,
    POSITIVE,
    TICK_SIZE,
    text_style,
)
from interp_pipeline.plots.ticks import axis_label
from interp_pipeline.plots.wording import (
    count_phrase,
    explained_output,
    in_percent,
    level_label,
    level_text,
    method_line,
    output_phrase,
)
from interp_pipeline.rounding import without_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["waterfall"]

_BAR = 0.62  # of a row's height


def waterfall(explanation: Explanation, row: int, *, top: int = 12) -> Figure:
    """From the average prediction to this row's, the largest push first.

    Args:
        explanation: SHAP values; their sum is the step from base value to prediction.
        row: number of an explained row in the data set it came from, one of ``explanation.row_ids``.
        top: features one by one; the others are one step, and so are those whose push is nothing but rounding.

    Returns:
        Figure: horizontal steps, blue down and vermillion up, for the positive class, the
        predicted class of a multi-class model, or the target of a regression.

    Raises:
        UsageError: that row was not explained.
    """
    explanation = in_percent(explanation)
    position = explanation.position(row)
    output = explained_output(explanation, position)
    labels, pushes = _steps(explanation, position, output, top)
    base = float(explanation.base_values[position, output])
    prediction = float(explanation.predictions[position, output])
    column = LabelColumn.fit(["average prediction", *labels, "prediction for this row"], bold=True)
    phrase = output_phrase(explanation, output)
    sheet = Sheet(
        _title(row, phrase, level_text(explanation, base), level_text(explanation, prediction)),
        method_line(explanation, "pushes add up from the average to the prediction"),
        height=column.height + AXIS_ROOM,
        notes=["Blue lowers, vermillion raises. The average is taken over the background data."],
    )
    ax = sheet.axes(column.left, AXIS_ROOM, sheet.width - column.left - PAD - 0.1, column.height)
    bold = [True, *[False] * len(labels), True]
    grouped = [INK, *[MUTED if label.endswith("together") else INK for label in labels], INK]
    label_rows(ax, column.labels, bold=bold, colours=grouped)
    ends = [level_text(explanation, end).removesuffix(" %") for end in (base, prediction)]
    _draw(ax, pushes, (base, prediction), ends, sheet.width - column.left - PAD - 0.1)
    axis_label(ax, level_label(explanation, phrase))
    return sheet.figure


def _title(row: int, phrase: str, base: str, prediction: str) -> str:
    start = f"Row {row}: why the {phrase} is {prediction}"
    return start if base == prediction else f"{start} and not {base}, the average"


def _steps(explanation: Explanation, row: int, output: int, top: int) -> tuple[list[str], FloatArray]:
    """Labels and pushes, largest first, the small ones together at the end."""
    ends = float(explanation.base_values[row, output]), float(explanation.predictions[row, output])
    values = without_noise(explanation.values[row, :, output], *ends)
    order = np.argsort(-np.abs(values), kind="stable")
    n_shown = min(top, int(np.count_nonzero(values)))
    shown, rest = order[:n_shown], order[n_shown:]
    if len(rest) == 1:  # a line of its own is no longer than a line for "1 other feature"
        shown, rest = order, order[:0]
    cells = explanation.shown_data
    labels = [value_label(cells, row, int(j)) for j in shown]
    pushes = values[shown]
    if len(rest):
        labels.append(f"{count_phrase(len(rest), 'other feature')} together")
        pushes = np.append(pushes, values[rest].sum())
    return labels, without_noise(pushes, *ends)


def _draw(ax: Axes, pushes: FloatArray, levels: tuple[float, float], texts: Sequence[str], width: float) -> None:
    """Bars between running totals, thin lines from one to the next, the push in numbers beside each."""
    base, prediction = levels
    totals = base + np.concatenate([[0.0], np.cumsum(pushes)])
    low, high = float(min(totals.min(), prediction)), float(max(totals.max(), prediction))
    label = max(text_width(signed(float(push)), LABEL_SIZE) for push in [*pushes, base, prediction]) + 0.12
    span = (high - low) or abs(base) or 1.0
    margin = span * label / max(width - 2 * label, 0.5)  # room for a label outside of the outermost bars
    ax.set_xlim(low - margin, high + margin)
    colours = [POSITIVE if push > 0 else NEGATIVE for push in pushes]
    ax.barh(np.arange(1, len(pushes) + 1), pushes, left=totals[:-1], height=_BAR, color=colours, linewidth=0, zorder=2)
    for i, total in enumerate(totals):
        ax.plot([total, total], [i - _BAR / 2, i + 1 + _BAR / 2], color=MUTED, linewidth=0.8, zorder=3)
    for i, push in enumerate(pushes):
        _beside(ax, float(totals[i + 1]), i + 1, signed(float(push)), right=push >= 0, colour=INK)
    for i, value, text in zip((0, len(pushes) + 1), levels, texts, strict=True):
        ax.plot([value], [i], marker="D", markersize=6, color=INK, zorder=4)
        _beside(ax, value, i, text, right=True, colour=INK, bold=True)


def _beside(ax: Axes, x: float, y: int, text: str, *, right: bool, colour: str, bold: bool = False) -> None:
    ax.annotate(
        text,
        (x, y),
        xytext=(7 if bold else 5, 0) if right else (-5, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        annotation_clip=False,
        zorder=5,
        **text_style(TICK_SIZE, colour, bold=bold),
    )
