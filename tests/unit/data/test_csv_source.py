from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.data.csv_source import read_csv
from interp_pipeline.data.declared import DeclaredTypes
from interp_pipeline.errors import DataError


def read(tmp_path: Path, content: str | bytes, **declared: Any) -> pd.DataFrame:
    path = tmp_path / "stored under another name.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path, "my.csv", DeclaredTypes(by_name=declared))


def test_types_are_inferred(tmp_path: Path) -> None:
    frame = read(tmp_path, "a,b,c,d,e\n1,1.5,x,True,2024-01-01\n2,,y,False,\n")
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].tolist()[0] == 1.5
    assert frame["c"].tolist() == ["x", "y"]
    assert frame["d"].dtype == bool
    assert frame.isna().to_numpy().tolist() == [[False] * 5, [False, True, False, False, True]]
    assert frame.index.equals(pd.RangeIndex(2))


@pytest.mark.parametrize(
    ("content", "columns", "first"),
    [
        (b"\xef\xbb\xbfa,b\n1,2\n", ["a", "b"], [1, 2]),
        (b"a,b\r\n1,2\r\n", ["a", "b"], [1, 2]),
        (b"a,b\r1,2\r", ["a", "b"], [1, 2]),
        (b"\n\na,b\n\n1,2\n\n", ["a", "b"], [1, 2]),
        (b"a,b\n1,2", ["a", "b"], [1, 2]),
        ('"a\nb","say ""x"""\n"line 1\nline 2","c,d"\n', ["a\nb", 'say "x"'], ["line 1\nline 2", "c,d"]),
        ("Größe in m², ü,<script>,$x\n1,2,3,4\n", ["Größe in m²", " ü", "<script>", "$x"], [1, 2, 3, 4]),
        ("a,a.1\n1,2\n", ["a", "a.1"], [1, 2]),
        ("a\n1\n", ["a"], [1]),
    ],
)
def test_ways_to_write_the_same_thing(tmp_path: Path, content: Any, columns: Any, first: Any) -> None:
    frame = read(tmp_path, content)
    assert list(frame.columns) == columns
    assert frame.iloc[0].tolist() == first


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.random(5000) * 10.0 ** rng.integers(-30, 30, 5000)
    content = "x\n" + "\n".join(repr(float(number)) for number in numbers)
    np.testing.assert_array_equal(read(tmp_path, content)["x"], numbers)


def test_large_whole_numbers_and_mixed_columns(tmp_path: Path) -> None:
    frame = read(tmp_path, f"big,mixed\n{2**63},1\n{10**25},x\n")
    assert [int(value) for value in frame["big"]] == [2**63, 10**25]  # texts before pandas 3
    assert frame["mixed"].tolist() == ["1", "x"]


def test_a_header_only_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n").shape == (0, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "my.csv is empty: a header and rows are needed"),
        ("\n\n", "my.csv is empty"),
        ("a,b\n1,2\n1,2,3\n", "my.csv, line 3: 3 values where the header has 2 columns; .* quotation marks"),
        ("a,b\n1,2\n3\n", "my.csv, line 3: 1 values where the header has 2 columns"),
        ("a,b\n1,2,\n3,4,\n", "my.csv, line 2: 3 values"),
        ('a,b\n"x\ny",2\n1,2,3\n', "line 4: 3 values"),
        ("a,b,a\n1,2,3\n", "columns that occur more than once: 'a'; rename them"),
        (",b\n1,2\n", "column 1 has no name in the header; name it, or leave it out if it counts the rows"),
        ("a, \n1,2\n", "column 2 has no name"),
        ("a;b\n1;2\n", "my.csv is separated by semicolons: save it with commas"),
        ("a\tb\n1\t2\n", "separated by tabs"),
        ('a,b\n1,"2\n', "my.csv cannot be read as CSV: .*is a quotation mark not closed"),
        (
            'a,b\n1,"' + "x" * 2**18 + "\n",
            "field larger .*is a quotation mark not closed",
        ),
        (
            "a,b\n1,2\n".encode("utf-16"),
            "my.csv is written in UTF-16: save it with the encoding UTF-8, .* iconv -f UTF-16 -t",
        ),
        ("a,b\n1,2\n".encode("utf-16-le"), "my.csv is written in UTF-16LE: save it with the encoding UTF-8"),
        ("a,b\n1,Köln\n".encode("latin-1"), r"byte 7 is 0xf6 \(line 2\); save it with the encoding UTF-8, .*iconv"),
        (b"a,b\0\n1,2\n", "my.csv is no UTF-8 text: its header holds zero bytes"),
        (b"\xef\xbb\xbfa\n\xff", r"byte 5 is 0xff \(line 2\)"),
        (b"a\n\xe2\x82", r"byte 2 is 0xe2 \(line 2\)"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, content: Any, message: Any) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n_before", [2**20 - 2, 2**20 - 1, 2**20, 3 * 2**20 + 17])
def test_the_bad_byte_is_found_beyond_the_first_block(tmp_path: Path, n_before: Any) -> None:
    whole = ("ü" * 9 + "\n").encode() * (n_before // 19 + 1)
    content = b"a\n" + whole[: n_before // 19 * 19] + b"x" * (n_before % 19) + b"\xe9\n"
    with pytest.raises(DataError, match=rf"byte {n_before + 2} is 0xe9 \(line {n_before // 19 + 2}\)"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    "cell", ["01234", "1234", "NA", "null", "None", "True", "1e5", "nan", " ", " a ", "-0", "1.50"]
)
def test_a_declared_text_is_the_cell_as_it_stands(tmp_path: Path, cell: str) -> None:
    found = read(tmp_path, f'x,y\n{cell},1\n"{cell}",2\n', x="text")
    assert found["x"].tolist() == [cell, cell]
    assert found["y"].tolist() == [1, 2]
    assert found["x"].dtype == pd.Series(["a"]).dtype


def test_only_an_empty_cell_of_a_declared_text_is_missing(tmp_path: Path) -> None:
    found = read(tmp_path, 'x,y\n,1\n"",2\n"say ""hi"", now",3\n', x="text")["x"]
    assert found.isna().tolist() == [True, True, False]
    assert found[2] == 'say "hi", now'
    assert read(tmp_path, "x,y\n,1\n,2\n", x="text")["x"].isna().all()


def test_a_column_may_be_called_as_anything(tmp_path: Path) -> None:
    assert read(tmp_path, "self,index\n01,1\n", self="text").loc[0].tolist() == ["01", 1]


READ_AS = [
    ("int64", ["9007199254740993", "1"], [2**53 + 1, 1], "int64"),
    ("int64", ["1.0", "1e3"], [1, 1000], "int64"),
    ("float64", ["1", "NA"], [1.0, np.nan], "float64"),
    ("float32", ["0.1", "1"], [np.float32(0.1), np.float32(1)], "float32"),
    ("boolean", ["TRUE", "false"], [True, False], "bool"),
    ("boolean", ["1", "0"], [True, False], "bool"),
    ("boolean", ["true", ""], [True, None], "object"),
    (
        "datetime",
        ["2025-01-01T11:00:00.000000001", ""],
        [pd.Timestamp("2025-01-01T11:00:00.000000001"), pd.NaT],
        "datetime64[ns]",
    ),
    ("binary", ["AAE=", ""], [b"\0\1", None], "object"),
    ("name", ["01", "NA"], ["01", np.nan], "str"),
    ("int64", ["1", ""], [1.0, np.nan], "float64"),  # does not fit: as pandas reads it, for others to refuse
    ("datetime", ["2025-01-01", "soon"], ["2025-01-01", "soon"], "str"),
    ("binary", ["AAE=", "?"], [b"\0\1", "?"], "object"),
]


@pytest.mark.parametrize(("declared", "cells", "expected", "dtype"), READ_AS)
def test_cells_are_read_as_what_is_declared(
    tmp_path: Path, declared: str, cells: list[str], expected: list[Any], dtype: str
) -> None:
    found = read(tmp_path, "x,y\n" + "".join(f"{cell},0\n" for cell in cells), x=declared)["x"]
    wanted = pd.Series(["a"]).dtype if dtype == "str" else dtype
    pd.testing.assert_series_equal(found, pd.Series(expected, name="x", dtype=wanted), check_exact=True)
