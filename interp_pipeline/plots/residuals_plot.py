"""How far a regression is off: predicted against actual values, and the distribution of the errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interp_pipeline.errors import UsageError
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import number, wrap
from interp_pipeline.plots.theme import ACCENT, AXIS_ROOM, GREY, INK, LABEL_SIZE, PAD
from interp_pipeline.plots.ticks import axis_label, readable_axis, tick_room, zero_line
from interp_pipeline.plots.wording import count_phrase, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import FloatArray

__all__ = ["residuals"]

_HEIGHT = 3.8  # inches
_GAP = 0.55  # inches between the panels, besides tick labels
_MOST_DOTS = 4000  # beyond, dots are counted in hexagons


def residuals(actual: npt.ArrayLike, predicted: npt.ArrayLike, target: str) -> Figure:
    """Predicted against actual values, and how the errors are spread.

    Args:
        actual: true values, shape (n_rows,), in units of the target.
        predicted: the model's, same shape.
        target: name of the target.

    Returns:
        Figure: left, one dot per row and the line of perfect predictions; right, a histogram of
        predicted minus actual.

    Raises:
        UsageError: shapes differ, or there is no row with finite numbers.
    """
    truth, guess = np.asarray(actual, dtype=np.float64).ravel(), np.asarray(predicted, dtype=np.float64).ravel()
    if truth.shape != guess.shape:
        msg = f"{len(truth)} actual and {len(guess)} predicted values do not belong together"
        raise UsageError(msg)
    finite = np.isfinite(truth) & np.isfinite(guess)
    if not finite.any():
        msg = "no row has both a finite actual and a finite predicted value: there are no residuals to draw"
        raise UsageError(msg)
    truth, guess = truth[finite], guess[finite]
    name = short(target)
    error = guess - truth
    skipped = int((~finite).sum())
    sheet = Sheet(
        f"Predictions of {name} are off by {number(float(np.abs(error).mean()))} on average",
        f"{count_phrase(len(truth), 'test row')} · root mean squared error {number(float(np.sqrt((error**2).mean())))}",
        height=_HEIGHT + AXIS_ROOM,
        notes=[f"{count_phrase(skipped, 'row')} without finite values left out."] if skipped else [],
    )
    low, high = float(min(truth.min(), guess.min())), float(max(truth.max(), guess.max()))
    margin = 0.04 * (high - low) or 0.5
    left = PAD + 0.32 + tick_room(low - margin, high + margin)
    width = (sheet.width - left - PAD - 0.2 - _GAP) / 2
    cloud = sheet.axes(left, AXIS_ROOM, width, _HEIGHT, grid="both")
    for axis in (cloud.xaxis, cloud.yaxis):
        readable_axis(axis, ticks=4)
    cloud.plot([low - margin, high + margin], [low - margin, high + margin], color=INK, linewidth=1.0, zorder=3)
    _cloud(cloud, truth, guess)
    cloud.set_xlim(low - margin, high + margin)
    cloud.set_ylim(low - margin, high + margin)
    axis_label(cloud, wrap(f"actual {target}", width, LABEL_SIZE, lines=1))
    axis_label(cloud, wrap(f"predicted {target}", _HEIGHT, LABEL_SIZE, lines=1), axis="y")
    _histogram(sheet.axes(left + width + _GAP, AXIS_ROOM, width, _HEIGHT), error)
    return sheet.figure


def _cloud(ax: Axes, truth: FloatArray, guess: FloatArray) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    if len(truth) <= _MOST_DOTS:
        ax.scatter(truth, guess, s=14, color=ACCENT, alpha=0.45, linewidths=0, zorder=2)
        return
    shades = LinearSegmentedColormap.from_list("interp_density", ["#CFE3F0", ACCENT, "#00304D"])
    ax.hexbin(truth, guess, gridsize=45, bins="log", mincnt=1, cmap=shades, linewidths=0, zorder=2)


def _histogram(ax: Axes, error: FloatArray) -> None:
    """Errors to both sides of zero."""
    bins = int(np.clip(np.sqrt(len(error)), 8, 40))
    ax.hist(error, bins=bins, color=GREY, edgecolor="white", linewidth=0.6, zorder=2)
    readable_axis(ax.xaxis, ticks=4)
    zero_line(ax)
    reach = float(np.abs(error).max()) * 1.05 or 1.0
    ax.set_xlim(-reach, reach)
    ax.set_yticks([])
    axis_label(ax, "predicted minus actual (height: number of rows)")
