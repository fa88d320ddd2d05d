"""A table as an Arrow file and a description in JSON: what is read is what was written, types and all.

Arrow holds columns of one type. Columns of objects and of texts, which may mix types, hold several kinds
of missing values, or be stored by pandas in several ways, stand cell by cell in the description; so do the
names of categories, whose codes then stand in the file. (Parquet turns categories that are numbers into
numbers, and times in seconds into times in milliseconds.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from interp_pipeline.errors import DataError
from interp_pipeline.handover.cells import from_cell, to_cell
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["read_table_file", "write_table_file"]

_INDEX = "index"  # what its column is called in the file; the others are called by their positions


def write_table_file(path: Path, frame: pd.DataFrame, what: str) -> dict[str, Any]:
    """Write a table.

    Args:
        path: where to.
        frame: columns of any names and types that hold single values, under an index of one level.
        what: what it is called in messages.

    Returns:
        What ``read_table_file`` has to be told beside the file, as JSON types.

    Raises:
        DataError: a column holds what cannot be handed to another process unchanged.
        OSError: the file cannot be written.
    """
    index = frame.index
    columns = {str(i): frame.iloc[:, i].reset_index(drop=True) for i in range(frame.shape[1])}
    if not isinstance(index, pd.RangeIndex):
        columns[_INDEX] = _as_series(index)
    labels = {_INDEX: "the index", **{str(i): f"column {shown(name)}" for i, name in enumerate(frame.columns)}}
    described, parts = {}, {}
    for name, column in columns.items():
        try:
            described[name], part = _take_apart(column)
        except TypeError as error:
            msg = f"{what}: {labels[name]} holds {error}; a column must hold single values: numbers, texts, dates"
            raise DataError(msg) from error
        if part is not None:
            parts[name] = part
    changed = _write_arrow(path, parts)
    if changed is not None:
        msg = (
            f"{what}: {labels[changed]} is of the type {parts[changed].dtype}, which cannot be handed to another "
            "process unchanged; store it as numbers, texts, dates or categories"
        )
        raise DataError(msg)
    return {
        "columns": described,
        "names": _in_cells(_as_series(frame.columns)),
        "index_name": to_cell(index.name),
        "range": [index.start, index.stop, index.step] if isinstance(index, pd.RangeIndex) else None,
    }


def read_table_file(path: Path, description: Mapping[str, Any]) -> pd.DataFrame:
    """The table that ``write_table_file`` wrote; trusts both file and description.

    Args:
        path: the file.
        description: what writing it returned.

    Returns:
        An equal frame.
    """
    parts = _read_arrow(path)
    columns = {name: _put_together(each, parts.get(name)) for name, each in description["columns"].items()}
    counted = description["range"]
    index: pd.Index[Any] = pd.RangeIndex(*counted) if counted is not None else _as_index(columns.pop(_INDEX))
    index.name = from_cell(description["index_name"])
    frame = pd.DataFrame({name: column.set_axis(index) for name, column in columns.items()}, index=index)
    return frame.set_axis(_as_index(_of_cells(description["names"])), axis="columns")


def _as_index(column: pd.Series[Any]) -> pd.Index[Any]:
    index: pd.Index[Any] = pd.Index(column, dtype=column.dtype)  # said, else pandas makes texts of objects; below too
    return index


def _as_series(index: pd.Index[Any]) -> pd.Series[Any]:
    return pd.Series(index.array, dtype=index.dtype)


def _take_apart(column: pd.Series[Any]) -> tuple[dict[str, Any], pd.Series[Any] | None]:
    """What of a column stands in the description, and what in the file."""
    dtype: Any = column.dtype
    if _stands_in_cells(dtype):
        return _in_cells(column), None
    if isinstance(dtype, pd.CategoricalDtype) and _stands_in_cells(dtype.categories.dtype):
        names = _in_cells(_as_series(dtype.categories))
        return {"categories": names, "ordered": bool(dtype.ordered)}, column.cat.codes
    return {}, column


def _put_together(described: Mapping[str, Any], part: pd.Series[Any] | None) -> pd.Series[Any]:
    """The inverse of ``_take_apart``."""
    if "cells" in described:
        return _of_cells(described)
    if part is None:
        msg = "a column is neither in the file nor in the description"
        raise AssertionError(msg)
    if "categories" in described:
        names = _as_index(_of_cells(described["categories"]))
        return pd.Series(pd.Categorical.from_codes(part, dtype=pd.CategoricalDtype(names, described["ordered"])))
    return part


def _stands_in_cells(dtype: Any) -> bool:
    return isinstance(dtype, pd.StringDtype) or pd.api.types.is_object_dtype(dtype)


def _in_cells(column: pd.Series[Any]) -> dict[str, Any]:
    dtype: Any = column.dtype
    stored = [dtype.storage, to_cell(dtype.na_value)] if isinstance(dtype, pd.StringDtype) else None
    return {"cells": [to_cell(value) for value in column.to_numpy(dtype=object)], "stored": stored}


def _of_cells(described: Mapping[str, Any]) -> pd.Series[Any]:
    cells = [from_cell(cell) for cell in described["cells"]]
    stored = described["stored"]
    return pd.Series(
        cells, dtype=object if stored is None else pd.StringDtype(stored[0], na_value=from_cell(stored[1]))
    )


def _write_arrow(path: Path, parts: Mapping[str, pd.Series[Any]]) -> str | None:
    """Write columns of one type each; the name of one that Arrow does not give back as it was, if there is one."""
    import pyarrow as pa

    try:
        table = pa.Table.from_pandas(pd.DataFrame(parts), preserve_index=False)
        with path.open("wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        read = _read_arrow(path)
    except (pa.ArrowException, TypeError, ValueError):  # it refuses one of the types
        if len(parts) == 1:
            return next(iter(parts))
        return next(name for name, part in parts.items() if _write_arrow(path, {name: part}) is not None)
    return next((name for name, part in parts.items() if not _same(part, read[name])), None)


def _read_arrow(path: Path) -> dict[str, pd.Series[Any]]:
    import pyarrow as pa

    with path.open("rb") as file:
        frame = pa.ipc.open_file(file).read_all().to_pandas()
    return {str(name): frame[name] for name in frame.columns}


def _same(first: pd.Series[Any], second: pd.Series[Any]) -> bool:
    return first.dtype == second.dtype and first.equals(second)
