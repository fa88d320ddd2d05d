from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.errors import DataError
from interp_pipeline.models.raw_table import RawTable

_MOMENTS = st.none() | st.datetimes(
    pd.Timestamp("1990-01-01").to_pydatetime(), pd.Timestamp("2040-01-01").to_pydatetime()
)
_KINDS: dict[str, tuple[st.SearchStrategy[Any], Any]] = {
    "int": (st.integers(-(2**53), 2**53), "int64"),
    "small": (st.integers(0, 255), "uint8"),
    "huge": (st.integers(-(2**63), 2**63 - 1), "int64"),
    "float": (st.floats(allow_infinity=True), "float64"),
    "single": (st.floats(width=32), "float32"),
    "bool": (st.booleans(), "bool"),
    "Int64": (st.none() | st.integers(-9, 9), "Int64"),
    "boolean": (st.none() | st.booleans(), "boolean"),
    "text": (st.none() | st.text(max_size=3), "str"),
    "string": (st.none() | st.text(max_size=3), "string"),
    "category": (st.none() | st.sampled_from("xyz"), pd.CategoricalDtype(list("zyxw"), ordered=True)),
    "numbered": (st.none() | st.sampled_from([10, 20]), pd.CategoricalDtype([20, 10, 30])),
    "moment": (_MOMENTS, "datetime64[us]"),
    "zoned": (_MOMENTS, "datetime64[us, UTC]"),
    "mixed": (st.sampled_from([None, float("nan"), pd.NA, pd.NaT, 1, 1.0, True, "1", decimal.Decimal(1)]), object),
}


@pytest.mark.parametrize("kind", _KINDS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_rows_come_back_as_they_were(kind: str, data: st.DataObject) -> None:
    values, dtype = _KINDS[kind]
    both = pd.DataFrame({"a": pd.Series(data.draw(st.lists(values, min_size=2, max_size=8)), dtype=dtype)})
    table = RawTable(["a"], both[:1], both[1:])
    back = table.to_frame(table.to_matrix(both))
    pd.testing.assert_frame_equal(back, both, check_exact=True)
    assert [type(value) for value in back["a"]] == [type(value) for value in both["a"]]
    missing = np.isnan(table.to_matrix(both)[:, 0])
    assert not (missing & both["a"].notna()).any()


def test_values_that_python_calls_equal_are_told_apart() -> None:
    both = pd.DataFrame({"a": pd.Series([1, 1.0, True, "1", None, float("nan")], dtype=object)})
    table = RawTable(["a"], both, both)
    codes = table.to_matrix(both)[:, 0]
    assert len(set(codes[:4])) == 4
    assert np.isnan(codes[4])  # the first kind of missing value
    assert codes[5] == 4  # the second has a code of its own
    assert table.categories == {"a": ("1", "1.0", "True", "1", "missing (nan)")}


def test_noon_in_two_zones_is_two_values() -> None:
    moment = pd.Timestamp("2025-06-01 12:00", tz="UTC")
    both = pd.DataFrame({"a": pd.Series([moment, moment.tz_convert("Europe/Berlin"), 0.0, -0.0], dtype=object)})
    table = RawTable(["a"], both, both)
    assert [str(value) for value in table.to_frame(table.to_matrix(both))["a"]] == [str(value) for value in both["a"]]


_MOMENT = np.array(["3000-01-01"], dtype="M8[s]")
MIXED = [
    ("units", pd.Series(_MOMENT).astype("M8[ms]"), pd.Series(_MOMENT), "datetime64[ms]"),
    (
        "units that no common one holds",
        pd.Series(_MOMENT),
        pd.Series(_MOMENT - np.timedelta64(400_000 * 86_400, "s")).astype("M8[ns]"),
        object,
    ),
    ("zones", pd.Series(_MOMENT).dt.tz_localize("UTC"), pd.Series(_MOMENT), object),
    ("whole numbers beside large fractions", pd.Series([2**53 + 1]), pd.Series([0.5]), object),
    ("whole numbers beside fractions", pd.Series([5]), pd.Series([0.5]), np.float64),
    (
        "categories",
        pd.Series(["b"], dtype=pd.CategoricalDtype(["b", "a"])),
        pd.Series(["c"], dtype="category"),
        "category",
    ),
    ("orders", pd.Series(pd.Categorical(["b"], ["b", "a"])), pd.Series(pd.Categorical(["a"], ["a", "b"])), "category"),
]


@pytest.mark.parametrize(("rows", "background", "dtype"), [case[1:] for case in MIXED], ids=[case[0] for case in MIXED])
def test_tables_of_two_types_keep_their_values(rows: Any, background: Any, dtype: Any) -> None:
    tables = rows.to_frame("a"), background.to_frame("a")
    table = RawTable(["a"], *tables)
    for each in tables:
        back = table.to_frame(table.to_matrix(each))["a"]
        assert back.dtype == dtype
        assert back.tolist() == each["a"].tolist()
        if isinstance(rows.dtype, pd.CategoricalDtype):
            assert list(back.cat.categories)[:2] == ["b", "a"]


def test_truth_values_are_numbers_with_names() -> None:
    both = pd.DataFrame({"a": [True, False]})
    table = RawTable(["a"], both, both)
    assert table.to_matrix(both).tolist() == [[1.0], [0.0]]
    assert table.categories == {"a": ("False", "True")}
    assert table.is_number("a")


def test_numbers_between_whole_ones_are_rounded_where_the_column_is_whole() -> None:
    both = pd.DataFrame({"whole": [1, 4], "any": [1.0, 4.0]})
    back = RawTable(["whole", "any"], both, both).to_frame(np.array([[2.4, 2.4]]))
    assert back.dtypes.tolist() == [np.int64, np.float64]
    assert back.to_numpy().tolist() == [[2.0, 2.4]]


def test_numbers_that_stand_for_names_are_coded() -> None:
    both = pd.DataFrame({"a": [30, 10, 30]})
    table = RawTable(["a"], both, both, coded={"a"})
    assert table.to_matrix(both)[:, 0].tolist() == [0.0, 1.0, 0.0]
    assert table.categories == {"a": ("30", "10")}
    assert not table.is_number("a")
    assert table.to_frame(table.to_matrix(both)).equals(both)


def test_columns_are_found_by_name_in_any_order_beside_others() -> None:
    both = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    table = RawTable(["b", "a"], both, both)
    assert table.to_matrix(both.assign(c=0)[["c", "a", "b"]]).tolist() == [[0.0, 1.0], [1.0, 2.0]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (pd.DataFrame({"a": ["x"], "b": [1]}, index=[7]), "column 'a', row 7: 'x' is neither"),
        (pd.DataFrame({"a": ["u"], "b": ["one"]}), "column 'b' holds a value that is not a number"),
        (pd.DataFrame({"a": ["u"]}), "lack the column 'b'"),
        (pd.DataFrame([["u", 1, 2]], columns=["a", "b", "b"]), "more than one column 'b'"),
        (pd.DataFrame({"a": [["u"]], "b": [1]}), "column 'a' holds list values"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(rows: pd.DataFrame, message: str) -> None:
    both = pd.DataFrame({"a": ["u", "v"], "b": [1, 2]})
    table = RawTable(["a", "b"], both, both)
    with pytest.raises(DataError, match=message):
        table.to_matrix(rows)


def test_a_gap_where_there_was_none_is_refused() -> None:
    both = pd.DataFrame({"a": ["u", "v"]})
    with pytest.raises(DataError, match="complete in the explained rows"):
        RawTable(["a"], both, both).to_frame(np.array([[np.nan]]))
