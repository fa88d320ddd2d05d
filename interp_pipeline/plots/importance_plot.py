"""Which features move the output most: bars of mean absolute attribution with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.plots.class_legend import class_legend, top_outputs
from interp_pipeline.plots.rounding import without_noise
from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import number, text_width
from interp_pipeline.plots.theme import ACCENT, AXIS_ROOM, GREY, INK, MUTED, PAD, TICK_SIZE, text_style
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
        top: at most this many features one by one; the last line is the others' joint effect, which
            is less than the sum of their bars where they push against each other.

    Returns:
        Figure: one bar per feature with its 95 % interval; for a multi-class model every bar is
        divided into the classes' shares.
    """
    explanation = in_percent(explanation)
    ranking = list(explanation.ranking)
    shown, rest = ranking[:top], ranking[top:]
    names = [explanation.feature_names[j] for j in shown]
    if rest:
        names.append(f"{count_phrase(len(rest), 'other feature')} together")
    column = LabelColumn.fit(names)
    outputs = explanation.summary_outputs
    legend_room = 0.4 if len(outputs) > 1 else 0.0
    sheet = Sheet(
        _title(explanation),
        method_line(explanation, "bar: mean size of the effect over the rows", "line: its 95 % interval"),
        height=column.height + AXIS_ROOM + legend_room,
    )
    ends = ["", *(number(float(value)) for value in explanation.importance)]
    room = max(text_width(text, TICK_SIZE) for text in ends) + 0.15
    ax = sheet.axes(column.left, AXIS_ROOM, sheet.width - column.left - PAD - room, column.height)
    label_rows(ax, column.labels, colours=[INK] * len(shown) + [MUTED] * bool(rest))
    _bars(ax, explanation, shown, rest)
    _intervals(ax, explanation, shown, rest)
    axis_label(ax, f"mean size of the {effect_label(explanation, summary_phrase(explanation))}")
    if legend_room:
        class_legend(sheet, explanation, column.left, column.height + AXIS_ROOM + 0.2)
    return sheet.figure


def _title(explanation: Explanation) -> str:
    best = explanation.ranking[0]
    size = float(explanation.importance[best])
    if size == 0:
        return f"No feature moves the {summary_phrase(explanation)}"
    by = "with a mean LIME weight of" if is_lime(explanation) else "by"
    end = "" if is_lime(explanation) else " on average"
    name = short(explanation.feature_names[best])
    return f"{name} moves the {summary_phrase(explanation)} most, {by} {effect_text(explanation, size)}{end}"


def _bars(ax: Axes, explanation: Explanation, shown: list[int], rest: list[int]) -> None:
    """One bar per feature; for several outputs stacked, so that its length is the mean over them."""
    starts = np.zeros(len(shown) + bool(rest))
    for values, colour in _layers(explanation, _mean_abs(explanation, shown, rest)):
        lengths = values.sum(axis=1)
        ax.barh(range(len(lengths)), lengths, left=starts, height=_BAR, color=colour, linewidth=0)
        starts = starts + lengths


def _intervals(ax: Axes, explanation: Explanation, shown: list[int], rest: list[int]) -> None:
    """The 95 % interval of every feature's own bar, and its length in numbers beyond it."""
    values = explanation.importance
    above = _INTERVAL * explanation.importance_std_error[shown]
    below = np.minimum(above, values[shown])
    ax.errorbar(
        values[shown], range(len(shown)), xerr=[below, above], fmt="none", ecolor=INK, elinewidth=1.1, capsize=2.5
    )
    lengths = _mean_abs(explanation, shown, rest)[:, list(explanation.summary_outputs)].mean(axis=1)
    reach = lengths + np.append(above, [0.0] if rest else [])
    ax.set_xlim(0, float(reach.max()) * 1.02 or 1.0)
    for i, (length, end) in enumerate(zip(without_noise(lengths), reach, strict=True)):
        ax.annotate(
            number(float(length)),
            (float(end), i),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            **text_style(TICK_SIZE, INK),
        )


def _mean_abs(explanation: Explanation, shown: list[int], rest: list[int]) -> FloatArray:
    """Mean absolute effect per line and output: of each shown feature, and of the others together."""
    lines = explanation.mean_abs[shown]
    if not rest:
        return lines
    joint = np.abs(explanation.values[:, rest].sum(axis=1)).mean(axis=0)
    return np.concatenate([lines, joint[np.newaxis]])


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
