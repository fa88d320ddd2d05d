"""Numbers and cell values as a reader wants to see them, for tables, plots and reports alike."""

from __future__ import annotations

import datetime as dt
import math
import numbers

import pandas as pd

__all__ = ["GROUP_FROM", "MISSING", "POWERS_FROM", "number", "share", "signed", "value_text"]

MISSING = "missing"

# Large numbers are written in one way everywhere, in full: 20,912,346, never as 20.9 million.
GROUP_FROM = 10_000  # below it no thousands separator, so that years stay years
POWERS_FROM = 1e15  # from here on, and below _POWERS_BELOW, powers of ten
_POWERS_BELOW = 1e-4


def number(value: float, digits: int = 3) -> str:
    """A number with ``digits`` significant digits; digits before the point are never rounded away.

    Args:
        value: any number; NaN reads ``missing``.
        digits: significant digits of a fraction.

    Returns:
        ``0.0123``, ``35.2``, ``1994``, ``12,346``, ``1.2e-7``, ``infinite``.
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= POWERS_FROM or size < _POWERS_BELOW:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{_trim(mantissa)}e{int(exponent)}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    text = f"{value:,.{decimals}f}" if size >= GROUP_FROM else f"{value:.{decimals}f}"
    return _trim(text)


def _trim(text: str) -> str:
    """Without zeros at the end of a fraction."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def signed(value: float, digits: int = 3) -> str:
    """A number that always shows its sign, except zero: ``+0.12``."""
    return f"+{number(value, digits)}" if value > 0 else number(value, digits)


def share(part: float, whole: float) -> str:
    """``part`` of ``whole`` in percent: ``76 %``; ``0 %`` of nothing."""
    if whole == 0:
        return "0 %"
    percent = 100 * part / whole
    edge = 0 < percent < 1 or 99 < percent < 100  # noqa: PLR2004 - where rounding would claim none or all
    return f"{percent:.1f} %" if edge else f"{percent:.0f} %"


def value_text(value: object, digits: int = 4) -> str:  # noqa: PLR0911 - one return per kind of value
    """One cell of the user's data as text.

    Args:
        value: a scalar as pandas holds it.
        digits: significant digits of fractions; whole numbers are written in full.

    Returns:
        Text without a unit; missing values of every sort read ``missing``, an empty string
        ``(empty)``, a time at midnight as its date alone.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return MISSING
    if isinstance(value, str):
        return value or "(empty)"
    if _is_bool(value):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):  # pandas' Timestamp is one
        is_exact = not (value.second or value.microsecond or getattr(value, "nanosecond", 0))
        return value.isoformat(sep=" ", timespec="minutes" if is_exact else "auto").removesuffix(" 00:00")
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}" if abs(int(value)) >= GROUP_FROM else str(int(value))
    if isinstance(value, numbers.Real):
        return number(float(value), digits)
    return str(value)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or type(value).__name__ in {"bool_", "bool"}
