"""What drives a model: the direction of each important feature, found in its attributions."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from interp_pipeline.plots.columns import read_column
from interp_pipeline.plots.value_groups import EffectSample, category_groups, enough, number_groups
from interp_pipeline.readable import MISSING
from interp_pipeline.rounding import all_without_noise

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation, FloatArray
    from interp_pipeline.plots.columns import Column
    from interp_pipeline.plots.value_groups import Group

__all__ = ["Direction", "Driver", "compute_drivers"]

Direction = Literal[
    "up",  # higher values, higher effects, from group to group
    "down",
    "valley",  # the lowest effects at inner values
    "peak",  # the highest effects at inner values
    "zigzag",  # rising and falling
    "weak",  # nothing of that kind is certain: the extreme groups are named
    "alike",  # groups differ by no more than their errors
    "categories",
    "constant",  # one value only
    "varied",  # too few rows per value, or too few rows
    "none",  # no effect at all
]

_CLEAR = 0.5  # Spearman correlation of value and attribution from which on a direction is named
_CERTAIN = 1.96  # standard errors by which two groups differ where it is said that they do
_ROUNDING = 1e-9  # of the largest effect: what differs by less is equal


@dataclass(frozen=True, kw_only=True)
class Driver:
    """One feature and how its values move the model output."""

    feature: str
    rank: int
    importance: float  # in units of the model output
    share: float  # of the importance of all features
    output: str  # the output it moves most
    direction: Direction
    is_date: bool
    groups: tuple[Group, ...]  # numeric and dates: by value; categories: by mean effect, lowest first
    rare: int  # categories left out of the groups: too few rows have them
    missing: Group | None  # rows without a value, where there are enough of them
    lowest: float  # smallest and largest single attribution
    highest: float


def compute_drivers(explanation: Explanation, top: int) -> tuple[Driver, ...]:
    """The most important features with their directions.

    A numeric feature (or date) is cut into groups of rising values. It has a direction where their mean
    attributions differ from the first to the last by more than chance, where no group contradicts it - lies on the
    wrong side of one before it by more than the standard error of their difference -, and where values and
    attributions correlate by Spearman's measure at 0.5 or more. Else the extreme groups are named. Categories are
    grouped and their mean attributions compared. Of several outputs the one the feature moves most is described.

    Args:
        explanation: SHAP values; those that are nothing but rounding count as 0.
        top: how many features.

    Returns:
        At most ``top`` drivers, the most important first.
    """
    importance = explanation.importance
    total = float(importance.sum())
    values = all_without_noise(explanation.values, explanation.base_values, explanation.predictions)
    explanation = dataclasses.replace(explanation, values=values)  # rounding is no effect that a sentence could tell
    return tuple(
        _driver(explanation, feature, rank, float(importance[feature]) / total if total > 0 else 0.0)
        for rank, feature in enumerate(explanation.ranking[:top], start=1)
    )


def _driver(explanation: Explanation, feature: int, rank: int, share: float) -> Driver:
    outputs = explanation.summary_outputs
    output = max(outputs, key=lambda i: float(explanation.mean_abs[feature, i]))
    effects = explanation.values[:, feature, output]
    errors = None if explanation.std_errors is None else explanation.std_errors[:, feature, output]
    column = read_column(explanation.shown_data.iloc[:, feature])
    sample = EffectSample(effects=effects, std_errors=errors)
    direction, groups = _describe(column, sample)
    gone = column.missing
    return Driver(
        feature=explanation.feature_names[feature],
        rank=rank,
        importance=float(explanation.importance[feature]),
        share=share,
        output=explanation.output_names[output],
        direction=direction,
        is_date=column.kind == "date",
        groups=groups,
        rare=len(column.labels) - len(groups) if direction == "categories" else 0,
        missing=sample.of(gone).group(MISSING) if gone.sum() >= enough(len(gone)) else None,
        lowest=float(effects.min()),
        highest=float(effects.max()),
    )


def _describe(column: Column, sample: EffectSample) -> tuple[Direction, tuple[Group, ...]]:
    known = ~column.missing
    if not sample.effects.any():
        return "none", ()
    if len(np.unique(column.numbers[known])) < 2:  # noqa: PLR2004 - no two values to compare
        return "constant", ()
    groups = category_groups(column, sample) if column.kind == "category" else number_groups(column, sample)
    if len(groups) < 2:  # noqa: PLR2004 - no two groups to compare
        return "varied", ()
    negligible = _ROUNDING * float(np.abs(sample.effects).max())
    by_effect = sorted(groups, key=lambda group: group.effect)
    if not _beyond(by_effect[-1], by_effect[0], _CERTAIN, negligible):
        return "alike", groups
    if column.kind == "category":
        return "categories", groups
    correlation = _spearman(column.numbers[known], sample.effects[known])
    return _shape(groups, correlation, negligible), groups


def _shape(groups: tuple[Group, ...], correlation: float, negligible: float) -> Direction:
    """How the means of groups of rising values run, of which two at least differ."""

    def contradicts(rising: tuple[Group, ...]) -> bool:
        pairs = itertools.combinations(rising, 2)
        return any(_beyond(before, after, 1.0, negligible) for before, after in pairs)

    first, last = groups[0], groups[-1]
    if correlation >= _CLEAR and _beyond(last, first, _CERTAIN, negligible) and not contradicts(groups):
        return "up"
    if correlation <= -_CLEAR and _beyond(first, last, _CERTAIN, negligible) and not contradicts(groups[::-1]):
        return "down"
    low, high = min(groups, key=lambda group: group.effect), max(groups, key=lambda group: group.effect)
    valley = all(_beyond(end, low, _CERTAIN, negligible) for end in (first, last))
    peak = all(_beyond(high, end, _CERTAIN, negligible) for end in (first, last))
    if valley != peak:
        return "valley" if valley else "peak"
    return "zigzag" if valley else "weak"


def _beyond(high: Group, low: Group, errors: float, negligible: float) -> bool:
    """Whether one mean lies above the other by more than so many standard errors of their difference."""
    return high.effect - low.effect > errors * math.hypot(high.error, low.error) + negligible


def _spearman(left: FloatArray, right: FloatArray) -> float:
    a, b = (pd.Series(side).rank().to_numpy(dtype=np.float64) for side in (left, right))
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0
