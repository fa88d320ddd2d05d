"""What drives a model: the direction of each important feature, found in its attributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from interp_pipeline.plots.columns import read_column
from interp_pipeline.readable import MISSING, are_years, number, value_text
from interp_pipeline.report.wording import minus, quoted

if TYPE_CHECKING:
    import numpy.typing as npt

    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["Direction", "Driver", "Group", "compute_drivers"]

Direction = Literal["up", "down", "mixed", "categories", "constant", "varied", "none"]

_CLEAR = 0.5  # Spearman correlation of value and attribution from which on a direction is named
_GROUPS = 5  # a numeric feature with more distinct values than this is cut at its quintiles
_FEW = 3  # rows a group must have before its mean is called typical, and
_FEW_SHARE = 0.02  # of the explained rows


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows whose values of a feature are alike."""

    label: str  # "4 to 11", "“own”", "missing"
    effect: float  # mean attribution of its rows
    n_rows: int


@dataclass(frozen=True, kw_only=True)
class Driver:
    """One feature and how its values move the model output."""

    feature: str
    rank: int
    importance: float  # in units of the model output
    share: float  # of the importance of all features
    output: str  # the output it moves most
    direction: Direction
    groups: tuple[Group, ...]  # numeric and dates: by value; categories: by mean effect, lowest first
    missing: Group | None  # rows without a value, where there are enough of them
    lowest: float  # smallest and largest single attribution
    highest: float


def compute_drivers(explanation: Explanation, top: int) -> tuple[Driver, ...]:
    """The most important features with their directions.

    A numeric feature (or date) has a direction where its values and attributions correlate by
    Spearman's measure at 0.5 or more; else it is ``mixed``. Categories are grouped and their mean
    attributions compared. Of several outputs the one the feature moves most is described.

    Args:
        explanation: SHAP values.
        top: how many features.

    Returns:
        At most ``top`` drivers, the most important first. A feature whose attributions are all
        zero has direction ``none``; one without two different values ``constant``; a text of
        which no value occurs in three rows ``varied``.
    """
    importance = explanation.importance
    total = float(importance.sum())
    return tuple(
        _driver(explanation, feature, rank, float(importance[feature]) / total if total > 0 else 0.0)
        for rank, feature in enumerate(explanation.ranking[:top], start=1)
    )


def _driver(explanation: Explanation, feature: int, rank: int, share: float) -> Driver:
    outputs = explanation.summary_outputs
    output = max(outputs, key=lambda i: float(explanation.mean_abs[feature, i]))
    effects = explanation.values[:, feature, output]
    column = explanation.data.iloc[:, feature]
    direction, groups, missing = _describe(column, effects)
    return Driver(
        feature=explanation.feature_names[feature],
        rank=rank,
        importance=float(explanation.importance[feature]),
        share=share,
        output=explanation.output_names[output],
        direction=direction,
        groups=groups,
        missing=missing,
        lowest=float(effects.min()),
        highest=float(effects.max()),
    )


def _describe(column: pd.Series, effects: FloatArray) -> tuple[Direction, tuple[Group, ...], Group | None]:
    read = read_column(column)
    gone = read.missing
    missing = _group(MISSING, effects[gone]) if gone.sum() >= _enough(len(column)) else None
    if not effects.any():
        return "none", (), missing
    known, moved = read.numbers[~gone], effects[~gone]
    distinct = np.unique(known)
    if len(distinct) < 2:  # noqa: PLR2004 - no two values to compare
        return "constant", (), missing
    if read.kind == "category":
        groups = _categories(known, moved, [quoted(label) for label in read.labels], _enough(len(column)))
        return ("categories" if len(groups) > 1 else "varied"), groups, missing
    groups = _value_groups(known, moved, is_date=read.kind == "date")
    rises = groups[-1].effect - groups[0].effect
    correlation = _spearman(known, moved)
    if correlation >= _CLEAR and rises > 0:
        return "up", groups, missing
    if correlation <= -_CLEAR and rises < 0:
        return "down", groups, missing
    return "mixed", groups, missing


def _enough(n_rows: int) -> float:
    return max(_FEW, _FEW_SHARE * n_rows)


def _group(label: str, effects: FloatArray) -> Group:
    return Group(label=label, effect=float(effects.mean()), n_rows=len(effects))


def _categories(codes: FloatArray, effects: FloatArray, labels: list[str], enough: float) -> tuple[Group, ...]:
    members = [(label, effects[codes == code]) for code, label in enumerate(labels)]
    groups = [_group(label, moved) for label, moved in members if len(moved) >= enough]
    return tuple(sorted(groups, key=lambda group: group.effect))


def _value_groups(numbers: FloatArray, effects: FloatArray, *, is_date: bool) -> tuple[Group, ...]:
    distinct = np.unique(numbers)
    if len(distinct) <= _GROUPS:
        places: npt.NDArray[np.intp] = np.searchsorted(distinct, numbers)
    else:
        inner = np.quantile(numbers, np.arange(1, _GROUPS) / _GROUPS)
        places = np.searchsorted(np.unique(inner), numbers, side="right")
    present, years = np.unique(places), are_years(numbers)
    return tuple(
        _group(_range(numbers[places == place], is_date=is_date, years=years), effects[places == place])
        for place in present
    )


def _range(numbers: FloatArray, *, is_date: bool, years: bool) -> str:
    low, high = float(numbers.min()), float(numbers.max())
    first, last = (_date(end) if is_date else minus(number(end, 4, year=years)) for end in (low, high))
    return first if first == last else f"{first} to {last}"


def _date(days: float) -> str:
    return value_text(pd.Timestamp(0) + pd.Timedelta(days=days)).split(" ", maxsplit=1)[0]


def _spearman(left: FloatArray, right: FloatArray) -> float:
    a, b = (pd.Series(side).rank().to_numpy(dtype=np.float64) for side in (left, right))
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0
