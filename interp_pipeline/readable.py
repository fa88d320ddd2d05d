"""Numbers and cell values as a reader wants to see them, for tables, plots and reports alike."""

from __future__ import annotations

import datetime as dt
import math
import numbers
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "MISSING",
    "POWERS_FROM",
    "are_years",
    "count",
    "level_number",
    "number",
    "says_year",
    "share",
    "signed",
    "value_text",
    "years_in",
]

MISSING = "missing"

# Large numbers are written in one way everywhere, in full: 20,912,346, never as 20.9 million.
# Thousands are set apart, 5,912 as 15,895, but for years: numbers of the user's data that might be some, see are_years.
POWERS_FROM = 1e15  # from here on, and below _POWERS_BELOW, powers of ten
_POWERS_BELOW = 1e-4
_YEARS = (1000, 2999)
_RECENT = (1900, 2099)
_ENOUGH_YEARS = 5  # numbers that all might be years and hardly are so by chance
_SAYS_YEAR = re.compile(r"(?i)(?<!per )(?<!per_)(year|jahr|ann[ée]e|año)(?!ly|lich)")
_NUMERIC = {"integer", "floating", "mixed-integer-float", "decimal"}


def are_years(numbers: npt.ArrayLike) -> bool:
    """Whether numbers that stand beside each other might be years: whole, and all of them from 1000 to 2999.

    Args:
        numbers: any shape; NaN and infinite ones say nothing.
    """
    values = np.asarray(numbers, dtype=np.float64)
    known = values[np.isfinite(values)]
    return bool(known.size and np.all((known >= _YEARS[0]) & (known <= _YEARS[1]) & (known == np.floor(known))))


def years_in(column: pd.Series) -> bool:
    """Whether a column of the user's data might hold years: what ``value_text`` wants to know of its values.

    A few numbers between 1000 and 2999 may be amounts as well. A single one is a year only where the column's name says
    so, up to four where it does or all of them are of 1900 to 2099.
    """
    if pd.api.types.infer_dtype(column, skipna=True) not in _NUMERIC:
        return False
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if not are_years(values):
        return False
    known = values[np.isfinite(values)]
    recent = known.size > 1 and bool(((known >= _RECENT[0]) & (known <= _RECENT[1])).all())
    return known.size >= _ENOUGH_YEARS or recent or says_year(str(column.name))


def says_year(name: str) -> bool:
    """Whether a name says that numbers are years: ``year_built``, not ``yearly_income`` or ``income_per_year``."""
    return _SAYS_YEAR.search(name) is not None


def level_number(amount: float, unit: str, digits: int = 3) -> str:
    """A prediction, which is a fraction: that of a year, by the unit's name, is not set apart as ``1,994``."""
    return number(amount, digits, year=says_year(unit) and _YEARS[0] <= amount <= _YEARS[1])


def count(amount: int, thing: str, plural: str | None = None) -> str:
    """``1 row``, ``12,000 rows``, ``2 classes``, ``3 categories``."""
    ending = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}es" if thing.endswith("ss") else f"{thing}s"
    return f"{amount:,} {thing if amount == 1 else plural or ending}"


def number(value: float, digits: int = 3, *, year: bool = False) -> str:
    """A number with ``digits`` significant digits; digits before the point are never rounded away.

    Args:
        value: any number; NaN reads ``missing``.
        digits: significant digits of a fraction.
        year: whether it might be one, and is to be read as one.

    Returns:
        ``0.0123``, ``35.2``, ``5,912`` (``1994`` as a year), ``12,346``, ``1.2e-7``, ``infinite``.
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
    return _trim(f"{value:.{decimals}f}" if year else f"{value:,.{decimals}f}")


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


def value_text(value: object, digits: int = 4, *, year: bool | None = None) -> str:  # noqa: PLR0911 - one return per kind of value
    """One cell of the user's data as text.

    Args:
        value: a scalar as pandas holds it.
        digits: significant digits of fractions; whole numbers are written in full.
        year: whether its column might hold years (``years_in``); None: whether it might be one by itself.

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
        whole = int(value)
        return str(whole) if (_might_be_year(whole) if year is None else year) else f"{whole:,}"
    if isinstance(value, numbers.Real):
        real = float(value)
        return number(real, digits, year=_might_be_year(real) if year is None else year)
    return str(value)


def _might_be_year(value: float) -> bool:
    return _YEARS[0] <= value <= _YEARS[1] and value == int(value)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or type(value).__name__ in {"bool_", "bool"}
