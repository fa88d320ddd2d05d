"""How each feature moves the output, row by row: one dot per row, coloured by the feature's value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.plots.columns import read_column
from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet, frame_axes
from interp_pipeline.plots.swarm import swarm_offsets
from interp_pipeline.plots.text import text_width, wrap
from interp_pipeline.plots.theme import AXIS_ROOM, GREY, INK, LABEL_SIZE, MUTED, PAD, TICK_SIZE, value_colours
from interp_pipeline.plots.ticks import axis_label, readable_axis, zero_line
from interp_pipeline.plots.value_groups import EffectSample, category_groups
from interp_pipeline.plots.wording import (
    any_output_phrase,
    count_phrase,
    effect_label,
    in_percent,
    method_line,
    output_phrase,
    summary_phrase,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import Explanation, FloatArray
    from interp_pipeline.plots.columns import Column
    from interp_pipeline.plots.value_groups import Group

__all__ = ["beeswarm"]

_PANELS_PER_ROW = 4
_MOST_PANELS = 8
_PANEL_HEAD = 0.34  # inches for a panel's title
_LEGEND = 0.36  # inches for the colour scale
_SWARM_HALF = 0.40  # of a row, on each side of its middle
_GAP = 0.22  # inches between panels
_DOT, _SMALL_DOT = 13.0, 6.0  # points²
_MANY_ROWS = 300  # from here on larger dots would only cover each other
_EXTREMES = 1.15  # inches of each column naming the categories at the ends


def beeswarm(explanation: Explanation, *, top: int = 20) -> Figure:
    """One dot per row and feature, placed by its effect and coloured by the feature's value.

    Args:
        explanation: SHAP or LIME.
        top: the features drawn, the most important first.

    Returns:
        Figure: one panel per output the summary speaks about, four in a line and eight at most.
        Categories have no low and high: their dots are grey, and where there is one panel
        the categories with the lowest and highest mean effect are named beside it. Missing
        values are hollow.
    """
    explanation = in_percent(explanation)
    features = list(explanation.ranking)[:top]
    cells = explanation.shown_data
    columns = [read_column(cells.iloc[:, j]) for j in features]
    outputs = _panels(explanation)
    single = len(outputs) == 1
    names = LabelColumn.fit([explanation.feature_names[j] for j in features], widest=3.1 if single else 2.3)
    extremes = single and any(column.kind == "category" for column in columns)
    lines = -(-len(outputs) // _PANELS_PER_ROW)
    block = names.height + AXIS_ROOM + (0 if single else _PANEL_HEAD)
    sheet = Sheet(
        f"How each feature moves the {summary_phrase(explanation)}, row by row",
        method_line(explanation, *_left_out(explanation, len(features), len(outputs))),
        height=lines * block + _LEGEND,
        notes=_notes(columns),
    )
    room = sheet.width - names.left - PAD - (2 * _EXTREMES + 0.2 if extremes else 0.1)
    swarms = _Swarms(explanation=explanation, features=features, columns=columns, outputs=outputs)
    for place, output in enumerate(outputs):
        corner, width = _place(place, len(outputs), names.left, room)
        bottom = (lines - 1 - corner[1]) * block + AXIS_ROOM
        ax = sheet.axes(corner[0], bottom, width, names.height)
        first = place % _PANELS_PER_ROW == 0
        label_rows(ax, names.labels if first else [""] * len(features))
        swarms.draw(ax, output)
        if first:
            axis_label(ax, effect_label(explanation, _axis_phrase(explanation, outputs)))
        if not single:
            frame_axes(ax)
            name = wrap(explanation.output_names[output], width, LABEL_SIZE, lines=1, bold=True)
            sheet.text(corner[0], bottom + names.height + 0.16, name, bold=True)
    if extremes:
        _extremes(sheet, swarms, names)
    _colour_scale(sheet, names.left, sheet.height - _LEGEND / 2)
    return sheet.figure


def _place(place: int, n_panels: int, left: float, room: float) -> tuple[tuple[float, int], float]:
    """Where a panel goes: its left edge in inches, its line from the top, and its width in inches."""
    per_line = min(n_panels, _PANELS_PER_ROW)
    width = (room - _GAP * (per_line - 1)) / per_line
    return (left + place % per_line * (width + _GAP), place // per_line), width


def _axis_phrase(explanation: Explanation, outputs: list[int]) -> str:
    return output_phrase(explanation, outputs[0]) if len(outputs) == 1 else any_output_phrase(explanation)


def _panels(explanation: Explanation) -> list[int]:
    """The outputs drawn: all of the summary, or the eight with the largest effects, in their order."""
    sizes = explanation.mean_abs.sum(axis=0)
    largest = sorted(explanation.summary_outputs, key=lambda output: -sizes[output])
    return sorted(largest[:_MOST_PANELS])


def _left_out(explanation: Explanation, n_features: int, n_outputs: int) -> list[str]:
    facts = []
    if n_features < len(explanation.feature_names):
        facts.append(f"the {n_features} most important shown")
    if n_outputs < len(explanation.summary_outputs):
        total = count_phrase(len(explanation.summary_outputs), "class")
        facts.append(f"{n_outputs} of {total}: those with the largest effects")
    return facts


def _notes(columns: list[Column]) -> list[str]:
    notes = []
    if any(column.kind == "category" for column in columns):
        notes.append("Grey dots: categories, which have no low and high.")
    if any(column.missing.any() for column in columns):
        notes.append("Hollow dots: the value is missing.")
    return [" ".join(notes)] if notes else []


@dataclass(frozen=True, kw_only=True)
class _Swarms:
    """The dots of all panels, on one scale so that panels can be compared."""

    explanation: Explanation
    features: list[int]
    columns: list[Column]
    outputs: list[int]

    def limits(self) -> tuple[float, float]:
        """Ends of the axis in all panels."""
        values = self.explanation.values[:, self.features][:, :, self.outputs]
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        margin = 0.04 * (high - low) or 1.0
        return low - margin, high + margin

    def draw(self, ax: Axes, output: int) -> None:
        """One output's dots in two collections: known and missing values."""
        x = self.explanation.values[:, self.features, output]
        low, high = self.limits()
        scale = (high - low) / 2
        y = np.stack([i + _SWARM_HALF * swarm_offsets(x[:, i] / scale) for i in range(x.shape[1])], axis=1)
        colours = np.stack([_colours(column) for column in self.columns], axis=1)
        missing = np.stack([column.missing for column in self.columns], axis=1)
        size = _DOT if len(x) <= _MANY_ROWS else _SMALL_DOT
        ax.scatter(x[~missing], y[~missing], s=size, c=colours[~missing], linewidths=0, alpha=0.85, zorder=3)
        ax.scatter(x[missing], y[missing], s=size, facecolors="white", edgecolors=MUTED, linewidths=0.8, zorder=3)
        if len(self.outputs) > 1:
            readable_axis(ax.xaxis, ticks=3)
        ax.set_xlim(low, high)
        zero_line(ax)


def _colours(column: Column) -> FloatArray:
    """A colour per row, shape (n_rows, 4)."""
    from matplotlib.colors import to_rgba

    if column.kind == "category":
        return np.tile(np.asarray(to_rgba(GREY)), (len(column.numbers), 1))
    return np.asarray(value_colours()(np.nan_to_num(column.unit_scale(), nan=0.5)), dtype=np.float64)


def _extremes(sheet: Sheet, swarms: _Swarms, names: LabelColumn) -> None:
    """Two columns beside the panel: the categories that lower and raise the output most."""
    right = sheet.width - PAD
    lefts = (right - 2 * _EXTREMES - 0.1, right - _EXTREMES)
    top = AXIS_ROOM + names.height
    for left, text in zip(lefts, ("lowered most by", "raised most by"), strict=True):
        sheet.text(left, top + _LEGEND / 2, text, size=TICK_SIZE - 1, colour=MUTED)
    for i, (j, column) in enumerate(zip(swarms.features, swarms.columns, strict=True)):
        if column.kind != "category":
            continue
        y = top - (i + 0.5) * names.row_height
        for left, group in zip(lefts, _pushing(swarms.explanation, j, swarms.outputs[0], column), strict=True):
            if group is not None:
                label = wrap(group.label, _EXTREMES - 0.02, TICK_SIZE - 1, lines=1)
                sheet.text(left, y, label, size=TICK_SIZE - 1, colour=INK)


def _pushing(explanation: Explanation, j: int, output: int, column: Column) -> tuple[Group | None, Group | None]:
    """The categories that lower and raise an output most on average, by more than the error; of those with enough rows.

    ``None`` where there is none.
    """
    errors = None if explanation.std_errors is None else explanation.std_errors[:, j, output]
    sample = EffectSample(effects=explanation.values[:, j, output], std_errors=errors)
    groups = category_groups(column, sample)
    if not groups:
        return None, None
    low, high = groups[0], groups[-1]
    return low if low.effect < -low.error else None, high if high.effect > high.error else None


def _colour_scale(sheet: Sheet, left: float, y: float) -> None:
    """The scale from low to high values of the feature."""
    low, high = "low value", "high value"
    ax = sheet.axes(left + text_width(low, TICK_SIZE) + 0.08, y - 0.05, 1.2, 0.1, grid="none")
    ax.imshow(np.linspace(0, 1, 64)[None, :], aspect="auto", cmap=value_colours())
    ax.set_xticks([])
    ax.set_yticks([])
    sheet.text(left, y, low, size=TICK_SIZE, colour=MUTED)
    sheet.text(left + text_width(low, TICK_SIZE) + 1.36, y, high, size=TICK_SIZE, colour=MUTED)
