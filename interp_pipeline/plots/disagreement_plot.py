"""Do versions explain the same rows alike? How far apart their explanations are, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from interp_pipeline.errors import UsageError
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.shift_plot import require_columns
from interp_pipeline.plots.swarm import swarm_offsets
from interp_pipeline.plots.text import number, text_width
from interp_pipeline.plots.theme import ACCENT, AXIS_ROOM, INK, MUTED, PAD, POSITIVE, TICK_SIZE, text_style
from interp_pipeline.plots.ticks import axis_label
from interp_pipeline.plots.wording import count_phrase, short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import FloatArray

__all__ = ["draw_disagreement"]

_HISTOGRAM = 2.0  # inches
_STRIP = 0.9  # inches
_NAMED = 3  # rows furthest apart that are named


def draw_disagreement(per_row: pd.DataFrame, *, points: bool = False) -> Figure:
    """Distribution of the distance between explanations of the same row.

    Args:
        per_row: one row per explained row: ``row_id`` and ``distance`` (0 = explained alike; in
            the unit of the model output); further columns are ignored.
        points: distances are percentage points of a probability, not units of the model output.

    Returns:
        Figure: a histogram, below it every row as a dot, the three rows furthest apart named.

    Raises:
        UsageError: a column is missing, or no distance is finite.
    """
    require_columns(per_row, ["row_id", "distance"], "disagreement")
    finite = np.isfinite(per_row["distance"].to_numpy(dtype=np.float64))
    if not finite.any():
        msg = "the disagreement plot has nothing to draw: no distance is a finite number"
        raise UsageError(msg)
    distance = per_row["distance"].to_numpy(dtype=np.float64)[finite]
    row_ids = per_row["row_id"].to_numpy()[finite]
    worst = int(np.argmax(distance))
    unit = " points" if points else ""
    sheet = Sheet(
        _title(distance, unit),
        f"{count_phrase(len(distance), 'row')} · distance between the explanations of the same row"
        f" · furthest apart: row {short(str(row_ids[worst]))} with {number(float(distance[worst]))}{unit}",
        height=_HISTOGRAM + _STRIP + AXIS_ROOM,
    )
    width = sheet.width - 2 * PAD - 0.3
    end = float(distance.max()) * 1.05 or 1.0
    strip = sheet.axes(PAD + 0.1, AXIS_ROOM, width, _STRIP)
    _dots(strip, distance, end)
    _name_worst(strip, distance, row_ids, width / end)
    histogram = sheet.axes(PAD + 0.1, AXIS_ROOM + _STRIP, width, _HISTOGRAM, grid="none")
    _bars(histogram, distance, end)
    axis_label(strip, f"distance between explanations, in {'points' if points else 'units of the model output'}")
    return sheet.figure


def _title(distance: FloatArray, unit: str) -> str:
    median = float(np.median(distance))
    if distance.max() == 0:
        return "Every row is explained alike"
    return f"For half of the rows the explanations differ by at most {number(median)}{unit}"


def _bars(ax: Axes, distance: FloatArray, end: float) -> None:
    bins = int(np.clip(1.4 * np.sqrt(len(distance)), 8, 40))
    counts, _, _ = ax.hist(distance, bins=bins, range=(0, end), color=ACCENT, edgecolor="white", linewidth=0.6)
    ax.set_xlim(0, end)
    ax.set_ylim(0, float(np.max(counts)) * 1.15)
    ax.set_xticks([])
    ax.set_yticks([])
    median = float(np.median(distance))
    left = median < end / 2  # where there is more room beside the line
    ax.axvline(median, color=INK, linewidth=1.4)
    ax.annotate(
        f"median {number(median)}",
        (median, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(5 if left else -5, 0),
        textcoords="offset points",
        va="top",
        ha="left" if left else "right",
        **text_style(TICK_SIZE, INK),
    )


def _dots(ax: Axes, distance: FloatArray, end: float) -> None:
    ax.scatter(distance, -0.1 + 0.42 * swarm_offsets(distance / end), s=14, color=ACCENT, alpha=0.5, linewidths=0)
    ax.set_xlim(0, end)
    ax.set_ylim(-0.6, 1.0)
    ax.set_yticks([])


def _name_worst(ax: Axes, distance: FloatArray, row_ids: npt.NDArray[Any], inches: float) -> None:
    """The rows furthest apart by number, each where it has room; ``inches`` is the scale of the axis."""
    free_until = np.inf
    for i in np.argsort(-distance, kind="stable")[:_NAMED]:
        label = short(f"row {row_ids[i]}", 24)
        half = text_width(label, TICK_SIZE) / 2 * 1.1
        x = float(distance[i]) * inches
        if x + half > free_until or distance[i] == 0:
            continue
        free_until = x - half
        ax.scatter([distance[i]], [-0.1], s=30, facecolors="none", edgecolors=POSITIVE, linewidths=1.2)
        ax.annotate(
            label,
            (float(distance[i]), -0.1),
            xytext=(0, 12),
            textcoords="offset points",
            ha="center",
            annotation_clip=False,
            **text_style(TICK_SIZE, MUTED),
        )
