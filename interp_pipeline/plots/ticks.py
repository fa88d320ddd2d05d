"""Axes whose numbers and dates read well: few ticks, no offsets, no formulas."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.plots.text import clean, text_width
from interp_pipeline.plots.theme import LABEL_SIZE, MUTED, TICK_SIZE, text_style
from interp_pipeline.readable import POWERS_FROM, are_years

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = ["axis_label", "date_ticks", "format_ticks", "number_ticks", "readable_axis", "tick_room", "zero_line"]

_SMALLEST_STEP = 1e-5
_STEPS = [1, 2, 2.5, 5, 10]  # in which round numbers follow each other
_APART = 0.15  # inches between two labels of a horizontal axis


def format_ticks(values: Sequence[float]) -> list[str]:
    """Tick labels with as many decimals as their step needs, and no more.

    Returns:
        ``0.05``, ``2,500``, ``1990``, ``1,500,000``, ``2e-7``: one label per value, told apart.
    """
    if len(values) == 0:
        return []
    largest = max(abs(value) for value in values)
    step = float(np.min(np.diff(np.sort(np.asarray(values))))) if len(values) > 1 else largest
    if largest >= POWERS_FROM or 0 < step < _SMALLEST_STEP:
        digits = next((n for n in range(16) if all(_is_exact(value, n, step) for value in values)), 16)
        return [_minus(_scientific(value, digits)) for value in values]
    group = "" if are_years(values) else ","
    labels = [f"{value:{group}.{_decimals(step)}f}" for value in values]
    return ["0" if float(label.replace(",", "")) == 0 else _minus(label) for label in labels]


def _decimals(step: float) -> int:
    """Decimals a multiple of ``step`` needs; steps are one to three significant digits long."""
    for decimals in range(8):
        if abs(step * 10**decimals - round(step * 10**decimals)) < 1e-6 * max(1.0, step * 10**decimals):
            return decimals
    return 8


def _is_exact(value: float, digits: int, step: float) -> bool:
    """Whether ``digits`` decimals of the mantissa say which multiple of ``step`` a value is."""
    return abs(float(f"{value:.{digits}e}") - value) <= 0.01 * step


def _scientific(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def readable_axis(axis: Axis, ticks: int = 6) -> None:
    """Give an axis at most ``ticks`` round ticks in readable numbers, across fewer where these are long."""
    from matplotlib.ticker import Formatter, MaxNLocator

    class _Readable(Formatter):
        def __call__(self, x: float, _pos: int | None = None) -> str:
            return format_ticks([x])[0]

        def format_ticks(self, values: list[float]) -> list[str]:
            return format_ticks(values)

    class _Fitting(MaxNLocator):
        def tick_values(self, vmin: float, vmax: float) -> Any:
            for count in range(ticks, 0, -1):
                self.set_params(nbins=count)
                places = super().tick_values(vmin, vmax)
                if axis is not axis.axes.xaxis or _fit(places, vmin, vmax, axis.axes):
                    break
            return places

    axis.set_major_locator(_Fitting(nbins=ticks, steps=_STEPS))
    axis.set_major_formatter(_Readable())


def _fit(places: Any, low: float, high: float, ax: Axes) -> bool:
    """Whether the labels of these ticks have room beside each other."""
    shown = [float(place) for place in places if low <= place <= high]
    widest = max((text_width(label, TICK_SIZE) for label in format_ticks(shown)), default=0.0)
    inches = ax.bbox.width / ax.figure.dpi / (high - low)  # per unit
    return all(widest + _APART <= gap * inches for gap in np.diff(shown))


def number_ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[float]:
    """Round numbers between two numbers, about ``count`` of them and at least one."""
    from matplotlib.ticker import MaxNLocator

    steps = [1, 2, 5, 10] if whole else _STEPS
    found = MaxNLocator(nbins=count, steps=steps, integer=whole).tick_values(low, high)
    slack = 0.02 * (high - low)
    return [float(place) for place in found if low - slack <= place <= high + slack] or [low]


def tick_room(low: float, high: float, ticks: int = 6) -> float:
    """Inches that the tick labels of a vertical axis from ``low`` to ``high`` need."""
    from matplotlib.ticker import MaxNLocator

    values = MaxNLocator(nbins=ticks, steps=_STEPS).tick_values(low, high)
    return max(text_width(label, TICK_SIZE) for label in format_ticks(list(values))) + 0.1


def axis_label(ax: Axes, text: str, *, axis: str = "x") -> None:
    """Name an axis, drawn literally."""
    if axis == "x":
        ax.set_xlabel(clean(text), labelpad=6, loc="left", **text_style(LABEL_SIZE, MUTED))
    else:
        ax.set_ylabel(clean(text), labelpad=6, **text_style(LABEL_SIZE, MUTED))


def zero_line(ax: Axes, *, vertical: bool = True) -> None:
    """The line of no effect, a little stronger than the grid."""
    draw = ax.axvline if vertical else ax.axhline
    draw(0, color="#8A8F94", linewidth=1.0, zorder=1.5)


def date_ticks(low: float, high: float, ticks: int) -> tuple[list[float], list[str]]:
    """Places and labels of round dates between two days since 1970, at most about ``ticks`` of them.

    Returns:
        Days since 1970, and labels as fine as their distance asks: ``2019``, ``2019-07``,
        ``2019-07-14`` or with the time of day.
    """
    dates: Any = import_module("matplotlib.dates")  # carries no annotations
    epoch = dates.date2num(np.datetime64("1970-01-01"))
    locator = dates.AutoDateLocator(minticks=2, maxticks=max(2, ticks))
    if high - low < 1e-4:  # noqa: PLR2004 - under ten seconds: one moment
        moments = [low]
    else:
        found = locator.tick_values(dates.num2date(low + epoch), dates.num2date(high + epoch))
        moments = [float(day - epoch) for day in found if low <= day - epoch <= high] or [low, high]
    step = min(np.diff(moments)) if len(moments) > 1 else 0.0
    pattern = "%Y" if step > 360 else "%Y-%m" if step > 27 else "%Y-%m-%d" if step >= 1 or step == 0 else "%m-%d %H:%M"  # noqa: PLR2004 - days
    return moments, [dates.num2date(day + epoch).strftime(pattern) for day in moments]
