from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from interp_pipeline.data.parquet_source import read_parquet
from interp_pipeline.errors import DataError

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2024-01-01", None])})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    FRAME.to_parquet(path)
    pd.testing.assert_frame_equal(read_parquet(path, "t"), FRAME)


def test_a_named_index_is_a_column_and_an_unnamed_one_is_none(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    FRAME.set_index("b").to_parquet(path)
    assert list(read_parquet(path, "t").columns) == ["b", "a", "c"]
    FRAME.set_axis([7, 5]).to_parquet(path)
    pd.testing.assert_frame_equal(read_parquet(path, "t"), FRAME)


def test_names_of_folders_add_no_columns(tmp_path: Path) -> None:
    folder = tmp_path / "year=2024"
    folder.mkdir()
    FRAME.to_parquet(folder / "t.parquet")
    assert list(read_parquet(folder / "t.parquet", "t").columns) == ["a", "b", "c"]


def test_no_rows(tmp_path: Path) -> None:
    FRAME[:0].to_parquet(tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet", "t").shape == (0, 3)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"PAR1", b"PAR1 broken PAR1"])
def test_a_broken_file(tmp_path: Path, content: Any) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"^my\.parquet cannot be read as Parquet: [^\n]*; write it again$"):
        read_parquet(tmp_path / "t.parquet", "my.parquet")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").touch()
    with pytest.raises(DataError, match=r"^my\.parquet is empty"):
        read_parquet(tmp_path / "t.parquet", "my.parquet")


def test_columns_that_occur_twice(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    parquet.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(DataError, match="columns that occur more than once: 'a'; rename them"):
        read_parquet(tmp_path / "t.parquet", "my.parquet")
