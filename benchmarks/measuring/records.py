"""What a measurement leaves: one value object per line of the tables and of the JSON file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Figure", "Record", "Slope", "Speed", "record_from_json", "to_json"]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Us and one peer on the same model and rows."""

    case: str
    peer: str
    threads: int  # ours; a peer has one, unless its name says otherwise
    repeats: int  # alternating, of which the medians are shown
    rows: int  # that we explained in one repeat
    rows_per_s: float
    rows_per_cpu_s: float  # by the process's CPU time: what other programs on the machine do not disturb
    error: float  # largest error of our answer
    error_is: str  # what the errors are: distance from what
    memory_mb: float | None  # that our first call added to the process's peak; None where it cannot be measured
    peer_rows: int = 0
    peer_rows_per_s: float | None = None  # None: no answer, and ``remark`` says why
    peer_stopped_s: float | None = None  # it was stopped after so long: its speed is at most, the ratio at least this
    peer_error: float | None = None
    apart: float | None = None  # largest difference between both answers, where both compute the same thing
    ratio: float | None = None  # of the rows per second, by wall clock
    ratio_low: float | None = None  # smallest over the repeats
    ratio_high: float | None = None
    ratio_cpu: float | None = None  # of the rows per second of CPU time
    must: float | None = None  # the bar: smallest ratio that is good enough
    aim: float | None = None  # where optimising stops
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Slope:
    """How a cost grows: exponent of the power law through the points (1 is linear)."""

    case: str
    over: str  # what grows
    cost: str  # which cost, with its unit
    threads: int
    points: tuple[tuple[float, float], ...]  # size and cost
    slope: float
    last_slope: float  # between the two largest sizes, where what is constant weighs least
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A single number."""

    case: str
    what: str
    value: float | None  # None: not measured, and ``remark`` says why
    unit: str
    remark: str = ""


Record = Speed | Slope | Figure

_KINDS: dict[str, type[Speed | Slope | Figure]] = {"speed": Speed, "slope": Slope, "figure": Figure}


def to_json(record: Record) -> dict[str, Any]:
    """The record with its kind, ready for JSON."""
    kind = next(name for name, each in _KINDS.items() if isinstance(record, each))
    return {"kind": kind, **dataclasses.asdict(record)}


def record_from_json(values: Mapping[str, Any]) -> Record:
    """The inverse of ``to_json``; keys that are no fields are left out."""
    kind = _KINDS[values["kind"]]
    known = {field.name for field in dataclasses.fields(kind)}
    fields = {name: value for name, value in values.items() if name in known}
    if "points" in fields:
        fields["points"] = tuple((float(size), float(cost)) for size, cost in fields["points"])
    return kind(**fields)
