"""Rows reach the process that explains them as they were: types, categories, gaps, names, row ids."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from harness.handover import require_same_table
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.errors import DataError
from interp_pipeline.handover.cells import from_cell, to_cell
from interp_pipeline.handover.table import read_table_file, write_table_file

if TYPE_CHECKING:
    from pathlib import Path

_OBJECTS = [
    *(1, 1.0, True, "1", None, float("nan"), float("inf"), -0.0, 2**53, -(2**53) - 1, 10**4200, 5e-324),
    *(pd.NA, pd.NaT, np.float32(2.5), np.float64("nan"), np.int64(3), np.bool_(1), np.str_("x"), np.str_("")),
    *(b"\0\xff", b"", "", "\0", "\ud800", "\N{RIGHT-TO-LEFT OVERRIDE}a", "x" * 10_000, Decimal("1.10"), Decimal("NaN")),
    *(dt.date(2020, 2, 29), dt.time(1, 2, 3, 4), dt.timedelta(days=-1, microseconds=7)),
    *(dt.datetime(2020, 1, 2, 3, 4, 5, 6), dt.datetime(2020, 1, 2, tzinfo=dt.UTC)),  # noqa: DTZ001
    *(pd.Timestamp("2020-01-02T03:04:05.123456789"), pd.Timestamp("2020-01-02", tz="UTC"), pd.Timedelta("1s 5ns")),
    pd.Timestamp("2020-01-02").as_unit("s"),
    pd.Timedelta("-1s").as_unit("ms"),
    *(dt.datetime(2020, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold) for fold in (0, 1)),
    *(pd.Timestamp(1603585800 + 3600 * i, unit="s", tz="Europe/Berlin") for i in (0, 1)),  # an hour that is twice
    pd.Timestamp("1880-01-01", tz="Europe/Berlin"),
    dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
    np.datetime64("2020-01-01T00", "h"),
    np.datetime64("NaT", "us"),
]
_GAPS = {"Int64", "UInt8", "Float64", "boolean", "int64[pyarrow]", "str", "string", "string[python]", "datetime64[s]"}


def _arrive(tmp_path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    described = write_table_file(tmp_path / "rows.arrow", frame, "the given rows")
    return read_table_file(tmp_path / "rows.arrow", json.loads(json.dumps(described)))


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, dt.datetime | pd.Timedelta) and one is not pd.NaT:
        times = isinstance(one, pd.Timestamp | pd.Timedelta)
        if (times and one.unit != other.unit) or str(getattr(one, "tzinfo", "")) != str(getattr(other, "tzinfo", "")):
            return False
        if getattr(one, "fold", 0) != getattr(other, "fold", 0):
            return False
    if isinstance(one, np.datetime64) and np.isnat(one):
        return bool(np.isnat(other)) and one.dtype == other.dtype
    same = one is other or isinstance(one, Decimal) or bool(one == other)
    return same and str(one) == str(other)  # -0.0 is not 0.0, and 1.10 is not 1.1


@pytest.mark.parametrize("value", _OBJECTS, ids=lambda value: f"{type(value).__name__} {str(value)[:20]!r}")
def test_a_value_arrives_as_what_it_was(value: Any) -> None:
    found = from_cell(json.loads(json.dumps(to_cell(value))))
    assert type(found) is type(value)
    assert _is_same(found, value)


_CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters()),
    st.binary(),
    st.decimals(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.timedeltas(),
)


@given(
    st.lists(_CELLS, min_size=1, max_size=5), st.lists(st.text(st.characters()), min_size=1, max_size=4, unique=True)
)
@settings(deadline=None, max_examples=60)
def test_columns_of_anything_arrive(
    tmp_path_factory: pytest.TempPathFactory, cells: list[Any], names: list[str]
) -> None:
    frame = pd.DataFrame({i: pd.Series(cells, dtype=object) for i in range(len(names))})
    frame.columns = pd.Index(names, dtype=object)
    found = _arrive(tmp_path_factory.mktemp("table"), frame)
    assert list(found.columns) == names
    assert len(found) == len(cells)
    for column in found.to_dict("series").values():
        assert [type(value) for value in column] == [type(value) for value in cells]
        assert all(map(_is_same, column, cells))


_NUMBERS = ["bool", "int8", "uint64", "int32", "float16", "float32", "float64", "double[pyarrow]", "Float32", *_GAPS]


@pytest.mark.parametrize("dtype", sorted({*_NUMBERS, "datetime64[ns]", "timedelta64[us]", "category"}))
def test_columns_of_one_type_arrive(tmp_path: Path, dtype: str) -> None:
    values = pd.Series([1, 0, 1], dtype="int64").astype(dtype)
    if dtype in _GAPS:
        values = pd.concat([values, pd.Series([None], dtype=dtype)], ignore_index=True)
    frame = pd.DataFrame({"a": values, "b": values.iloc[::-1].reset_index(drop=True)})
    found = _arrive(tmp_path, frame)
    require_same_table(found, frame)
    assert found["a"].dtype == values.dtype  # on pandas 2 texts are objects


@pytest.mark.parametrize(
    "categories",
    [
        pd.Index(["c", "b", "a"]),
        pd.Index(["c", "b", "a"], dtype=object),
        pd.Index([5, 3, 1]),
        pd.Index([2.5, 0.5]),
        pd.Index([True, False]),
        pd.Index([1, 1.5, "1"], dtype=object),
        pd.Index([dt.date(2020, 1, 1), "never"], dtype=object),
        pd.Index([], dtype=object),
    ],
    ids=lambda index: f"{index.dtype} {len(index)}",
)
@pytest.mark.parametrize("ordered", [False, True])
def test_categories_arrive_in_their_order_with_those_nobody_has(
    tmp_path: Path, categories: pd.Index[Any], *, ordered: bool
) -> None:
    codes = [-1, *range(len(categories) - 1), -1]
    column = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories, ordered))
    frame = pd.DataFrame({"a": column})
    require_same_table(_arrive(tmp_path, frame), frame)


def test_numbers_keep_their_last_bit(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    frame = pd.DataFrame({"a": [*numbers, np.inf, -np.inf, -0.0, 5e-324, np.nan]})
    found = _arrive(tmp_path, frame)["a"].to_numpy()
    assert found.tobytes() == frame["a"].to_numpy().tobytes()


@pytest.mark.filterwarnings("ignore:Series.values returning an ndarray that drops timezone")  # pyarrow on pandas 3.1
def test_times_keep_their_zone(tmp_path: Path) -> None:
    times = pd.Series(pd.to_datetime(["2020-06-01 10:00", None])).dt.tz_localize("Europe/Berlin")
    frame = pd.DataFrame({"a": times, "b": times.astype("datetime64[ns, UTC]")})
    require_same_table(_arrive(tmp_path, frame), frame)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(3),
        pd.RangeIndex(7, 1, -2),
        pd.Index([30, 10, 20]),
        pd.Index([3, 1, 2], dtype="uint8", name="row_id"),
        pd.Index(["x", "y", "z"], name="who"),
        pd.Index(["x", 1, None], dtype=object),
    ],
    ids=repr,
)
def test_row_ids_arrive(tmp_path: Path, index: pd.Index[Any]) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": ["x", "y", None]}, index=index)
    found = _arrive(tmp_path, frame)
    require_same_table(found, frame)
    assert type(found.index) is type(index)


def test_rows_without_a_column_in_the_file_keep_their_number(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", "y"]}, dtype=object)
    require_same_table(_arrive(tmp_path, frame), frame)
    require_same_table(_arrive(tmp_path, frame[[]]), frame[[]])


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pd.Series([[1], [2]]), "column 'a' holds list values; a column must hold single values"),
        (pd.Series([{}, 1], dtype=object), "column 'a' holds dict values"),
        (pd.Series([np.zeros(2), 1], dtype=object), "column 'a' holds ndarray values"),
        (pd.Series([1j]), "column 'a' is of the type complex128, which cannot be handed to another process unchanged"),
        (pd.Series(pd.arrays.SparseArray([0, 1])), r"column 'a' is of the type Sparse\[int64, 0\]"),
        (
            pd.Series([dt.time(1, tzinfo=ZoneInfo("Asia/Tokyo"))]),
            "column 'a' holds times in a zone of the type Zone",
        ),
        (pd.cut(pd.Series([1.0, 2.0]), 2), "column 'a' is of the type category"),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_what_cannot_arrive_is_refused_by_name(tmp_path: Path, column: Any, says: str) -> None:
    with pytest.raises(DataError, match=f"^the given rows: {says}"):
        _arrive(tmp_path, pd.DataFrame({"before": [1.0, 2.0][: len(column)], "a": column}))
