"""How a column of raw values is understood before it is drawn."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.plots.columns import read_column


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "numeric"),
        ([1.5, None, np.inf], "numeric"),
        (pd.array([1, None, 3], dtype="Int64"), "numeric"),
        (np.array([1, 2.5, None], dtype=object), "numeric"),
        ([True, False, True], "category"),
        (pd.array([True, None, False], dtype="boolean"), "category"),
        (["a", "b", None], "category"),
        (pd.Categorical(["a", "b", "a"]), "category"),
        (pd.to_datetime(["2020-01-01", None, "2021-01-01"]), "date"),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]).tz_localize("Europe/Vienna"), "date"),
        ([dt.date(2020, 1, 1), dt.date(2021, 1, 1)], "date"),
        (["2020-01-01", None, "2021-06-30T12:00:00"], "date"),
        (["2020-01-01", "2020-99-99"], "category"),  # no day of any calendar
        (["2020-01-01", "unknown"], "category"),
        ([1, "a", 2.5], "category"),
        ([None, None], "category"),
    ],
)
def test_kind(values: Any, kind: str) -> None:
    column = read_column(pd.Series(values))
    assert column.kind == kind
    assert column.numbers.dtype == np.float64


def test_missing_and_infinite_values_have_no_place() -> None:
    column = read_column(pd.Series([1.0, np.nan, np.inf, 4.0]))
    assert column.missing.tolist() == [False, True, True, False]


def test_categories_are_coded_by_their_readable_labels() -> None:
    column = read_column(pd.Series([True, False, None, True], dtype=object))
    assert column.labels == ("false", "true")
    np.testing.assert_array_equal(column.numbers, [1, 0, np.nan, 1])


def test_dates_are_days_since_1970() -> None:
    column = read_column(pd.Series(pd.to_datetime(["1970-01-02 00:00", "1970-01-03 12:00"])))
    np.testing.assert_allclose(column.numbers, [1.0, 2.5])


def test_an_outlier_does_not_take_all_colours() -> None:
    scaled = read_column(pd.Series([*range(100), 1e9])).unit_scale()
    assert scaled[10] < 0.2
    assert scaled[90] > 0.8
    assert scaled.max() == 1.0


def test_a_constant_and_an_empty_column_have_colours_too() -> None:
    assert read_column(pd.Series([3.0, 3.0])).unit_scale().tolist() == [0.5, 0.5]
    assert np.isnan(read_column(pd.Series([np.nan, np.nan])).unit_scale()).all()
    assert read_column(pd.Series([0.0] * 99 + [1.0])).unit_scale()[-1] == 1.0
