"""Read one Parquet file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from interp_pipeline.data.file_kind import require_kind
from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.errors import DataError
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

__all__ = ["read_parquet"]


def read_parquet(path: Path, name: str) -> pd.DataFrame:
    """Read a Parquet file.

    Args:
        path: the file.
        name: what the user calls it, for messages.

    Returns:
        All rows, none if there are none; an index that pandas stored under a name is a column, and
        the index counts from 0.

    Raises:
        DataError: the file is empty, no Parquet, or has two columns of one name.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    if path.stat().st_size == 0:
        msg = f"{name} is empty: a Parquet file with rows is needed"
        raise DataError(msg)
    require_kind(path, name, parquet=True)
    try:
        # not read_table: that adds columns it finds in the names of the folders above
        with ParquetFile(path) as file:
            twice = [column for column, count in Counter(file.schema_arrow.names).items() if count > 1]
            if twice:
                listed = ", ".join(shown(column) for column in twice)
                msg = f"{name}: columns that occur more than once: {listed}; rename them"
                raise DataError(msg)
            table = file.read()
            frame: pd.DataFrame = table.to_pandas()
    except (pa.ArrowException, OSError) as error:
        msg = f"{name} cannot be read as Parquet: {' '.join(str(error).split())}; write it again"
        raise DataError(msg) from error
    except (ValueError, OverflowError) as error:
        raise _unreadable(table, name, error) from error
    named = [level for level in frame.index.names if level is not None]
    if named and not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index(level=named)
    # pandas writes down that the columns of an array were called 0, 1, 2; the file itself has texts
    return frame.reset_index(drop=True).set_axis([name_of(label) for label in frame.columns], axis="columns")


def _unreadable(table: pa.Table, name: str, error: Exception) -> DataError:
    """Find the value that Python cannot hold; only done for files that cannot be read."""
    for column in table.column_names:
        for row, value in enumerate(table.column(column)):
            try:
                value.as_py()
            except (ValueError, OverflowError) as why:
                return DataError(
                    f"{name}: column {shown(column)}, row {row} cannot be read ({why}): dates must lie in the years 1 "
                    "to 9999; correct it, or leave it empty where the date is not known"
                )
    return DataError(f"{name} cannot be read as Parquet: {error}; write it again")
