"""Which features move the output most: bars of mean absolute attribution with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.plots.class_legend import class_legend, top_outputs
from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import number, text_width
from interp_pipeline.plots.theme import ACCENT, AXIS_ROOM, GREY, INK, PAD, TICK_SIZE, text_style
from interp_pipeline.plots.ticks import axis_label
from interp_pipeline.plots.wording import (
    count_phrase,
    effect_label,
    effect_text,
    in_percent,
    is_lime,
    method_line,
    short,
    summary_phrase,
)
from interp_pipeline.readable import share
from interp_pipeline.rounding import without_noise

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["importance"]

_INTERVAL = 1.96  # standard errors on each side of a 95 % interval
_BAR = 0.62  # of a row's height


def importance(explanation: Explanation, *, top: int = 20) -> Figure:
    """Bars of mean absolute attribution, largest first.

    Args:
        explanation: SHAP or LIME.
        top: at most this many features; a note says what share of all effect the others have.

    Returns:
        Figure: one bar per feature with its 95 % interval, which one row does not have; for a multi-class model
        every bar is divided into the classes' shares.
    """
    explanation = in_percent(explanation)
    ranking = list(explanation.ranking)
    shown, rest = ranking[:top], ranking[top:]
    column = LabelColumn.fit([explanation.feature_names[j] for j in shown])
    outputs = explanation.summary_outputs
    legend_room = 0.4 if len(outputs) > 1 else 0.0
    sheet = Sheet(
        _title(explanation),
        method_line(explanation, *_how_to_read(explanation)),
        height=column.height + AXIS_ROOM + legend_room,
        notes=_note(explanation, rest),
    )
    ends = ["", *(number(float(value)) for value in explanation.importance)]
    room = max(text_width(text, TICK_SIZE) for text in ends) + 0.15
    ax = sheet.axes(column.left, AXIS_ROOM, sheet.width - column.left - PAD - room, column.height)
    label_rows(ax, column.labels)
    _bars(ax, explanation, shown)
    _intervals(ax, explanation, shown)
    size = "size" if _of_one_row(explanation) else "mean size"
    axis_label(ax, f"{size} of the {effect_label(explanation, summary_phrase(explanation))}")
    if legend_room:
        class_legend(sheet, explanation, column.left, column.height + AXIS_ROOM + 0.2)
    return sheet.figure


def _of_one_row(explanation: Explanation) -> bool:
    return len(explanation.data) == 1


def _how_to_read(explanation: Explanation) -> list[str]:
    if _of_one_row(explanation):
        return [f"bar: size of the effect in row {explanation.row_ids[0]}"]
    return ["bar: mean size of the effect over the rows", "line: its 95 % interval"]


def _note(explanation: Explanation, rest: list[int]) -> list[str]:
    """What is not drawn: a bar of it beside the others would be longer than any, or else not comparable with them."""
    if not rest:
        return []
    part, whole = float(explanation.importance[rest].sum()), float(explanation.importance.sum())
    what = "weight" if is_lime(explanation) else "effect"
    return [f"And {count_phrase(len(rest), 'other feature')}, {share(part, whole)} of all {what} together."]


def _title(explanation: Explanation) -> str:
    best = explanation.ranking[0]
    size = float(explanation.importance[best])
    if size == 0:
        return f"No feature moves the {summary_phrase(explanation)}"
    one = _of_one_row(explanation)
    by = f"with a {'' if one else 'mean '}LIME weight of" if is_lime(explanation) else "by"
    end = "" if is_lime(explanation) or one else " on average"
    name = f"{f'Row {explanation.row_ids[0]}: ' if one else ''}{short(explanation.feature_names[best])}"
    return f"{name} moves the {summary_phrase(explanation)} most, {by} {effect_text(explanation, size)}{end}"


def _bars(ax: Axes, explanation: Explanation, shown: list[int]) -> None:
    """One bar per feature; for several outputs stacked, so that its length is the mean over them."""
    starts = np.zeros(len(shown))
    for values, colour in _layers(explanation, explanation.mean_abs[shown]):
        lengths = values.sum(axis=1)
        ax.barh(range(len(lengths)), lengths, left=starts, height=_BAR, color=colour, linewidth=0)
        starts = starts + lengths


def _intervals(ax: Axes, explanation: Explanation, shown: list[int]) -> None:
    """The 95 % interval of every bar where there are rows to vary, and its length in numbers beyond it."""
    lengths = explanation.importance[shown]
    above = np.zeros(len(shown)) if _of_one_row(explanation) else _INTERVAL * explanation.importance_std_error[shown]
    if not _of_one_row(explanation):
        below = np.minimum(above, lengths)
        ax.errorbar(
            lengths, range(len(shown)), xerr=[below, above], fmt="none", ecolor=INK, elinewidth=1.1, capsize=2.5
        )
    reach = lengths + above
    ax.set_xlim(0, float(reach.max()) * 1.02 or 1.0)
    for i, (length, end) in enumerate(zip(without_noise(explanation.importance)[shown], reach, strict=True)):
        ax.annotate(
            number(float(length)),
            (float(end), i),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            **text_style(TICK_SIZE, INK),
        )


def _layers(explanation: Explanation, lines: FloatArray) -> list[tuple[FloatArray, str]]:
    """The parts of the bars, from the left, with their colours; lines has shape (n_lines, n_outputs)."""
    outputs = list(explanation.summary_outputs)
    if len(outputs) == 1:
        return [(lines[:, outputs], ACCENT)]
    parts = lines / len(outputs)
    top, others = top_outputs(explanation)
    layers = [(parts[:, [output]], colour) for output, colour in top]
    if others:
        layers.append((parts[:, others], GREY))
    return layers
