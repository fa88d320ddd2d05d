"""Rows in the types a signature declares: no value changes, and what would have to is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_pipeline.data.declared import DeclaredColumn, DeclaredTypes, as_declared, where_it_fits
from interp_pipeline.errors import DataError


def _one(values: Any, dtype: Any) -> pd.Series[Any]:
    values = values if isinstance(values, pd.Series) else pd.Series(values)
    frame = pd.DataFrame({"x": values, "beside": 0}).set_axis(range(10, 10 + len(values)))
    result = as_declared(frame, [DeclaredColumn(name="x", dtype=dtype)], "rows.csv")
    assert list(result.columns) == ["x"]
    assert list(result.index) == list(frame.index)
    return result["x"]


_EARLY = pd.Timestamp("1910-05-06T07:08:09")
_ARROW_TIMES = pd.ArrowDtype(pa.timestamp("us"))

READINGS = [
    ("whole as fractions", [1, 2], "float64", [1.0, 2.0], np.float64),
    ("fractions as whole", [1.0, 2.0], "int64", [1, 2], np.int64),
    ("small whole", [1, 2], "int32", [1, 2], np.int32),
    ("single precision", [0.1, 0.2], "float32", [np.float32(0.1), np.float32(0.2)], np.float32),
    ("gaps stay", [1, None], "float64", [1.0, np.nan], np.float64),
    ("truth", ["true", "False"], "boolean", [True, False], np.bool_),
    ("truth with gaps", [True, None], "boolean", [True, None], object),
    ("truth with a gap of another kind", pd.Series([True, np.nan], dtype=object), "boolean", [True, np.nan], object),
    ("truth of pandas", pd.array([True, None], dtype="boolean"), "boolean", [True, None], object),
    ("whole numbers of pandas", pd.array([2**60 + 1, 1], dtype="Int64"), "int64", [2**60 + 1, 1], np.int64),
    ("whole numbers as objects", pd.Series([2**60 + 1, 1.0], dtype=object), "int64", [2**60 + 1, 1], np.int64),
    ("texts", pd.Series(["a", None, ""], dtype=object), "text", ["a", None, ""], object),
    ("numbers beside texts", pd.Series(["a", 1], dtype=object), "text", ["a", 1], object),
    ("texts of pandas", pd.array(["a", None], dtype="string"), "text", ["a", None], "string"),
    ("texts of Arrow", pd.array(["a"], dtype=pd.ArrowDtype(pa.string())), "text", ["a"], object),
    ("texts that are all missing", [np.nan, np.nan], "text", [np.nan, np.nan], object),
    ("days", ["2024-02-29", None], "datetime", [pd.Timestamp("2024-02-29"), pd.NaT], "datetime64[ns]"),
    ("days of Python", pd.Series([date(2024, 2, 29)]), "datetime", [pd.Timestamp("2024-02-29")], "datetime64[ns]"),
    ("eleven o'clock", pd.to_datetime(["2025-01-01 11:00"]), "datetime", [pd.Timestamp("2025-01-01 11")], "M8[ns]"),
    ("a nanosecond", ["2025-01-01T11:00:00.000000001"], "datetime", [pd.Timestamp(1735729200000000001)], "M8[ns]"),
    ("seconds before 1970", np.array(["1910-05-06T07:08:09"], "M8[s]"), "datetime", [_EARLY], "M8[ns]"),
    ("times of Arrow", pd.array([_EARLY, None], dtype=_ARROW_TIMES), "datetime", [_EARLY, pd.NaT], "M8[ns]"),
    ("bytes", pd.Series([b"a", None], dtype=object), "binary", [b"a", None], object),
    ("anything", ["a", 1], "any", ["a", 1], object),
]


@pytest.mark.parametrize(
    ("values", "dtype", "expected", "kind"), [c[1:] for c in READINGS], ids=[c[0] for c in READINGS]
)
def test_values_come_over_as_they_are(values: Any, dtype: Any, expected: Any, kind: Any) -> None:
    found = _one(values, dtype)
    assert found.dtype == kind
    pd.testing.assert_series_equal(found, pd.Series(expected, index=found.index, name="x", dtype=kind))
    assert [value is None for value in found] == [value is None and kind is object for value in expected]


def test_categoricals_stay_for_models_that_learned_from_their_codes() -> None:
    column = pd.Series(["a", "b"], dtype="category")
    frame = pd.DataFrame({"x": column})
    assert as_declared(frame, [DeclaredColumn(name="x", dtype="text")], "rows")["x"].dtype == column.dtype


REFUSED = [
    (
        "a gap in whole numbers",
        [1, None],
        "int64",
        "row 11: nan is missing, where the model's signature declares whole",
    ),
    ("a fraction", [1.0, 1.5], "int64", "row 11: 1.5 is not whole"),
    ("too large", [1, 2**31], "int32", "row 11: 2147483648 is outside the int32"),
    ("a text", [1, "much"], "float64", "row 11: 'much' is not a finite number"),
    ("no truth value", [1, 2], "boolean", "row 11: 2 is not true or false"),
    ("no day", ["2024-02-29", "soon"], "datetime", "row 11: 'soon' is not an ISO 8601 date"),
    (
        "a gap in pandas' whole numbers",
        pd.array([1, None], dtype="Int64"),
        "int64",
        "whole numbers (MLflow refuses it too); log the model with a signature that declares the column as double",
    ),
    ("a number that fractions skip", [2.0**53 + 2, 1.5e16], "int64", "row 10: 9007199254740994.0 is a fraction, too"),
    ("one that a double skips", [1, 2**53 + 1], "float64", "row 11: 9007199254740993 is a whole number that float64"),
    ("one that a float skips", [1, 2**24 + 1], "float32", "row 11: 16777217 is a whole number that float32"),
    ("beyond a float", [1.0, 1e300], "float32", "row 11: 1e+300 is too large for float32"),
    ("a number as text", [1234, 5], "text", "row 10: 1234 is no text (int64), where the model's signature declares t"),
    ("a zone", pd.to_datetime(["2025-01-01"]).tz_localize("UTC"), "datetime", "is in a time zone, where the model's s"),
    ("a zone in a text", ["2025-01-01", "2025-01-01T10:00Z"], "datetime", "row 11: '2025-01-01T10:00Z' is in a time"),
    ("a zone of Python", [datetime(2025, 1, 1, tzinfo=UTC), None], "datetime", "is in a time zone"),
    ("the far future", np.array(["2025-01-01", "2500-01-01"], "M8[s]"), "datetime", "row 11: Timestamp('2500-01-01 00"),
    ("the far past", ["2025-01-01", "0400-01-01"], "datetime", "row 11: '0400-01-01' is outside the years 1677 to"),
    ("half a nanosecond", ["2025-01-01T11:00:00.0000000005"], "datetime", "is not an ISO 8601 date"),
    ("a whole number as a day", [2024, 2025], "datetime", "row 10: 2024 is not an ISO 8601 date"),
    ("texts as bytes", ["a", "b"], "binary", "row 10: 'a' is no bytes"),
]


@pytest.mark.parametrize(("values", "dtype", "says"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_would_have_to_change_is_refused_with_its_row(values: Any, dtype: Any, says: str) -> None:
    with pytest.raises(DataError) as caught:
        _one(values, dtype)
    assert str(caught.value).startswith("rows.csv: column 'x', ")
    assert says in str(caught.value)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_no_whole_number_loses_a_digit(numbers: list[int]) -> None:
    assert _one(np.array(numbers, dtype=np.int64), "int64").tolist() == numbers


def test_what_fits_only_in_part_is_left_as_it_is() -> None:
    frame = pd.DataFrame({"n": [1.0, np.nan], "m": [1.0, 2.0], "t": ["2024-02-29", "soon"]})
    declared = DeclaredTypes(by_name={"n": "int64", "t": "datetime"}, others="float32")
    assert where_it_fits(frame, declared).dtypes.astype(str).tolist() == ["float64", "float32", str(frame["t"].dtype)]
