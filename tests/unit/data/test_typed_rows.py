import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from interp_pipeline.data import typed_rows
from interp_pipeline.data.typed_rows import OTHER, TypedRows, days_since_epoch, is_missing, name_of, named_codes

FILE = Path(typed_rows.__file__)
NAN = np.nan
TEXT = pd.Series(["a"]).dtype  # "str" from pandas 3 on, object before


def read(kind: str, values: object, dtype: object = None, categories: tuple[str, ...] = ()) -> list[float]:
    rules = TypedRows([{"name": "x", "kind": kind, "categories": categories}])
    matrix = rules.to_matrix(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}))
    assert matrix.shape == (len(matrix), 1)
    assert matrix.dtype == np.float64
    return matrix[:, 0].tolist()


def test_a_copy_works_in_a_python_that_does_not_know_the_package(tmp_path: Path) -> None:
    (tmp_path / "copied.py").write_bytes(FILE.read_bytes())
    program = (
        "import importlib.util, sys, pandas as pd\n"
        "spec = importlib.util.spec_from_file_location('copied', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "rules = module.TypedRows([{'name': 'x', 'kind': 'category', 'categories': ['a', 'b']}])\n"
        "print(rules.to_matrix(pd.DataFrame({'x': ['b', 'c']})).tolist())\n"
        "assert 'interp_pipeline' not in sys.modules\n"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", program, str(tmp_path / "copied.py")], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[[1.0], [2.0]]"


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1.0, 2.0], "float32"),
        ([True, 2], object),
        ([Decimal(1), Decimal(2)], object),
        ([np.int8(1), 2], object),
        ([1, 2], "Int64"),
        ([1, 2], pd.ArrowDtype(pa.int32())),
        ([Decimal(1), Decimal(2)], pd.ArrowDtype(pa.decimal128(5, 2))),
        ([1, 2], "category"),
    ],
)
def test_numbers_stand_as_they_are(values: Any, dtype: Any) -> None:
    assert read("numeric", values, dtype) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([None, 2.5], "float64"),
        ([None, 2.5], object),
        (["", 2.5], object),
        ([pd.NA, 2.5], object),
        ([None, 2.5], "Float64"),
        ([None, 2.5], pd.ArrowDtype(pa.float64())),
        ([None, 2.5], "category"),
    ],
)
def test_missing_numbers_are_nan(values: Any, dtype: Any) -> None:
    np.testing.assert_array_equal(read("numeric", values, dtype), [NAN, 2.5])


@pytest.mark.parametrize("dtype", [TEXT, "string", object, "category", pd.ArrowDtype(pa.string())])
@pytest.mark.parametrize("kind", ["numeric", "boolean", "date", "category"])
def test_texts_that_are_all_missing_are_nan_for_every_kind(kind: Any, dtype: Any) -> None:
    np.testing.assert_array_equal(read(kind, pd.Series(["", None], dtype=object), dtype), [NAN, NAN])


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("numeric", "many", "'many' is not a finite number"),
        ("numeric", "12", "'12' is not a finite number"),
        ("numeric", float("inf"), "inf is not a finite number"),
        ("numeric", 10**400, "is not a finite number"),
        ("numeric", 1j, "is not a finite number"),
        ("numeric", [1], r"\[1\] is not a finite number"),
        ("boolean", 2, "2 is not true or false"),
        ("boolean", "yes", "'yes' is not true or false"),
        ("date", "2024-02-30", "'2024-02-30' is not an ISO 8601 date"),
        ("date", "soon", "'soon' is not an ISO 8601 date"),
        ("date", 17, "17 is not an ISO 8601 date"),
        ("date", ["2024-01-01"], "is not an ISO 8601 date"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_column_and_row(kind: Any, value: Any, expected: Any) -> None:
    frame = pd.DataFrame({"a b": pd.Series([None, value], dtype=object, index=[7, 9])})
    with pytest.raises(ValueError, match=rf"^column 'a b', row 9: .*{expected}"):
        TypedRows([{"name": "a b", "kind": kind, "categories": ()}]).to_matrix(frame)


def test_infinity_in_a_float_column_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1: -inf is not a finite number"):
        read("numeric", [1.0, -np.inf])


def test_a_long_hostile_value_stays_one_short_line() -> None:
    with pytest.raises(ValueError, match="is not a finite number") as caught:
        read("numeric", ["<script>\n" * 1000])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([True, False, None], "boolean"),
        ([True, False, None], object),
        ([np.True_, np.False_, None], object),
        ([True, False, None], pd.ArrowDtype(pa.bool_())),
        (["TRUE", "false", ""], TEXT),
        (["True", "False", None], "category"),
        ([1, 0, None], object),
        ([1.0, 0.0, None], "float64"),
    ],
)
def test_truth_is_one_and_zero(values: Any, dtype: Any) -> None:
    np.testing.assert_array_equal(read("boolean", values, dtype), [1.0, 0.0, NAN])


def test_plain_numpy_booleans() -> None:
    assert read("boolean", np.array([True, False])) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("value", "days"),
    [
        ("1970-01-01", 0.0),
        ("1970-01-02 12:00", 1.5),
        ("1970-01-02T12:00:00Z", 1.5),
        ("1970-01-02T12:00:00+06:00", 1.25),
        ("1970-01-02T12:00:00-0600", 1.75),
        ("1969-12-31", -1.0),
        ("1900-02-28", -25509.0),
        ("0001-01-01", -719162.0),
        ("0001-01-01T00:00+14:00", -719162.0 - 14 / 24),
        ("9999-12-31", 2932896.0),
        ("1970-01-01T00:00:00.864", 1e-5),
        (date(1970, 1, 3), 2.0),
        (datetime(1970, 1, 1, 6, tzinfo=UTC), 0.25),
        (datetime(1970, 1, 1, 6, tzinfo=timezone(timedelta(hours=6))), 0.0),
        (np.datetime64("1970-01-05"), 4.0),
        (pd.Timestamp("1970-01-01 12:00", tz="Europe/Berlin"), 11 / 24),
    ],
)
def test_dates_are_days_since_1970(value: Any, days: Any) -> None:
    assert days_since_epoch(value) == pytest.approx(days, abs=1e-11)
    assert read("date", [value], object) == [pytest.approx(days, abs=1e-11)]


@pytest.mark.parametrize("value", ["2024", "20240101", "2024-13-01", "2024-01-01x", "01.02.2024", 5, None, 1.0])
def test_what_is_no_date(value: Any) -> None:
    assert days_since_epoch(value) is None


@pytest.mark.parametrize(
    "dtype",
    [
        "datetime64[ns]",
        "datetime64[s]",
        "datetime64[ns, UTC]",
        "datetime64[us, Asia/Tokyo]",
        pd.ArrowDtype(pa.timestamp("us")),
        pd.ArrowDtype(pa.timestamp("ns", "Europe/Berlin")),
        object,
    ],
)
def test_every_type_of_time_gives_the_same_days(dtype: Any) -> None:
    moments = pd.Series(pd.to_datetime(["2024-02-29T18:00:00", None, "1969-12-31T06:00:00"]))
    if "UTC" in str(dtype) or "tz=" in str(dtype) or "Asia" in str(dtype):
        moments = moments.dt.tz_localize("UTC")
    np.testing.assert_array_equal(read("date", moments.astype(dtype)), [19782.75, NAN, -0.75])


def test_arrow_days() -> None:
    column = pd.Series([date(1970, 1, 2), None], dtype=pd.ArrowDtype(pa.date32()))
    np.testing.assert_array_equal(read("date", column), [1.0, NAN])


@pytest.mark.parametrize("dtype", [object, TEXT, "string", "category", pd.ArrowDtype(pa.string())])
def test_categories_are_positions_and_unseen_ones_come_after(dtype: Any) -> None:
    values = pd.Series(["b", "a", "new", None, ""], dtype=object)
    np.testing.assert_array_equal(read("category", values, dtype, ("a", "b")), [1.0, 0.0, 2.0, NAN, NAN])


@pytest.mark.parametrize("dtype", [object, TEXT, "category"])
def test_what_is_not_listed_is_other_where_there_is_one(dtype: Any) -> None:
    values = pd.Series(["b", "new", OTHER, None], dtype=object)
    np.testing.assert_array_equal(read("category", values, dtype, ("a", "b", OTHER)), [1.0, 2.0, 2.0, NAN])


def test_a_real_value_called_other_that_is_not_last_stands_for_itself() -> None:
    assert read("category", [OTHER, "new"], object, (OTHER, "b")) == [0.0, 2.0]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2, 3], "int64"),
        ([1.0, 2.0, 3.0], "float64"),
        ([1, 2.0, "3"], object),
        (["1", "2", "3"], TEXT),
        ([1, 2, 3], "category"),
        ([1, 2, 3], "Int64"),
    ],
)
def test_a_category_goes_by_its_name_whatever_type_it_has(values: Any, dtype: Any) -> None:
    assert read("category", values, dtype, ("1", "3")) == [0.0, 2.0, 1.0]


def test_values_python_takes_for_equal_keep_their_own_names() -> None:
    assert read("category", [1, True, 1.0, "1"], object, ("1", "True")) == [0.0, 1.0, 0.0, 0.0]
    assert read("category", [True, 1, 1.0, "1"], object, ("1", "True")) == [1.0, 0.0, 0.0, 0.0]


def test_columns_are_found_by_name_and_unused_ones_need_not_be_there() -> None:
    rules = TypedRows(
        [{"name": "ü <b>", "kind": "numeric"}, {"name": "gone", "kind": "unused"}, {"name": "c", "kind": "boolean"}]
    )
    frame = pd.DataFrame({"c": [True], "more": ["x"], "ü <b>": [4]}, index=[99])
    assert rules.to_matrix(frame).tolist() == [[4.0, 0.0, 1.0]]
    assert rules.feature_names == ("ü <b>", "gone", "c")


def test_all_missing_columns_are_named() -> None:
    rules = TypedRows([{"name": name, "kind": "numeric"} for name in ("a", "b", "c")])
    with pytest.raises(ValueError, match=r"^missing columns: 'a', 'c'; the model was trained on them$"):
        rules.to_matrix(pd.DataFrame({"b": [1]}))


def test_a_column_that_occurs_twice_is_refused() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(ValueError, match="more than once: 'a'"):
        TypedRows([{"name": "a", "kind": "numeric"}]).to_matrix(frame)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="column 'a' has the kind 'nominal'"):
        TypedRows([{"name": "a", "kind": "nominal"}])


def test_no_rows_give_an_empty_matrix() -> None:
    rules = TypedRows([{"name": "a", "kind": "category", "categories": ("x",)}, {"name": "b", "kind": "date"}])
    assert rules.to_matrix(pd.DataFrame({"a": [], "b": []})).shape == (0, 2)


def test_names_of_values() -> None:
    values = [2.0, 2.5, np.float32(3), 1e300, True, 7, date(2024, 2, 29), np.str_("x")]
    assert [name_of(value) for value in values] == ["2", "2.5", "3", "1e+300", "True", "7", "2024-02-29", "x"]


def test_named_codes_name_only_what_occurs() -> None:
    codes, names = named_codes(pd.Series(pd.Categorical(["b", None, "b"], categories=["a", "b"])))
    assert codes.tolist() == [0, -1, 0]
    assert names == ["b"]


def test_missing_of_every_sort() -> None:
    values = pd.Series([None, np.nan, pd.NaT, pd.NA, "", " ", 0, False], dtype=object)
    assert is_missing(values).tolist() == [True] * 5 + [False] * 3
