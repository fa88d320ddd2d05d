"""What a check comes to, for whoever puts it into words."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["Verdict", "at_least", "at_most"]

Verdict: TypeAlias = Literal["good", "fair", "poor"]


def at_most(figure: float, good: float, fair: float) -> Verdict:
    """Of a figure that should be small: good and fair up to and including the thresholds; of no number poor."""
    return "good" if figure <= good else "fair" if figure <= fair else "poor"


def at_least(figure: float, good: float, fair: float) -> Verdict:
    """Of a figure that should be large, likewise."""
    return "good" if figure >= good else "fair" if figure >= fair else "poor"
