"""A table is measured before it is read: as it lies there, and as it will be in memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.data.sources import read_table
from interp_pipeline.data.table_size import unpacked_bytes
from interp_pipeline.errors import SourceRefusedError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_and_a_folder_are_measured_whole(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x\n" + "1\n" * 100)
    size = (tmp_path / "a.csv").stat().st_size
    assert len(read_table(str(tmp_path / "a.csv"), max_bytes=size)) == 100
    with pytest.raises(SourceRefusedError, match=r"b\.csv is larger than .*raise max_table_gb in \[sources\]"):
        read_table(str(tmp_path / "b.csv"), max_bytes=size - 1)
    with pytest.raises(SourceRefusedError, match="is larger than"):
        read_table(str(tmp_path), max_bytes=2 * size - 1)


def test_a_small_file_of_many_equal_rows_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "equal.parquet"
    pd.DataFrame({"x": np.zeros(1_000_000)}).to_parquet(path)
    assert path.stat().st_size < 100_000
    assert unpacked_bytes(path) >= 8_000_000
    assert unpacked_bytes(io.BytesIO(path.read_bytes())) == unpacked_bytes(path)
    with pytest.raises(SourceRefusedError, match="or becomes so in memory"):
        read_table(str(path), max_bytes=1_000_000)
    assert len(read_table(str(path), max_bytes=10_000_000)) == 1_000_000


def test_what_is_no_parquet_is_left_to_its_reader(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"no parquet")
    assert unpacked_bytes(tmp_path / "t.parquet") == 0
