"""How alike are two versions by the order of their features? The thresholds, without words."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["Likeness", "likeness"]

Likeness: TypeAlias = Literal["same", "largely", "partly", "different"]

_SAME, _LARGELY, _PARTLY = 0.95, 0.8, 0.5  # rank correlation of the features' importances


def likeness(rank_correlation: float) -> Likeness:
    """What a rank correlation comes to; of none, NaN, different."""
    if rank_correlation >= _SAME:
        return "same"
    if rank_correlation >= _LARGELY:
        return "largely"
    return "partly" if rank_correlation >= _PARTLY else "different"
