"""Rows as a model says it takes them: the types its signature declares, column by column.

A type says which values a column holds, and a conversion changes none of them: where MLflow itself converts a
column, the result is what MLflow's own would be, and what only another value could stand for is refused.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from interp_pipeline.data.typed_rows import TypedRows, days_since_epoch, is_missing
from interp_pipeline.errors import DataError
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    import numpy.typing as npt

__all__ = ["DeclaredColumn", "DeclaredType", "DeclaredTypes", "as_declared", "where_it_fits"]

DeclaredType: TypeAlias = Literal[
    "int32", "int64", "float32", "float64", "boolean", "datetime", "text", "binary", "name", "any"
]
"""``name`` is declared by models trained here alone, for categories: a text, but for pandas' words for missing."""

_LARGEST_EXACT = 2**53  # up to here every whole number has a float of its own
_MOST_DIGITS = 9  # behind the point of a second: nanoseconds
_TRUTH_VALUES = (bool, np.bool_)
_REMEDY = "correct it, or give other rows"


@dataclass(frozen=True, kw_only=True)
class DeclaredColumn:
    """One input column of a signature."""

    name: str
    dtype: DeclaredType
    label: Hashable = None  # what the model calls it, where that is no text: the columns of an array are 0, 1, 2
    required: bool = True  # False: MLflow serves rows without it


@dataclass(frozen=True, kw_only=True)
class DeclaredTypes:
    """Which type each column of a table has, as far as somebody says so."""

    by_name: Mapping[str, DeclaredType] = field(default_factory=dict)
    others: DeclaredType = "any"  # of all columns that are not named

    def of(self, name: str) -> DeclaredType:
        """The type of a column."""
        return self.by_name.get(name, self.others)


class _UnfitError(ValueError):
    """A value that does not fit its column; says which, and what to do."""


def as_declared(rows: pd.DataFrame, columns: Sequence[DeclaredColumn], source: str) -> pd.DataFrame:
    """Bring rows into the declared columns, order and types, without changing any value.

    Args:
        rows: has all declared columns, and maybe others.
        columns: what the model declares.
        source: where the rows came from, for messages.

    Returns:
        A frame of exactly these columns under the same index, shape (n_rows, n_columns).

    Raises:
        DataError: a value does not fit its column's type; the message names row and value.
    """
    try:
        typed = {column.name: _CONVERT[column.dtype](rows[column.name], column.dtype) for column in columns}
    except ValueError as error:
        remedy = "" if isinstance(error, _UnfitError) else f"; {_REMEDY}"
        msg = f"{source}: {error}{remedy}"
        raise DataError(msg) from error
    return pd.DataFrame(typed, index=rows.index, columns=[column.name for column in columns])


def where_it_fits(rows: pd.DataFrame, declared: DeclaredTypes) -> pd.DataFrame:
    """Rows with the declared type in every column all of whose values fit it; the other columns as they are."""
    typed: dict[str, pd.Series[Any]] = {}
    for name in rows.columns:
        try:
            typed[name] = _CONVERT[declared.of(name)](rows[name], declared.of(name))
        except ValueError:  # whoever needs one of these values says so: it may stand in a row nobody asks about
            typed[name] = rows[name]
    return pd.DataFrame(typed, index=rows.index, columns=rows.columns)


def _fraction(column: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    numbers = _numeric(column)
    with np.errstate(over="ignore"):
        held = numbers.astype(dtype)
    _refuse(column, np.isinf(held), f"too large for {dtype}, which the model's signature declares")
    for position in np.flatnonzero(np.abs(numbers) > 2 ** np.finfo(held.dtype).nmant):
        value = column.iloc[int(position)]
        if isinstance(value, (int, np.integer)) and int(held[position]) != int(value):
            only = np.arange(len(column)) == position
            _refuse(column, only, f"a whole number that {dtype}, which the model's signature declares, cannot hold")
    return pd.Series(held, index=column.index)


def _whole(column: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    _refuse(
        column,
        is_missing(column),
        "missing, where the model's signature declares whole numbers (MLflow refuses it too)",
        f"log the model with a signature that declares the column as double, "
        f"such as ColSpec('double', {str(column.name)!r}), or give other rows",
    )
    kind, limits = getattr(column.dtype, "kind", "O"), np.iinfo(dtype)
    numbers: npt.NDArray[Any]
    if kind in "iu":
        numbers = column.to_numpy(dtype=np.uint64 if kind == "u" else np.int64)
    else:
        fractions = _numeric(column)
        _refuse(column, fractions != np.floor(fractions), "not whole, as the model's signature declares it")
        lost = [isinstance(value, float) and abs(value) > _LARGEST_EXACT for value in column]
        _refuse(column, np.array(lost), "a fraction, too coarse for numbers of its size", "store whole numbers")
        numbers = np.array([int(value) for value in column], dtype=object)
    _refuse(column, (numbers < limits.min) | (numbers > limits.max), f"outside the {dtype} that the signature declares")
    return pd.Series(numbers.astype(dtype), index=column.index)


def _numeric(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """A column as fractions, which refuses texts and infinite numbers."""
    return TypedRows([{"name": column.name, "kind": "numeric"}]).to_matrix(column.to_frame())[:, 0]


def _refuse(column: pd.Series[Any], wrong: npt.NDArray[Any], why: str, remedy: str = _REMEDY) -> None:
    found = np.flatnonzero(wrong)
    if len(found):
        value = column.iloc[int(found[0])]
        plain = value.item() if isinstance(value, (np.number, np.bool_)) else value
        msg = f"column {shown(column.name)}, row {column.index[found[0]]}: {shown(plain)} is {why}; {remedy}"
        raise _UnfitError(msg)


def _truth(column: pd.Series[Any], _dtype: str) -> pd.Series[Any]:
    gone = is_missing(column)
    cells = column.to_numpy(dtype=object)
    if all(gap or isinstance(cell, _TRUTH_VALUES) for cell, gap in zip(cells, gone, strict=True)):
        if not gone.any():
            return column.astype(np.bool_)
        if pd.api.types.is_object_dtype(column.dtype):
            return column
    numbers = TypedRows([{"name": column.name, "kind": "boolean"}]).to_matrix(column.to_frame())[:, 0]
    if gone.any():  # numpy's truth values know no gap
        return pd.Series([None if gap else bool(n) for n, gap in zip(numbers, gone, strict=True)], column.index, object)
    return pd.Series(numbers.astype(np.bool_), index=column.index)


def _moment(column: pd.Series[Any], _dtype: str) -> pd.Series[Any]:
    """Times to the nanosecond, as MLflow gives them: never by way of a number of days."""
    moments: Any = column
    if getattr(column.dtype, "kind", "O") == "M" and _zone(column.dtype) is None:
        unit = getattr(getattr(column.dtype, "pyarrow_dtype", None), "unit", None)
        if unit is not None:
            moments = moments.astype(f"datetime64[{unit}]")
        beyond = (moments < pd.Timestamp.min).to_numpy() | (moments > pd.Timestamp.max).to_numpy()
    else:
        texts = pd.api.types.infer_dtype(column, skipna=True) == "string"  # these repeat, and parsing is slow
        read = functools.cache(_timestamp) if texts else _timestamp
        cells = column.to_numpy(dtype=object)
        stamps: list[Any] = [pd.NaT if gap else read(cell) for cell, gap in zip(cells, is_missing(column), strict=True)]
        _refuse(column, np.array([stamp is None for stamp in stamps]), "not an ISO 8601 date such as 2024-02-29")
        _refuse(
            column,
            np.array([stamp.tzinfo is not None for stamp in stamps]),
            "in a time zone, where the model's signature declares times without one (MLflow refuses it too)",
            "convert the column to the zone the model was trained on, and give it without: .dt.tz_localize(None)",
        )
        beyond = np.array([not (pd.isna(stamp) or pd.Timestamp.min <= stamp <= pd.Timestamp.max) for stamp in stamps])
        moments = pd.Series(stamps, index=column.index, dtype=object)
    _refuse(
        column,
        beyond,
        f"outside the years {pd.Timestamp.min.year} to {pd.Timestamp.max.year} of a time in a signature "
        "(MLflow refuses it too)",
        "log the model without a signature, or give other rows",
    )
    exact: pd.Series[Any] = moments.astype("datetime64[ns]")
    return exact


def _zone(dtype: Any) -> Any:
    return getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)


def _timestamp(value: Any) -> pd.Timestamp | None:
    """A date, time or ISO 8601 text to the nanosecond; None for anything else."""
    if isinstance(value, str):
        digits = value.replace(",", ".").partition(".")[2].rstrip("Z").partition("+")[0].partition("-")[0]
        if days_since_epoch(value) is None or len(digits) > _MOST_DIGITS:
            return None
        return pd.Timestamp(value.replace(",", "."))
    return pd.Timestamp(value) if isinstance(value, (date, np.datetime64)) else None


def _text(column: pd.Series[Any], _dtype: str) -> pd.Series[Any]:
    """Texts, and what stands for a missing one, as they are.

    Categoricals stay what they are, for models that learned from their codes.
    """
    dtype: Any = column.dtype
    if isinstance(dtype, (pd.StringDtype, pd.CategoricalDtype)) or pd.api.types.is_object_dtype(dtype):
        return column
    if getattr(dtype, "kind", "O") == "U":  # Arrow's own texts
        return column.astype(np.dtype("U"))  # as MLflow does it
    _refuse(
        column,
        ~is_missing(column),
        f"no text ({dtype}), where the model's signature declares texts (MLflow refuses it too)",
        "give the column as the texts the model was trained on: a number has lost its leading zeros, for one",
    )
    return column.astype(object)


def _bytes(column: pd.Series[Any], _dtype: str) -> pd.Series[Any]:
    cells = column.to_numpy(dtype=object)
    other = [not gap and not isinstance(cell, bytes) for cell, gap in zip(cells, is_missing(column), strict=True)]
    _refuse(
        column,
        np.array(other),
        "no bytes, as the model's signature declares them",
        "give bytes, or base64 in a CSV file",
    )
    return column if pd.api.types.is_object_dtype(column.dtype) else column.astype(object)


def _unchanged(column: pd.Series[Any], _dtype: str) -> pd.Series[Any]:
    return column


_CONVERT: dict[DeclaredType, Callable[[pd.Series[Any], str], pd.Series[Any]]] = {
    "int32": _whole,
    "int64": _whole,
    "float32": _fraction,
    "float64": _fraction,
    "boolean": _truth,
    "datetime": _moment,
    "text": _text,
    "binary": _bytes,
    "name": _unchanged,
    "any": _unchanged,
}
