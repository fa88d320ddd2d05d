"""Bars to both sides of zero, each with its value beyond its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.plots.text import signed, text_width
from interp_pipeline.plots.theme import INK, NEGATIVE, POSITIVE, TICK_SIZE, text_style
from interp_pipeline.plots.ticks import zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from interp_pipeline.explanation import FloatArray

__all__ = ["signed_bars"]

_BAR = 0.62  # of a row's height


def signed_bars(ax: Axes, values: FloatArray, width: float) -> None:
    """Draw one bar per row, blue below and vermillion above zero.

    Args:
        ax: axes with one row per value, from the top.
        values: shape (n,).
        width: of the axes in inches, to leave room for the numbers.
    """
    colours = [POSITIVE if value > 0 else NEGATIVE for value in values]
    ax.barh(range(len(values)), values, height=_BAR, color=colours, linewidth=0, zorder=2)
    zero_line(ax)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    label = max(text_width(signed(float(value)), TICK_SIZE) for value in values) + 0.12
    margin = ((high - low) or 1.0) * label / max(width - 2 * label, 0.5)
    ax.set_xlim(low - (margin if low < 0 else 0), high + margin)
    for i, value in enumerate(values):
        ax.annotate(
            signed(float(value)),
            (float(value), i),
            xytext=(-5, 0) if value < 0 else (5, 0),
            textcoords="offset points",
            ha="right" if value < 0 else "left",
            va="center",
            annotation_clip=False,
            **text_style(TICK_SIZE, INK),
        )
