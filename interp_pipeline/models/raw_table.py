"""Raw rows as a matrix of numbers, and back again: what a model that reads tables is masked with.

Whole, fractional and truth values are themselves. Everything else (texts, categories, dates, mixed
objects, whole numbers that a double cannot hold) is the position of the value in a codebook, which
holds every value of the explained rows and of the background: a masked row mixes only these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from interp_pipeline.errors import DataError
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

    from interp_pipeline.explanation import FloatArray

__all__ = ["RawTable"]

_LARGEST_EXACT = 2**53  # up to here every whole number has a double of its own


class _Column(Protocol):
    """One column of the table, both ways."""

    categories: tuple[str, ...] | None  # names by code; None where the numbers speak for themselves

    def numbers(self, column: pd.Series[Any]) -> FloatArray:
        """The column as numbers, missing as NaN, shape (n_rows,)."""

    def values(self, numbers: FloatArray) -> Any:
        """Those numbers as the column's own values and type, length n_rows."""


class RawTable:
    """The reversible matrix of some columns.

    Attributes:
        feature_names: the columns, in the order of the matrix.
        categories: names by code, for columns that hold codes or truth values.
        dtypes: type of each column as it is given back.
    """

    def __init__(
        self,
        feature_names: Sequence[str],
        rows: pd.DataFrame,
        background: pd.DataFrame,
        coded: Collection[str] = (),
        typed: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
    ) -> None:
        """Read the columns of both tables.

        Args:
            feature_names: the columns to keep.
            rows: rows to be explained, with these columns and perhaps others.
            background: likewise.
            coded: columns of numbers that stand for names, so that numbers between two of them mean nothing.
            typed: gives raw rows the types in which the model knows them.

        Raises:
            DataError: a table lacks a column or has it twice, or a column holds lists or mappings.
        """
        self.feature_names = tuple(feature_names)
        for what, table in (("rows to explain", rows), ("background data", background)):
            _require_columns(table, self.feature_names, what)
        self._typed = typed
        rows, background = typed(rows), typed(background)
        self._columns: dict[str, _Column] = {}
        self.dtypes: dict[str, Any] = {}
        for name in self.feature_names:
            both = _joined(rows[name], background[name])
            self._columns[name] = _Codes(both) if name in coded or not _is_number(both) else _Numbers(both)
            self.dtypes[name] = both.dtype

    @property
    def categories(self) -> Mapping[str, tuple[str, ...]]:
        """Names by code."""
        return {name: column.categories for name, column in self._columns.items() if column.categories is not None}

    def is_number(self, name: str) -> bool:
        """Whether the matrix holds the column's own numbers, not codes."""
        return isinstance(self._columns[name], _Numbers)

    def to_matrix(self, rows: pd.DataFrame) -> FloatArray:
        """Raw rows as numbers, missing as NaN, shape (n_rows, n_features).

        Raises:
            DataError: a column is missing, or holds a value that is not in its codebook.
        """
        _require_columns(rows, self.feature_names, "rows")
        rows = self._typed(rows)
        matrix = np.empty((len(rows), len(self.feature_names)))
        for position, (name, column) in enumerate(self._columns.items()):
            matrix[:, position] = column.numbers(rows[name])
        return matrix

    def to_frame(self, matrix: FloatArray) -> pd.DataFrame:
        """Rows with the columns' own values and types; the inverse of ``to_matrix``.

        Numbers between two whole ones, which LIME draws, are rounded where the column is whole.

        Args:
            matrix: shape (n_rows, n_features), codes as ``to_matrix`` gives them.
        """
        columns = {name: column.values(matrix[:, i]) for i, (name, column) in enumerate(self._columns.items())}
        return pd.DataFrame(columns, index=pd.RangeIndex(len(matrix)), columns=list(self.feature_names))


def _require_columns(table: pd.DataFrame, names: Sequence[str], what: str) -> None:
    for name in names:
        count = int((table.columns == name).sum())
        if count != 1:
            problem = "lack the column" if count == 0 else "have more than one column"
            msg = f"the {what} {problem} {shown(name)}; the model reads {len(names)} columns"
            raise DataError(msg)


def _joined(rows: pd.Series[Any], background: pd.Series[Any]) -> pd.Series[Any]:
    """Both tables' values of a column under one type: that of the rows to explain, where it can hold them all."""
    parts = [rows, background]
    if rows.dtype != background.dtype:
        if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
            known = rows.cat.categories
            others = background.cat.categories.difference(known, sort=False)
            own = pd.CategoricalDtype(known.append(others), rows.cat.ordered)
            parts = [part.astype(own) for part in parts]
        elif not (all(map(_is_number, parts)) or _are_times_of_one_zone(parts)):
            parts = [part.astype(object) for part in parts]  # else pandas may make of one kind of values another
    elif isinstance(rows.dtype, pd.CategoricalDtype):  # the same to pandas where their order is another one
        parts = [part.cat.set_categories(rows.cat.categories) for part in parts]
    return pd.concat(parts, ignore_index=True)


def _are_times_of_one_zone(parts: Sequence[pd.Series[Any]]) -> bool:
    """Whether columns of times differ in their unit alone, the finer of which holds all of them."""
    dtypes: list[Any] = [part.dtype for part in parts]
    if not all(isinstance(dtype, (np.dtype, pd.DatetimeTZDtype)) and dtype.kind == "M" for dtype in dtypes):
        return False
    if len({str(getattr(dtype, "tz", None)) for dtype in dtypes}) > 1:
        return False
    try:
        pd.concat(parts)
    except pd.errors.OutOfBoundsDatetime:
        return False
    return True


def _is_number(column: pd.Series[Any]) -> bool:
    """Whether doubles hold all values of a column."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iu":
        present = column.dropna()
        return present.empty or max(abs(int(present.min())), abs(int(present.max()))) <= _LARGEST_EXACT
    return kind in "bf"


class _Numbers:
    """A column of numbers or truth values."""

    def __init__(self, column: pd.Series[Any]) -> None:
        self._dtype: Any = column.dtype
        self.categories: tuple[str, ...] | None = ("False", "True") if self._dtype.kind == "b" else None

    def numbers(self, column: pd.Series[Any]) -> FloatArray:
        try:
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            msg = f"column {shown(column.name)} holds a value that is not a number ({error}); correct it"
            raise DataError(msg) from error

    def values(self, numbers: FloatArray) -> Any:
        missing = np.isnan(numbers)
        if self._dtype.kind in "biu":
            numbers = np.rint(numbers)
        if not missing.any() or (self._dtype.kind == "f" and isinstance(self._dtype, np.dtype)):
            return pd.Series(numbers).astype(self._dtype)
        if isinstance(self._dtype, np.dtype):  # whole numbers of numpy know no missing ones
            return pd.Series(numbers)
        column = pd.Series(np.where(missing, 0.0, numbers)).astype(self._dtype)
        column[missing] = pd.NA
        return column


class _Codes:
    """A column of anything else, by its codebook."""

    def __init__(self, column: pd.Series[Any]) -> None:
        positions: dict[Hashable, int] = {}  # of a value's first occurrence
        for position, value in enumerate(column):
            positions.setdefault(_key(value, column.name), position)
        kinds = [key for key in positions if isinstance(key, _Missing)]
        self._missing = kinds[0] if kinds else None  # NaN in the matrix; further kinds have codes of their own
        keys = [key for key in positions if key != self._missing]
        self._codes: dict[Hashable, float] = {key: float(code) for code, key in enumerate(keys)}
        self.categories: tuple[str, ...] | None = tuple(
            str(key[1]) if isinstance(key, tuple) else str(key) for key in keys
        )
        if self._missing is not None:
            self._codes[self._missing] = np.nan
            keys.append(self._missing)  # the last of the pool
        self._pool = column.iloc[[positions[key] for key in keys]].array

    def numbers(self, column: pd.Series[Any]) -> FloatArray:
        keys = [_key(value, column.name) for value in column]
        unknown = next((i for i, key in enumerate(keys) if key not in self._codes), None)
        if unknown is not None:
            msg = (
                f"column {shown(column.name)}, row {column.index[unknown]}: {shown(column.iloc[unknown])} is neither "
                "in the explained rows nor in the background the model was prepared with; prepare it with this row"
            )
            raise DataError(msg)
        return np.array([self._codes[key] for key in keys], dtype=np.float64)

    def values(self, numbers: FloatArray) -> Any:
        missing = np.isnan(numbers)
        if missing.any() and self._missing is None:
            msg = "a row to be asked about lacks a value in a column that is complete in the explained rows"
            raise DataError(msg)
        positions = np.where(missing, len(self._pool) - 1, numbers).astype(np.intp)
        return pd.Series(self._pool.take(positions), dtype=self._pool.dtype)


class _Missing(str):
    """Key of one kind of missing value; prints as that kind."""

    __slots__ = ()


def _key(value: Any, column: Hashable) -> Hashable:
    """What tells values of a column apart: 1, 1.0, True and "1" are four of them, and noon in two zones is two."""
    try:
        hash(value)
    except TypeError as error:
        msg = f"column {shown(column)} holds {type(value).__name__} values; a column must hold single values"
        raise DataError(msg) from error
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN
        kind = type(value)
        return _Missing(f"missing ({value})" if kind.__module__ != "numpy" else f"missing ({kind.__name__} {value})")
    return type(value), value, None if isinstance(value, str) else repr(value)
