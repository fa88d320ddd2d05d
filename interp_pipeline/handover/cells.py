"""Single values of a table as JSON and back, each as what it was: 1, 1.0, True and "1" stay four values."""

from __future__ import annotations

import importlib
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["from_cell", "to_cell"]

_LARGEST_PLAIN = 2**53  # whole numbers up to here are written as digits, larger ones in base 16, which has no limit
_ZONE_NAMES = {"zoneinfo": "key", "pytz": "zone"}  # libraries of zones, and where their zones keep their names


def _zone_of(moment: datetime | time) -> list[str] | None:
    """The zone of a time by its library and name; None where the offset that is written says all of it.

    Raises:
        TypeError: it has no name under which another process finds it.
    """
    zone: Any = moment.tzinfo
    if zone is None or type(zone) is timezone:
        return None
    library = type(zone).__module__.partition(".")[0]
    name = getattr(zone, _ZONE_NAMES.get(library, ""), None)
    if name is None or isinstance(moment, time):
        msg = f"times in a zone of the type {type(zone).__name__}"
        raise TypeError(msg)
    return [library, name]


def _zone_called(library: str, name: str) -> Any:
    return ZoneInfo(name) if library == "zoneinfo" else importlib.import_module(library).timezone(name)


def _write_time(moment: time) -> str:
    _zone_of(moment)
    return moment.isoformat()


def _write_datetime(moment: datetime) -> list[Any]:
    zone = _zone_of(moment)
    return [(moment if zone is None else moment.astimezone(UTC)).isoformat(), moment.fold, zone]


def _read_datetime(written: list[Any]) -> datetime:
    text, fold, zone = written
    moment = datetime.fromisoformat(text)
    return moment.replace(fold=fold) if zone is None else moment.astimezone(_zone_called(*zone))


def _write_timestamp(moment: pd.Timestamp) -> list[Any]:
    zone = _zone_of(moment)
    return [(moment if zone is None else moment.tz_convert("UTC")).isoformat(), moment.unit, zone]


def _read_timestamp(written: list[Any]) -> pd.Timestamp:
    text, unit, zone = written
    moment = pd.Timestamp(text).as_unit(unit)
    return moment if zone is None else moment.tz_convert(_zone_called(*zone))


def _write_timedelta(span: pd.Timedelta) -> list[Any]:
    return [str(span.asm8.astype(np.int64)), span.unit]


def _read_timedelta(written: list[Any]) -> pd.Timedelta:
    count, unit = written
    return pd.Timedelta(np.timedelta64(int(count), unit))


# By exact type, since most of these are subclasses of another one: the tag, what is written, and how it is read.
_TYPES: dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    int: ("int", hex, lambda text: int(text, 16)),
    float: ("float", float.hex, float.fromhex),
    bytes: ("bytes", bytes.hex, bytes.fromhex),
    Decimal: ("decimal", str, Decimal),
    date: ("date", date.isoformat, date.fromisoformat),
    time: ("time", _write_time, time.fromisoformat),
    datetime: ("datetime", _write_datetime, _read_datetime),
    timedelta: (
        "timedelta",
        lambda span: [span.days, span.seconds, span.microseconds],
        lambda parts: timedelta(*parts),
    ),
    pd.Timestamp: ("timestamp", _write_timestamp, _read_timestamp),
    pd.Timedelta: ("pandas_timedelta", _write_timedelta, _read_timedelta),
    type(pd.NA): ("na", lambda _gap: None, lambda _nothing: pd.NA),
    type(pd.NaT): ("nat", lambda _gap: None, lambda _nothing: pd.NaT),
    np.str_: ("numpy_text", str, np.str_),
}
_READERS = {tag: read for tag, _, read in _TYPES.values()}


def to_cell(value: Any) -> Any:
    """A value as JSON: itself where JSON knows its type, else a mapping of its type's tag to what is written.

    Raises:
        TypeError: it is of none of the types that tables hold, such as a list, or in a zone without a name.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if (kind is int and abs(value) <= _LARGEST_PLAIN) or (kind is float and math.isfinite(value)):
        return value
    if kind in _TYPES:
        tag, write, _ = _TYPES[kind]
        return {tag: write(value)}
    if isinstance(value, np.generic):
        return {"numpy": [value.dtype.str, value.tobytes().hex()]}
    msg = f"{kind.__name__} values"
    raise TypeError(msg)


def from_cell(cell: Any) -> Any:
    """The inverse of ``to_cell``."""
    if not isinstance(cell, dict):
        return cell
    ((tag, written),) = cell.items()
    if tag == "numpy":
        dtype, content = written
        return np.frombuffer(bytes.fromhex(content), dtype=dtype)[0]
    return _READERS[tag](written)
