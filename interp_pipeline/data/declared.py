"""Rows as a model says it takes them: the types its signature declares, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
import pandas as pd

from interp_pipeline.data.typed_rows import TypedRows, name_of, shown
from interp_pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["DeclaredColumn", "DeclaredType", "as_declared"]

DeclaredType: TypeAlias = Literal["int32", "int64", "float32", "float64", "boolean", "datetime", "text", "any"]


@dataclass(frozen=True, kw_only=True)
class DeclaredColumn:
    """One input column of a signature."""

    name: str
    dtype: DeclaredType


def as_declared(rows: pd.DataFrame, columns: Sequence[DeclaredColumn], source: str) -> pd.DataFrame:
    """Bring rows into the declared columns, order and types, without changing any value.

    A file knows less about types than a model does: whole numbers stand in it for fractions, and a text
    column without letters reads as numbers. What cannot be brought over without loss is refused.

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
        msg = f"{source}: {error}; correct it, or give other rows"
        raise DataError(msg) from error
    return pd.DataFrame(typed, index=rows.index, columns=[column.name for column in columns])


def _fraction(column: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    numbers = TypedRows([{"name": column.name, "kind": "numeric"}]).to_matrix(column.to_frame())[:, 0]
    return pd.Series(numbers.astype(dtype), index=column.index)


def _whole(column: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    limits = np.iinfo(dtype)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
        numbers = column.to_numpy()
    else:
        numbers = _fraction(column, "float64").to_numpy()
        _refuse(column, np.isnan(numbers), "missing, where the model's signature declares whole numbers")
        _refuse(column, numbers != np.floor(numbers), "not whole, as the model's signature declares it")
    _refuse(column, (numbers < limits.min) | (numbers > limits.max), f"outside the {dtype} that the signature declares")
    return pd.Series(numbers.astype(dtype), index=column.index)


def _refuse(column: pd.Series[Any], wrong: np.ndarray[Any, Any], why: str) -> None:
    found = np.flatnonzero(wrong)
    if len(found):
        value = column.iloc[int(found[0])]
        plain = value.item() if isinstance(value, np.generic) else value
        msg = f"column {shown(column.name)}, row {column.index[found[0]]}: {shown(plain)} is {why}"
        raise ValueError(msg)


def _truth(column: pd.Series[Any], _dtype: str) -> pd.Series[Any]:
    numbers = TypedRows([{"name": column.name, "kind": "boolean"}]).to_matrix(column.to_frame())[:, 0]
    gone = np.isnan(numbers)
    if gone.any():  # numpy's truth values know no gap
        return pd.Series([None if gap else bool(n) for n, gap in zip(numbers, gone, strict=True)], column.index, object)
    return pd.Series(numbers.astype(np.bool_), index=column.index)


def _moment(column: pd.Series[Any], _dtype: str) -> pd.Series[Any]:
    days = TypedRows([{"name": column.name, "kind": "date"}]).to_matrix(column.to_frame())[:, 0]
    return cast(
        "pd.Series[Any]", pd.to_datetime(pd.Series(days, index=column.index), unit="D").astype("datetime64[ns]")
    )


def _text(column: pd.Series[Any], _dtype: str) -> pd.Series[Any]:
    """Texts; categoricals stay what they are, for models that learned from their codes."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    names = [
        np.nan if gap else name_of(value)
        for value, gap in zip(column.to_numpy(dtype=object), column.isna(), strict=True)
    ]
    return pd.Series(names, index=column.index, dtype=object)


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
    "any": _unchanged,
}
