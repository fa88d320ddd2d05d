"""Raw rows as a matrix of numbers, by the rule each column was given when the model was trained.

A copy of this very file travels inside every registered model and is loaded there by its path, so
it imports nothing but the standard library, numpy and pandas, and raises ``ValueError`` only. What is
changed here changes the models to come: only what the rules are made of belongs here.

The rules, by the kind of a feature; a missing value (None, NaN, NaT or an empty text) is NaN in all
of them but the last:

* ``numeric``: the number itself.
* ``boolean``: 0 or 1; the texts true and false count, in any case.
* ``date``: days since 1970-01-01, hours as fractions; times with a zone are converted to UTC.
* ``category``: the position of the value's name among ``categories``. A value that is not listed
  gets the position of ``OTHER`` where that is the last category, else ``len(categories)``.
* ``unused``: 0.0 in every row; the column need not be there.
"""

from __future__ import annotations

import functools
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

__all__ = ["OTHER", "TypedRows", "days_since_epoch", "is_missing", "name_of", "named_codes"]

OTHER = "(other)"  # as the last of the categories: stands for every value that is not listed

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all times are brought to UTC and then lose their zone
_MICROSECOND = timedelta(microseconds=1)
_MICROSECONDS_PER_DAY = 86_400_000_000
_LARGEST_EXACT = 2**53  # up to here every whole number has a float of its own
_DECIMAL_COMMA = re.compile(r"\s*[-+]?[0-9][0-9.]*,[0-9]+\s*")
_TRUTH = {"true": 1.0, "false": 0.0}
_ISO_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


def _shown(value: object) -> str:
    """A value as it stands in a one-line message: quoted, escaped, at most 120 characters."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."  # noqa: PLR2004 - said in the line above


def name_of(value: Any) -> str:
    """The name a value has as a category or a class: 2.0 is ``2``, True is ``True``."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) <= _LARGEST_EXACT:
        return str(int(value))
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


def is_missing(column: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """Where a column has no value: None, NaN, NaT or an empty text, shape (n_rows,)."""
    missing = np.array(column.isna(), dtype=np.bool_)
    if pd.api.types.is_object_dtype(column.dtype):
        empty = [isinstance(value, str) and not value for value in column.to_numpy()]
        return missing | np.array(empty, dtype=np.bool_)
    if isinstance(column.dtype, pd.CategoricalDtype):
        empty_codes = [i for i, value in enumerate(column.cat.categories) if isinstance(value, str) and not value]
        return missing | np.isin(column.cat.codes.to_numpy(), empty_codes)
    if pd.api.types.is_string_dtype(column.dtype):
        return missing | np.asarray((column == "").to_numpy(dtype=object, na_value=False), dtype=np.bool_)
    return missing


def named_codes(column: pd.Series[Any]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """A column as positions in the list of its distinct names.

    Returns:
        Codes of shape (n_rows,), -1 where the value is missing, and the names they point into,
        each of which occurs; in order of appearance, except for pandas categoricals.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, distinct = column.cat.codes.to_numpy(dtype=np.int64), list(column.cat.categories)
    else:
        if pd.api.types.is_object_dtype(column.dtype) and pd.api.types.infer_dtype(column, skipna=True) not in {
            "string",
            "empty",
        }:
            # pandas takes 1, 1.0 and True for the same value; their names are not
            gaps = is_missing(column)
            names = [None if gap else name_of(value) for value, gap in zip(column.to_numpy(), gaps, strict=True)]
            column = pd.Series(names, dtype=object)
        codes, uniques = pd.factorize(column)
        distinct = list(uniques)
    position: dict[str, int] = {}
    present = set(np.unique(codes).tolist())
    # one entry more than there are values: numpy reads position -1 as the last one
    renumbered = np.full(len(distinct) + 1, -1, dtype=np.int64)
    for code, value in enumerate(distinct):
        name = name_of(value)
        if name and code in present:
            renumbered[code] = position.setdefault(name, len(position))
    return renumbered[codes], list(position)


def days_since_epoch(value: object) -> float | None:
    """One date as days since 1970-01-01; None if it is no date.

    Args:
        value: a date, a time or an ISO 8601 text such as ``2024-02-29`` or ``2024-02-29T12:30Z``.
    """
    if isinstance(value, str):
        if _ISO_DATE.fullmatch(value) is None:
            return None
        try:
            value = datetime.fromisoformat(value)
        except ValueError:  # looks like a date, but there is no such day
            return None
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime(warn=False)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a day has no zone
    if not isinstance(value, datetime):
        return None
    offset = value.utcoffset() or timedelta()
    since_epoch = value.replace(tzinfo=None) - _EPOCH - offset  # in this order nothing leaves the years 1 to 9999
    return (since_epoch // _MICROSECOND) / _MICROSECONDS_PER_DAY


class TypedRows:
    """Turns raw rows into numbers, the same way in training, in serving and in explaining."""

    def __init__(self, features: Sequence[Mapping[str, Any]]) -> None:
        """Take the rules.

        Args:
            features: one mapping per input column with ``name``, ``kind`` and ``categories``, as
                in ``Schema.to_dict()["features"]``; other keys are ignored.

        Raises:
            ValueError: a kind is not known to this file.
        """
        self.feature_names: tuple[str, ...] = tuple(str(feature["name"]) for feature in features)
        self.categories: dict[str, tuple[str, ...]] = {}
        self._kinds: dict[str, str] = {}
        for feature in features:
            name, kind = str(feature["name"]), str(feature["kind"])
            if kind != "unused" and kind not in _READERS:
                msg = f"column {_shown(name)} has the kind {_shown(kind)}; known are {', '.join([*_READERS, 'unused'])}"
                raise ValueError(msg)
            self._kinds[name] = kind
            if kind == "category":
                self.categories[name] = tuple(feature["categories"])

    def to_matrix(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Raw rows as numbers.

        Args:
            frame: raw rows; columns may stand in any order, and others beside them are ignored.

        Returns:
            Matrix of shape (n_rows, n_features), columns in the order of ``feature_names``. A row's
            numbers depend on that row alone.

        Raises:
            ValueError: columns are missing or there twice, or a value does not fit its column.
        """
        self._check_columns(frame)
        matrix = np.zeros((len(frame), len(self.feature_names)), dtype=np.float64)
        for position, name in enumerate(self.feature_names):
            kind = self._kinds[name]
            if kind != "unused":
                matrix[:, position] = _READERS[kind](frame[name], self.categories.get(name, ()))
        return matrix

    def unseen_as_missing(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """A matrix as a forest reads it: categories that are not listed are missing values.

        To trees, which split on order, their code would be the last category.
        """
        codes = [len(self.categories.get(name, ())) or np.nan for name in self.feature_names]
        return np.where(matrix == np.array(codes), np.nan, matrix)

    def _check_columns(self, frame: pd.DataFrame) -> None:
        wanted = [name for name in self.feature_names if self._kinds[name] != "unused"]
        there = set(frame.columns)
        missing = [name for name in wanted if name not in there]
        if missing:
            msg = f"missing columns: {', '.join(_shown(name) for name in missing)}; the model was trained on them"
            raise ValueError(msg)
        twice = set(frame.columns[frame.columns.duplicated()]) & set(wanted)
        if twice:
            msg = f"columns that occur more than once: {', '.join(_shown(name) for name in sorted(twice))}"
            raise ValueError(msg)


def _refuse(column: pd.Series[Any], position: int, value: object, expected: str) -> ValueError:
    row = column.index[position]
    return ValueError(f"column {_shown(column.name)}, row {row}: {_shown(value)} is not {expected}")


def _one_by_one(
    column: pd.Series[Any], convert: Callable[[Any], float | None], expected: str
) -> npt.NDArray[np.float64]:
    """Convert value by value; ``convert`` gives None for what does not fit."""
    result = np.full(len(column), np.nan)
    for position, (value, gap) in enumerate(zip(column.to_numpy(dtype=object), is_missing(column), strict=True)):
        if gap:
            continue
        number = convert(value)
        if number is None:
            raise _refuse(column, position, value, expected)
        result[position] = number
    return result


def _is_number_dtype(dtype: Any) -> bool:
    return (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)) and not (
        isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_complex_dtype(dtype)
    )


def _number(value: Any) -> float | None:
    if not isinstance(value, (int, float, np.number, np.bool_, Decimal)) or isinstance(value, np.complexfloating):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number beyond 1.8e308
        return None


def _numeric(column: pd.Series[Any], _categories: tuple[str, ...]) -> npt.NDArray[np.float64]:
    expected = "a finite number, and this column holds numbers"
    if _is_number_dtype(column.dtype):
        result = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        try:
            result = _one_by_one(column, _number, expected)
        except ValueError:
            position, value = _odd_one(column)
            if _DECIMAL_COMMA.fullmatch(str(value)):
                expected = "a number: write it with a point, 1.5 instead of 1,5"
            raise _refuse(column, position, value, expected) from None
    infinite = np.flatnonzero(np.isinf(result))
    if len(infinite):
        expected = "a finite number: leave the cell empty where the value is not known, or give the largest there is"
        raise _refuse(column, int(infinite[0]), float(result[infinite[0]]), expected)
    return np.asarray(result, dtype=np.float64)


def _odd_one(column: pd.Series[Any]) -> tuple[int, object]:
    """Position and value of what makes a column no numbers.

    A single text in a file turns all numbers of its column into texts, so a text that reads as a number
    is blamed only where all of them do.
    """
    values = zip(column.to_numpy(dtype=object), is_missing(column), strict=True)
    odd = [(i, value) for i, (value, gap) in enumerate(values) if not gap and _number(value) is None]
    return next((each for each in odd if not _reads_as_number(each[1])), odd[0])


def _reads_as_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _truth(value: Any) -> float | None:
    if isinstance(value, str):
        return _TRUTH.get(value.casefold())
    number = _number(value)
    return number if number in {0.0, 1.0} else None


def _boolean(column: pd.Series[Any], _categories: tuple[str, ...]) -> npt.NDArray[np.float64]:
    if pd.api.types.is_bool_dtype(column.dtype) and _is_number_dtype(column.dtype):
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    return _one_by_one(column, _truth, "true or false")


def _date(column: pd.Series[Any], _categories: tuple[str, ...]) -> npt.NDArray[np.float64]:
    if not str(column.dtype).startswith(("datetime64", "timestamp")):  # of numpy and pandas, of pyarrow
        texts = pd.api.types.infer_dtype(column, skipna=True) == "string"  # these repeat, and parsing is slow
        convert = functools.cache(days_since_epoch) if texts else days_since_epoch
        return _one_by_one(column, convert, "an ISO 8601 date such as 2024-02-29")
    zone = getattr(getattr(column.dtype, "pyarrow_dtype", column.dtype), "tz", None)
    if zone is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    moments = column.to_numpy(dtype="datetime64[us]", na_value=np.datetime64("NaT", "us"))
    days = moments.astype(np.int64) / _MICROSECONDS_PER_DAY
    days[np.isnat(moments)] = np.nan
    return np.asarray(days, dtype=np.float64)


def _category(column: pd.Series[Any], categories: tuple[str, ...]) -> npt.NDArray[np.float64]:
    codes, names = named_codes(column)
    not_listed = len(categories) - 1 if categories[-1:] == (OTHER,) else len(categories)
    code_of = {name: code for code, name in enumerate(categories)}
    # the entry at the end is what a missing value, position -1, is read as
    lookup = np.array([*(code_of.get(name, not_listed) for name in names), np.nan], dtype=np.float64)
    return lookup[codes]


_READERS: dict[str, Callable[[pd.Series[Any], tuple[str, ...]], npt.NDArray[np.float64]]] = {
    "numeric": _numeric,
    "boolean": _boolean,
    "date": _date,
    "category": _category,
}
