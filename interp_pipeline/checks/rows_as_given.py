"""Is the model asked about the rows that were given? One model, two forms of the rows: its answers must be equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Answer", "changed_columns", "column_to_blame", "first_difference"]

Answer: TypeAlias = Any
"""An array, series, frame or list with a line per row; or the exception that came instead of it."""

_TOLERANCE = 1e-5  # of the largest answer: several libraries compute in single precision
_MOST_ROWS = 20  # that columns are tried out on


def first_difference(one: Answer, other: Answer) -> int | None:
    """Position of the first row to which two answers of a model are not the same; None where they are equal.

    Numbers are the same up to 1e-5 of the largest; texts and labels have to be equal. An exception is the same as no
    answer, and answers of different shapes differ from the first row on.
    """
    if isinstance(one, Exception) or isinstance(other, Exception):
        return 0
    first, second = _table(one), _table(other)
    if first.shape != second.shape:
        return 0
    try:
        apart = _far_apart(first.astype(np.float64), second.astype(np.float64))
    except (TypeError, ValueError):
        cells = zip(first.ravel(), second.ravel(), strict=True)
        apart = np.array([not _is_same(a, b) for a, b in cells], dtype=np.bool_).reshape(first.shape)
    found = np.flatnonzero(apart.any(axis=1))
    return int(found[0]) if len(found) else None


def _table(answer: Answer) -> Any:
    if isinstance(answer, Mapping):  # of several outputs by name
        return np.concatenate([_table(part) for part in answer.values()], axis=1)
    cells = np.asarray(answer, dtype=object)
    return cells.reshape(len(cells), -1) if cells.ndim else cells.reshape(1, 1)


def _far_apart(first: Any, second: Any) -> Any:
    scale = np.abs(first[np.isfinite(first)]).max(initial=0.0)
    with np.errstate(invalid="ignore"):  # infinity minus infinity, which are the same
        near = np.abs(first - second) <= _TOLERANCE * scale
    return ~(near | (first == second) | (np.isnan(first) & np.isnan(second)))


def _is_same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    return bool(pd.isna(one) and pd.isna(other)) if pd.api.types.is_scalar(one) and pd.isna(one) else bool(one == other)


def changed_columns(given: pd.DataFrame, asked: pd.DataFrame) -> tuple[Hashable, ...]:
    """Columns whose type, or any of whose cells, is another in the second of two frames of the same columns."""
    return tuple(name for name in given.columns if not _is_unchanged(given[name], asked[name]))


def _is_unchanged(one: pd.Series[Any], other: pd.Series[Any]) -> bool:
    if one.dtype != other.dtype:
        return False
    if isinstance(one.dtype, pd.CategoricalDtype):  # equal to pandas in any order
        same = list(one.cat.categories) == list(other.cat.categories)
        return same and np.array_equal(one.cat.codes, other.cat.codes)
    if not pd.api.types.is_object_dtype(one.dtype):
        return one.reset_index(drop=True).equals(other.reset_index(drop=True))
    return all(a is b or (type(a) is type(b) and repr(a) == repr(b)) for a, b in zip(one, other, strict=True))


def column_to_blame(
    ask: Callable[[pd.DataFrame], Answer], given: pd.DataFrame, asked: pd.DataFrame, answer: Answer, row: int
) -> Hashable | None:
    """The first column whose exchange alone changes what the model answers; None where it takes several.

    Args:
        ask: the model: its answer, or the exception instead.
        given: the rows as they were given.
        asked: the same rows as the model is asked about them.
        answer: of the model to the given rows, which is not an exception.
        row: position of a row for which the two answers differ.
    """
    some = slice(row, row + _MOST_ROWS)
    before, after, expected = given.iloc[some], asked.iloc[some], _table(answer)[some]
    for name in changed_columns(before, after):
        exchanged = pd.DataFrame({each: (after if each == name else before)[each] for each in before.columns})
        if first_difference(expected, ask(exchanged)) is not None:
            return name
    return None
