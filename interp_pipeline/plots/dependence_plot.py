"""How one feature moves the output: its value in the data's own units against its effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.errors import UsageError
from interp_pipeline.plots.columns import read_column
from interp_pipeline.plots.dependence_panels import CategoryStrips, NumberCloud
from interp_pipeline.plots.rows import LabelColumn
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import wrap
from interp_pipeline.plots.theme import ACCENT, AXIS_ROOM, LABEL_SIZE, PAD
from interp_pipeline.plots.ticks import axis_label, readable_axis, tick_room
from interp_pipeline.plots.wording import (
    any_output_phrase,
    count_phrase,
    effect_label,
    in_percent,
    method_line,
    output_phrase,
    short,
    summary_phrase,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import Explanation, FloatArray
    from interp_pipeline.plots.columns import Column

__all__ = ["dependence"]

_MOST_PANELS = 4
_CLOUDS_IN_SQUARE = 2  # of four, side by side
_PANEL_HEAD = 0.34  # inches for a panel's title
_CLOUD_HEIGHT = 3.6  # inches
_GAP = 0.22  # inches between panels


def dependence(explanation: Explanation, feature: str) -> Figure:
    """The feature's values against their effects, one dot per row.

    Args:
        explanation: SHAP or LIME.
        feature: its name.

    Returns:
        Figure: numbers and dates run across, with the median effect of groups of equal size as
        a line and missing values in a place of their own; categories run down, the one with the
        highest mean effect first, a bar marking each mean. One panel per class of a
        multi-class model, the four classes this feature moves most.

    Raises:
        UsageError: the explanation knows no such feature.
    """
    if feature not in explanation.feature_names:
        msg = f"feature {feature!r} is not in the explanation; it has {', '.join(map(str, explanation.feature_names))}"
        raise UsageError(msg)
    explanation = in_percent(explanation)
    j = explanation.feature_names.index(feature)
    column = read_column(explanation.shown_data.iloc[:, j])
    outputs = _panels(explanation, j)
    effects = explanation.values[:, j, outputs]
    if column.kind == "category" or column.missing.all():
        return _categories(explanation, feature, column, effects, outputs)
    return _numbers(explanation, feature, column, effects, outputs)


def _panels(explanation: Explanation, j: int) -> list[int]:
    largest = sorted(explanation.summary_outputs, key=lambda output: -explanation.mean_abs[j, output])
    return sorted(largest[:_MOST_PANELS])


def _head(explanation: Explanation, feature: str, outputs: list[int], *facts: str) -> tuple[str, str]:
    """Title and subtitle."""
    total = len(explanation.summary_outputs)
    some = [] if len(outputs) == total else [f"{len(outputs)} of {count_phrase(total, 'class')}: those it moves most"]
    title = f"How {short(feature)} moves the {summary_phrase(explanation)}"
    return title, method_line(explanation, *facts, *some)


def _effect_label(explanation: Explanation, outputs: list[int]) -> str:
    one = output_phrase(explanation, outputs[0])
    return effect_label(explanation, one if len(outputs) == 1 else any_output_phrase(explanation))


def _limits(effects: FloatArray) -> tuple[float, float]:
    low, high = min(float(effects.min()), 0.0), max(float(effects.max()), 0.0)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _panel_name(sheet: Sheet, name: str, left: float, top: float, width: float) -> None:
    """The class above a panel."""
    sheet.text(left, top + 0.2, wrap(name, width, LABEL_SIZE, lines=1, bold=True), bold=True)


def _numbers(explanation: Explanation, feature: str, column: Column, effects: FloatArray, outputs: list[int]) -> Figure:
    """A cloud per output, sharing the effect's scale; four stand two by two, so that ticks have room."""
    count = len(outputs)
    across = _CLOUDS_IN_SQUARE if count == _MOST_PANELS else count
    cloud_height = _CLOUD_HEIGHT if across == count else 0.7 * _CLOUD_HEIGHT
    block = cloud_height + AXIS_ROOM + (_PANEL_HEAD if count > 1 else 0)
    cloud = NumberCloud(column=column)
    lines = any(len(cloud.line(effects[:, k])[0]) for k in range(count))
    facts = ["dot: a row", *(["line: median of groups of equal size"] if lines else [])]
    title, subtitle = _head(explanation, feature, outputs, *facts)
    notes = _missing_note(int(column.missing.sum()))
    sheet = Sheet(title, subtitle, height=block * -(-count // across), notes=notes)
    low, high = _limits(effects)
    left = PAD + 0.32 + tick_room(low, high)
    width = (sheet.width - left - PAD - 0.2 - _GAP * (across - 1)) / across
    for k, output in enumerate(outputs):
        start = left + k % across * (width + _GAP)
        bottom = (-(-count // across) - 1 - k // across) * block + AXIS_ROOM
        ax = sheet.axes(start, bottom, width, cloud_height, grid="y")
        ax.set_ylim(low, high)
        cloud.draw(ax, effects[:, k], ACCENT, room=width)
        if k % across == 0:
            axis_label(ax, wrap(_effect_label(explanation, outputs), cloud_height, LABEL_SIZE, lines=1), axis="y")
            axis_label(ax, wrap(feature, sheet.width - left - PAD, LABEL_SIZE, lines=1))
        else:
            ax.tick_params(labelleft=False)
        if count > 1:
            _panel_name(sheet, explanation.output_names[output], start, bottom + cloud_height, width)
    return sheet.figure


def _missing_note(n_missing: int) -> list[str]:
    return [f"Hollow dots at the right: {count_phrase(n_missing, 'row')} where the value is missing."] * bool(n_missing)


def _categories(
    explanation: Explanation, feature: str, column: Column, effects: FloatArray, outputs: list[int]
) -> Figure:
    """A strip of dots per category, sharing the effect's scale."""
    many = len(outputs) > 1
    strips = CategoryStrips.arrange(column, effects)
    label_column = LabelColumn.fit(strips.labels, widest=3.1 if not many else 2.3)
    row_height = max(label_column.row_height, 0.44)
    height = row_height * len(strips.labels)
    title, subtitle = _head(explanation, feature, outputs, "dot: a row", "bar: mean of the category")
    sheet = Sheet(title, subtitle, height=height + AXIS_ROOM + (_PANEL_HEAD if many else 0))
    left = label_column.left
    width = (sheet.width - left - PAD - 0.2 - _GAP * (len(outputs) - 1)) / len(outputs)
    lefts = [left + k * (width + _GAP) for k in range(len(outputs))]
    for k, (start, output) in enumerate(zip(lefts, outputs, strict=True)):
        ax = sheet.axes(start, AXIS_ROOM, width, height)
        if many:
            readable_axis(ax.xaxis, ticks=3)
        strips.draw(ax, effects[:, k], label_column.labels if k == 0 else [""] * len(strips.labels))
        ax.set_xlim(*_limits(effects))
        if k == 0:
            axis_label(ax, _effect_label(explanation, outputs))
        if many:
            _panel_name(sheet, explanation.output_names[output], start, AXIS_ROOM + height, width)
    return sheet.figure
