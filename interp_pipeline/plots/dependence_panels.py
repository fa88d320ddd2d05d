"""The two pictures of a dependence: a cloud over a number line or calendar, and strips of categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interp_pipeline.plots.rows import label_rows
from interp_pipeline.plots.swarm import swarm_offsets
from interp_pipeline.plots.text import middle_ellipsis, number, text_width
from interp_pipeline.plots.theme import ACCENT, INK, MUTED, PALE, TICK_SIZE, text_style
from interp_pipeline.plots.ticks import date_ticks, format_ticks, number_ticks, zero_line
from interp_pipeline.plots.wording import count_phrase
from interp_pipeline.readable import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.plots.columns import Column

__all__ = ["CategoryStrips", "NumberCloud", "binned_median", "median_line"]

_MOST_CATEGORIES = 15  # drawn one by one
_CATEGORY_CHARACTERS = 60
_FEW_VALUES = 15  # distinct values up to which every one is a group of its own
_ON_THE_LINE = 0.02  # of the range of effects: dots not further from it than this lie on the line
_SMALLEST_GROUP = 8  # rows a median is taken over
_MOST_GROUPS = 12
_MOST_TICKS = 7
_MISSING_ROOM = 0.85  # inches at the right end for missing values


def binned_median(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Median of ``y`` in groups of ``x``: one per value where there are few, else of equal size.

    Args:
        x: without NaN, shape (n,).
        y: shape (n,).

    Returns:
        Median of x and of y per group, both of shape (n_groups,), rising in x.
    """
    values = np.unique(x)
    if len(values) <= _FEW_VALUES:
        return values, np.array([np.median(y[x == value]) for value in values])
    groups = min(_MOST_GROUPS, max(1, len(x) // _SMALLEST_GROUP))
    edges = np.unique(np.quantile(x, np.linspace(0, 1, groups + 1)))
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(len(edges) - 2, 0))
    present = np.unique(place)
    return (
        np.array([np.median(x[place == group]) for group in present]),
        np.array([np.median(y[place == group]) for group in present]),
    )


def median_line(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The binned median as a line; empty where it would say what the dots say already, and only hide them."""
    line_x, line_y = binned_median(x, y)
    within = (x >= line_x[0]) & (x <= line_x[-1])
    off = np.abs(y[within] - np.interp(x[within], line_x, line_y))
    if len(line_x) == 1 or off.max() <= _ON_THE_LINE * float(np.ptp(y)):
        return np.empty(0), np.empty(0)
    return line_x, line_y


@dataclass(frozen=True, kw_only=True)
class NumberCloud:
    """Dots over the feature's own axis, the median line, and a place for missing values."""

    column: Column

    def line(self, effects: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The median line of an output's effects, shape (n_rows,)."""
        known = ~self.column.missing
        return median_line(self.column.numbers[known], effects[known])

    def draw(self, ax: Axes, effects: FloatArray, colour: str, *, room: float) -> None:
        """Draw one output.

        Args:
            ax: axes whose vertical limits are set.
            effects: shape (n_rows,).
            colour: of the dots.
            room: width of the axes in inches.
        """
        missing = self.column.missing
        x, y = self.column.numbers[~missing], effects[~missing]
        low, high = float(x.min()), float(x.max())
        margin = 0.03 * (high - low) or 0.5
        end = high + margin
        zero_line(ax, vertical=False)
        ax.scatter(x, y, s=16 if len(x) <= 500 else 7, color=colour, alpha=0.5, linewidths=0, zorder=2)  # noqa: PLR2004
        line_x, line_y = self.line(effects)
        ax.plot(line_x, line_y, color="white", linewidth=4, zorder=3, solid_capstyle="round")
        ax.plot(line_x, line_y, color=INK, linewidth=1.8, zorder=4, solid_capstyle="round")
        missing_room = _MISSING_ROOM if missing.any() else 0.0
        self._axis(ax, low, high, room - missing_room)
        if missing.any():
            width = (high - low + 2 * margin) * missing_room / (room - missing_room)
            self._missing(ax, effects[missing], end, width)
            end += width
        ax.set_xlim(low - margin, end)

    def _axis(self, ax: Axes, low: float, high: float, room: float) -> None:
        """Ticks in the units of the data, within the data, as many as have room beside each other."""
        whole = self.column.kind == "numeric" and bool(
            np.all(np.mod(self.column.numbers[~self.column.missing], 1) == 0)
        )
        for count in range(_MOST_TICKS, 0, -1):
            if low == high and self.column.kind == "numeric":
                places, labels = [low], format_ticks([low])
            elif self.column.kind == "date":
                places, labels = date_ticks(low, high, count)
            else:
                places = number_ticks(low, high, count, whole=whole)
                labels = format_ticks(places)
            widest = max(text_width(label, TICK_SIZE) for label in labels) + 0.15
            gaps = np.diff(places) / ((high - low) or 1.0) * room
            if len(gaps) == 0 or widest <= gaps.min():
                break
        else:
            places, labels = places[:1], labels[:1]
        ax.set_xticks(places, labels, **text_style(TICK_SIZE, MUTED))

    def _missing(self, ax: Axes, effects: FloatArray, start: float, width: float) -> None:
        """Hollow dots in a place of their own, from ``start`` on, beyond a divider."""
        middle = start + 0.55 * width
        offsets = swarm_offsets(effects / (float(np.abs(effects).max()) or 1.0))
        ax.axvline(start + 0.1 * width, color=PALE, linewidth=0.8, linestyle=(0, (4, 3)))
        ax.scatter(
            middle + 0.3 * width * offsets,
            effects,
            s=16,
            facecolors="white",
            edgecolors=MUTED,
            linewidths=0.9,
            zorder=3,
        )
        ticks = [*ax.get_xticks(), middle]
        labels = [*(label.get_text() for label in ax.get_xticklabels()), MISSING]
        ax.set_xticks(ticks, labels, **text_style(TICK_SIZE, MUTED))


@dataclass(frozen=True, kw_only=True)
class CategoryStrips:
    """Categories from the highest to the lowest mean effect, missing values last."""

    labels: tuple[str, ...]
    members: tuple[npt.NDArray[np.intp], ...]  # row positions of each strip
    hollow: tuple[bool, ...]  # whether a strip is the missing values

    @classmethod
    def arrange(cls, column: Column, effects: FloatArray) -> CategoryStrips:
        """Sort categories; beyond fifteen the rarest share a strip.

        Args:
            column: a category.
            effects: shape (n_rows, n_panels); the first panel decides the order.
        """
        rows = {label: np.flatnonzero(column.numbers == code) for code, label in enumerate(column.labels)}
        by_size = sorted(rows, key=lambda label: -len(rows[label]))
        kept = by_size if len(by_size) <= _MOST_CATEGORIES else by_size[: _MOST_CATEGORIES - 1]
        others = by_size[len(kept) :]
        ordered = sorted(kept, key=lambda label: -float(effects[rows[label], 0].mean()))
        strips = [(middle_ellipsis(label, _CATEGORY_CHARACTERS), rows[label], False) for label in ordered]
        if others:
            together = np.concatenate([rows[label] for label in others])
            strips.append((count_phrase(len(others), "rarer category"), together, False))
        if column.missing.any():
            strips.append((MISSING, np.flatnonzero(column.missing), True))
        return cls(
            labels=tuple(f"{label} ({number(len(members))})" for label, members, _ in strips),
            members=tuple(members for _, members, _ in strips),
            hollow=tuple(hollow for _, _, hollow in strips),
        )

    def draw(self, ax: Axes, effects: FloatArray, labels: Sequence[str]) -> None:
        """Draw one output: effects of shape (n_rows,)."""
        label_rows(ax, labels)
        scale = float(np.abs(effects).max()) or 1.0
        for i, (members, hollow) in enumerate(zip(self.members, self.hollow, strict=True)):
            x = effects[members]
            y = i + 0.3 * swarm_offsets(x / scale)
            if hollow:
                ax.scatter(x, y, s=14, facecolors="white", edgecolors=MUTED, linewidths=0.9, zorder=2)
            else:
                ax.scatter(x, y, s=14, color=ACCENT, alpha=0.5, linewidths=0, zorder=2)
            mean = float(x.mean())
            ax.plot([mean, mean], [i - 0.36, i + 0.36], color=INK, linewidth=2.2, zorder=4, solid_capstyle="butt")
        zero_line(ax)
        ax.hlines(np.arange(len(self.members) - 1) + 0.5, 0, 1, transform=ax.get_yaxis_transform(), color="#F1F2F3")
