"""Single values of a table as JSON and back, each as what it was: 1, 1.0, True and "1" stay four values."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["from_cell", "to_cell"]

_LARGEST_PLAIN = 2**53  # whole numbers up to here are written as digits, larger ones in base 16, which has no limit

# By exact type, since most of these are subclasses of another one: the tag, what is written, and how it is read.
_TYPES: dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    int: ("int", hex, lambda text: int(text, 16)),
    float: ("float", float.hex, float.fromhex),
    bytes: ("bytes", bytes.hex, bytes.fromhex),
    Decimal: ("decimal", str, Decimal),
    date: ("date", date.isoformat, date.fromisoformat),
    time: ("time", time.isoformat, time.fromisoformat),
    datetime: ("datetime", datetime.isoformat, datetime.fromisoformat),
    timedelta: (
        "timedelta",
        lambda span: [span.days, span.seconds, span.microseconds],
        lambda parts: timedelta(*parts),
    ),
    pd.Timestamp: ("timestamp", pd.Timestamp.isoformat, pd.Timestamp),
    pd.Timedelta: ("pandas_timedelta", pd.Timedelta.isoformat, pd.Timedelta),
    type(pd.NA): ("na", lambda _gap: None, lambda _nothing: pd.NA),
    type(pd.NaT): ("nat", lambda _gap: None, lambda _nothing: pd.NaT),
    np.str_: ("numpy_text", str, np.str_),
}
_READERS = {tag: read for tag, _, read in _TYPES.values()}


def to_cell(value: Any) -> Any:
    """A value as JSON: itself where JSON knows its type, else a mapping of its type's tag to what is written.

    Times with a zone keep their offset, not the name of the zone.

    Raises:
        TypeError: it is of none of the types that tables hold, such as a list.
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
