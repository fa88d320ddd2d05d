"""How training went: every metric after every epoch, training and validation side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import UsageError
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import number, wrap
from interp_pipeline.plots.theme import ACCENT, AXIS_ROOM, LABEL_SIZE, MUTED, PAD, POSITIVE, TICK_SIZE, text_style
from interp_pipeline.plots.ticks import axis_label, tick_room
from interp_pipeline.plots.wording import count_phrase, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import FloatArray

__all__ = ["epochs"]

_HEIGHT = 2.5  # inches of a panel
_PER_LINE = 2
_HEAD = 0.34  # inches for a panel's title
_VALIDATION = "val_"
_NAME_ROOM = 0.95  # inches right of the curves for their names
_APART = 0.17  # inches between the names of two curves


def epochs(history: Mapping[str, Sequence[float]]) -> Figure:
    """Curves of training, a panel per metric.

    Args:
        history: values per epoch by metric, as Keras returns them: ``val_<metric>`` is drawn in
            the panel of ``<metric>``.

    Returns:
        Figure: two panels in a line; curves named at their ends.

    Raises:
        UsageError: no epoch was recorded.
    """
    metrics = list(dict.fromkeys(name.removeprefix(_VALIDATION) for name in history))
    count = max((len(values) for values in history.values()), default=0)
    if count == 0:
        msg = "the history holds no epoch: train for at least one epoch before drawing it"
        raise UsageError(msg)
    lines = -(-len(metrics) // _PER_LINE)
    block = _HEAD + _HEIGHT + AXIS_ROOM
    sheet = Sheet(
        _title(history, metrics, count),
        f"{count_phrase(count, 'epoch')} · value of each metric after every epoch",
        height=lines * block,
    )
    width = (sheet.width - 2 * PAD) / min(len(metrics), _PER_LINE)
    for k, metric in enumerate(metrics):
        left = PAD + (k % _PER_LINE) * width
        bottom = (lines - 1 - k // _PER_LINE) * block + AXIS_ROOM
        _panel(sheet, history, metric, (left, bottom), width)
    return sheet.figure


def _title(history: Mapping[str, Sequence[float]], metrics: list[str], count: int) -> str:
    """The course of the loss, or of the first metric where there is no loss."""
    metric = "loss" if "loss" in metrics else metrics[0]
    name = f"{_VALIDATION}{metric}" if f"{_VALIDATION}{metric}" in history else metric
    words = f"validation {short(metric)}" if name.startswith(_VALIDATION) else f"training {short(metric)}"
    first, last = float(history[name][0]), float(history[name][-1])
    if count == 1:
        return f"The {words} was {number(last)} after one epoch"
    verb = "fell" if last < first else "rose" if last > first else "stayed"
    return f"The {words} {verb} from {number(first)} to {number(last)}"


def _panel(
    sheet: Sheet, history: Mapping[str, Sequence[float]], metric: str, corner: tuple[float, float], width: float
) -> None:
    left, bottom = corner
    curves = {
        label: np.asarray(history[name], dtype=np.float64)
        for label, name in (("training", metric), ("validation", f"{_VALIDATION}{metric}"))
        if name in history
    }
    values = np.concatenate(list(curves.values()))
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.5
    room = tick_room(low - margin, high + margin)
    ax = sheet.axes(left + room, bottom, width - room - _NAME_ROOM, _HEIGHT, grid="y")
    ax.set_ylim(low - margin, high + margin)
    sheet.text(left + room, bottom + _HEIGHT + 0.16, wrap(metric, width - room - 0.1, LABEL_SIZE, lines=1), bold=True)
    _draw(ax, curves)
    axis_label(ax, "epoch")


def _draw(ax: Axes, curves: dict[str, FloatArray]) -> None:
    """The curves, their names beside their last points, kept apart."""
    from matplotlib.ticker import MaxNLocator

    colours = {"training": ACCENT, "validation": POSITIVE}
    low, high = ax.get_ylim()
    ends = {}
    for label, curve in curves.items():
        x = np.arange(1, len(curve) + 1)
        ax.plot(x, curve, color=colours[label], linewidth=1.8, marker="o", markersize=3.5 if len(x) <= 30 else 0)  # noqa: PLR2004
        ends[label] = float(curve[-1]) if np.isfinite(curve[-1]) else low
    apart = _APART * (high - low) / _HEIGHT
    if len(ends) > 1 and abs(ends["training"] - ends["validation"]) < apart:
        middle = float(np.clip(sum(ends.values()) / 2, low + apart / 2, high - apart / 2))
        up, down = sorted(ends, key=lambda label: -ends[label])
        ends = {up: middle + apart / 2, down: middle - apart / 2}
    last = max(len(curve) for curve in curves.values())
    for label, y in ends.items():
        ax.annotate(
            label,
            (last, y),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            **text_style(TICK_SIZE, colours[label]),
        )
    ax.set_xlim(0.5 if last == 1 else 1 - 0.02 * last, last * 1.02 if last > 1 else 1.5)
    locator = MaxNLocator(nbins=6, integer=True, min_n_ticks=1).tick_values(1, last)
    ticks = [int(tick) for tick in locator if 1 <= tick <= last and tick == int(tick)]
    ax.set_xticks(ticks, [number(tick) for tick in ticks], **text_style(TICK_SIZE, MUTED))
