"""Files whose names say something else than their content, and values no table can hold: what to do about each."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interp_pipeline.data.declared import DeclaredColumn, as_declared
from interp_pipeline.data.inference import infer_feature
from interp_pipeline.data.sources import read_table
from interp_pipeline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_CSV = b"a,b\n1,2\n"


def _zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("table.csv", _CSV)
    return content.getvalue()


def _parquet() -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("t.csv", gzip.compress(_CSV, mtime=0), "compressed with gzip: unpack it"),
        ("t.parquet", gzip.compress(_CSV, mtime=0), "compressed with gzip: unpack it"),
        ("t.csv", _zipped(), "a ZIP archive or an Excel workbook: unpack it"),
        ("t.csv", _parquet(), r"a Parquet file: let its name end in \.parquet"),
    ],
    ids=["gzip", "gzip called parquet", "ZIP", "Parquet"],  # a ZIP archive holds the time it was made at
)
def test_a_file_is_called_by_what_it_is(tmp_path: Path, file: str, content: bytes, says: str) -> None:
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=rf"{file} is, whatever its name says, {says}"):
        read_table(str(tmp_path / file))


def test_a_header_may_begin_as_other_files_do(tmp_path: Path) -> None:
    for name in ("PAR1", "BZh"):
        (tmp_path / "t.csv").write_text(f"{name},b\n1,2\n")
        assert list(read_table(str(tmp_path / "t.csv")).columns) == [name, "b"]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_a_date_beyond_what_python_counts_is_named_by_column_and_row(tmp_path: Path, kind: Any) -> None:
    days = pa.array([0, None, 10_000_000], pa.int32()).cast(pa.date32()).cast(kind)
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0], "when": days}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"t\.parquet: column 'when', row 2 cannot be read .* in the years 1 to 9999"):
        read_table(str(tmp_path / "t.parquet"))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["1.5", "2,25"], r"column 'a', row 7: '2,25' is not a number: write it with a point, 1\.5 instead of 1,5"),
        (["1.234,5", "3"], r"column 'a', row 3: '1\.234,5' is not a number: write it with a point"),
        ([1.0, np.inf], r"column 'a', row 7: inf is not a finite number: leave the cell empty"),
        (["red", "1,5"], r"column 'a', row 7: '1,5' is not a number|row 3: 'red' is not a finite number"),
    ],
)
def test_values_that_are_no_numbers_are_named_with_a_remedy(values: list[Any], says: str) -> None:
    rows = pd.DataFrame({"a": values}, index=[3, 7])
    with pytest.raises(DataError, match=rf"^my\.csv: {says}"):
        as_declared(rows, [DeclaredColumn(name="a", dtype="float64")], "my.csv")


def test_training_says_that_numbers_with_commas_are_read_as_names() -> None:
    feature = infer_feature(pd.Series(["1,5", "2,25", "1,5"], name="a"))
    assert feature.note == "numbers with a comma in them, such as '1,5', read as names; write them with a point"


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"),
        ("utf-32", "UTF-32"),
    ],
)
def test_an_encoding_of_several_bytes_is_named_with_what_changes_it(tmp_path: Path, encoding: str, named: str) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding=encoding)
    with pytest.raises(DataError, match=rf"t\.csv is written in {named}: save it .*: iconv -f {named} -t UTF-8"):
        read_table(str(tmp_path / "t.csv"))
