"""Rows in the types a signature declares: no value changes, and what would have to is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_pipeline.data.declared import DeclaredColumn, as_declared
from interp_pipeline.errors import DataError


def _one(values: Any, dtype: Any) -> pd.Series[Any]:
    frame = pd.DataFrame({"x": values, "beside": 0}, index=range(10, 10 + len(values)))
    result = as_declared(frame, [DeclaredColumn(name="x", dtype=dtype)], "rows.csv")
    assert list(result.columns) == ["x"]
    assert list(result.index) == list(frame.index)
    return result["x"]


READINGS = [
    ("whole as fractions", [1, 2], "float64", [1.0, 2.0], np.float64),
    ("fractions as whole", [1.0, 2.0], "int64", [1, 2], np.int64),
    ("small whole", [1, 2], "int32", [1, 2], np.int32),
    ("single precision", [0.1, 0.2], "float32", [np.float32(0.1), np.float32(0.2)], np.float32),
    ("gaps stay", [1, None], "float64", [1.0, np.nan], np.float64),
    ("truth", ["true", "False"], "boolean", [True, False], np.bool_),
    ("truth with gaps", [True, None], "boolean", [True, None], object),
    ("numbers as texts", [1, 2], "text", ["1", "2"], object),
    ("texts", ["a", None], "text", ["a", np.nan], object),
    ("days", ["2024-02-29", None], "datetime", [pd.Timestamp("2024-02-29"), pd.NaT], "datetime64[ns]"),
    ("anything", ["a", 1], "any", ["a", 1], object),
]


@pytest.mark.parametrize(
    ("values", "dtype", "expected", "kind"), [c[1:] for c in READINGS], ids=[c[0] for c in READINGS]
)
def test_values_come_over_as_they_are(values: Any, dtype: Any, expected: Any, kind: Any) -> None:
    found = _one(values, dtype)
    assert found.dtype == kind
    pd.testing.assert_series_equal(found, pd.Series(expected, index=found.index, name="x", dtype=kind))


def test_categoricals_stay_for_models_that_learned_from_their_codes() -> None:
    column = pd.Series(["a", "b"], dtype="category")
    assert isinstance(_one(column.to_numpy(), "text").dtype, np.dtype)
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
