"""Rows whose values of a feature are alike, with their mean effects and how exact these are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from interp_pipeline.readable import are_years, number, value_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.plots.columns import Column

__all__ = ["EffectSample", "Group", "category_groups", "enough", "number_groups"]

_GROUPS = 5  # a number or date with more distinct values than this is cut into so many groups of about equal size
_FEW = 3  # rows a group must have before its mean is called typical, and
_FEW_SHARE = 0.02  # of the explained rows
_DIGITS = (4, 6, 9, 17)  # of a range's ends: as few as tell all groups apart


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows whose values of a feature are alike."""

    label: str  # "4 to 11", "own", "missing"
    effect: float  # mean attribution of its rows
    error: float  # standard error of that mean; 0 of a single row whose attribution is exact
    n_rows: int


@dataclass(frozen=True, kw_only=True)
class EffectSample:
    """One feature's attributions of one output: shape (n_rows,) each."""

    effects: FloatArray
    std_errors: FloatArray | None  # None: exact

    def of(self, rows: npt.NDArray[np.bool_]) -> EffectSample:
        """Those of some rows, a mask of shape (n_rows,)."""
        return EffectSample(
            effects=self.effects[rows], std_errors=None if self.std_errors is None else self.std_errors[rows]
        )

    def group(self, label: str) -> Group:
        """All of them as one group.

        Its error is that of a mean over a sample of rows. Where attributions are estimated their own errors show
        in how rows differ; they count where that is less, as in a single row.
        """
        n_rows = len(self.effects)
        variance = float(self.effects.var(ddof=1)) if n_rows > 1 else 0.0
        if self.std_errors is not None:
            variance = max(variance, float((self.std_errors**2).mean()))
        return Group(label=label, effect=float(self.effects.mean()), error=math.sqrt(variance / n_rows), n_rows=n_rows)


def enough(n_rows: int) -> float:
    """Rows a group among ``n_rows`` needs, so that its mean says something typical."""
    return max(_FEW, _FEW_SHARE * n_rows)


def category_groups(column: Column, sample: EffectSample) -> tuple[Group, ...]:
    """The categories with enough rows, by mean effect, the lowest first.

    Args:
        column: a category.
        sample: its effects, in the same rows.
    """
    least = enough(len(column.numbers))
    members = [(label, column.numbers == code) for code, label in enumerate(column.labels)]
    groups = [sample.of(rows).group(label) for label, rows in members if rows.sum() >= least]
    return tuple(sorted(groups, key=lambda group: group.effect))


def number_groups(column: Column, sample: EffectSample) -> tuple[Group, ...]:
    """Groups of rising values: one per value where there are up to five, else five of about equal size.

    Equal values are never divided, so a value that most rows share is a group of its own. Groups with too few rows
    join a neighbour, so there may be a single one.

    Args:
        column: a number or a date, with at least one known value.
        sample: its effects, in the same rows; those without a value are left out.
    """
    known = ~column.missing
    values, counts = np.unique(column.numbers[known], return_counts=True)
    ends = np.cumsum(counts)
    cuts = _joined(ends[:-1] if len(values) <= _GROUPS else _fifths(ends), int(ends[-1]))
    bounds = values[np.searchsorted(ends, cuts)]  # the last value of each group but the last
    places = np.searchsorted(bounds, column.numbers)
    members = [known & (places == place) for place in range(len(bounds) + 1)]
    ranges = [(float(column.numbers[rows].min()), float(column.numbers[rows].max())) for rows in members]
    labels = _ranges(ranges, is_date=column.kind == "date")
    return tuple(sample.of(rows).group(label) for rows, label in zip(members, labels, strict=True))


def _fifths(ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where equal groups end, as near as equal values allow: numbers of rows before each cut."""
    wanted = ends[-1] * np.arange(1, _GROUPS) / _GROUPS
    nearest = np.abs(ends[:-1, np.newaxis] - wanted).argmin(axis=0)
    return np.unique(ends[nearest])


def _joined(cuts: npt.NDArray[np.int64], n_rows: int) -> list[int]:
    """The cuts that leave every group enough rows; of few rows less is asked."""
    least = min(enough(n_rows), max(1, n_rows // _GROUPS))
    kept: list[int] = []
    for cut in cuts.tolist():
        if cut - (kept[-1] if kept else 0) >= least and n_rows - cut >= least:
            kept.append(cut)
    return kept


def _ranges(ranges: list[tuple[float, float]], *, is_date: bool) -> list[str]:
    """What each range is called, so that no two are called the same."""
    labels: list[str] = []
    years = not is_date and are_years(ranges)
    for precision in range(len(_DIGITS)):
        labels = [_range(low, high, precision, is_date=is_date, years=years) for low, high in ranges]
        if len(set(labels)) == len(labels):
            break
    return labels


def _range(low: float, high: float, precision: int, *, is_date: bool, years: bool) -> str:
    first, last = (
        _date(end, precision) if is_date else number(end, _DIGITS[precision], year=years) for end in (low, high)
    )
    return first if first == last else f"{first} to {last}"


def _date(days: float, precision: int) -> str:
    moment = pd.Timestamp(0) + pd.Timedelta(days=days).round("s")
    return value_text(moment.normalize() if precision == 0 else moment)
