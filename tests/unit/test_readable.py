"""Numbers and cell values as a reader wants to see them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.readable import (
    are_years,
    count,
    level_number,
    number,
    says_year,
    share,
    signed,
    value_text,
    years_in,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.01234, "0.0123"),
        (35.25, "35.2"),
        (5912.0, "5,912"),
        (-15895.4, "-15,895"),
        (12345.6, "12,346"),
        (-0.5, "-0.5"),
        (100.0, "100"),
        (1.2e-7, "1.2e-7"),
        (3.456e18, "3.46e18"),
        (float("nan"), "missing"),
        (float("inf"), "infinite"),
        (float("-inf"), "-infinite"),
    ],
)
def test_number(value: float, shown: str) -> None:
    assert number(value) == shown


def test_signed_shows_every_sign_but_that_of_zero() -> None:
    assert [signed(value) for value in (0.25, -0.25, 0.0)] == ["+0.25", "-0.25", "0"]


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(76, 100, "76 %"), (1, 3, "33 %"), (1, 1000, "0.1 %"), (999, 1000, "99.9 %"), (5, 5, "100 %"), (0, 0, "0 %")],
)
def test_share_never_claims_none_or_all_by_rounding(part: float, whole: float, shown: str) -> None:
    assert share(part, whole) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "missing"),
        (np.nan, "missing"),
        (pd.NA, "missing"),
        (pd.NaT, "missing"),
        ("", "(empty)"),
        ("a $b$", "a $b$"),
        (True, "true"),
        (np.bool_(0), "false"),
        (7, "7"),
        (np.int64(12345), "12,345"),
        (5912, "5,912"),
        (1994, "1994"),
        (1994.0, "1994"),
        (1994.5, "1,994"),
        (-1994, "-1,994"),
        (2.34567, "2.346"),
        (np.float32(0.5), "0.5"),
        (Decimal("1.5"), "1.5"),
        (pd.Timestamp("2020-01-02"), "2020-01-02"),
        (pd.Timestamp("2020-01-02 03:04"), "2020-01-02 03:04"),
        (dt.date(2020, 1, 2), "2020-01-02"),
        (b"x", "b'x'"),
    ],
)
def test_value_text(value: Any, shown: str) -> None:
    assert value_text(value) == shown


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ([5912, 15895, 1994], ["5,912", "15,895", "1,994"]),  # 1,994 among amounts is none
        ([1994, 2024, None], ["1994", "2024", "missing"]),
        ([1994.0, 2024.5], ["1,994", "2,024"]),
        ([Decimal(1994), Decimal(2024)], ["1994", "2024"]),
        (["1994", "a"], ["1994", "a"]),  # a text stays as it is
        ([True, False], ["true", "false"]),
        ([None, None], ["missing", "missing"]),
    ],
)
def test_a_column_is_written_in_one_way(column: list[Any], shown: list[str]) -> None:
    cells = pd.Series(column)
    assert [value_text(cell, year=years_in(cells)) for cell in cells] == shown


def test_years_are_whole_and_have_four_digits() -> None:
    assert are_years([1000, np.nan, 2999])
    assert not any(are_years(values) for values in ([], [np.nan], [999, 2000], [2000, 3000], [2000.5], [-2000]))


@pytest.mark.parametrize(
    ("amount", "thing", "shown"),
    [
        (1, "row", "1 row"),
        (0, "row", "0 rows"),
        (12_000, "row", "12,000 rows"),
        (2, "class", "2 classes"),
        (2, "category", "2 categories"),
        (1, "category", "1 category"),
    ],
)
def test_things_are_counted(amount: int, thing: str, shown: str) -> None:
    assert count(amount, thing) == shown


def test_a_plural_can_be_given() -> None:
    assert count(2, "one", "two of them") == "2 two of them"


def test_a_few_numbers_are_years_only_where_the_name_says_so() -> None:
    assert not years_in(pd.Series([2576], name="credit_amount"))
    assert not years_in(pd.Series([2576, 1200, np.nan], name="credit_amount"))
    assert not years_in(pd.Series([1994], name="credit_amount"))
    assert years_in(pd.Series([1994], name="year_built"))
    assert years_in(pd.Series([1994, 2001, 1890, 2010, 1767], name="built"))
    assert not years_in(pd.Series([22], name="age_years"))


@pytest.mark.parametrize("name", ["yearly_income", "income_per_year", "amount"])
def test_names_that_do_not_say_year(name: str) -> None:
    assert not says_year(name)


def test_a_predicted_year_is_written_as_one() -> None:
    assert level_number(1994.31, "build_year", 4) == "1994"
    assert level_number(1994.31, "price", 4) == "1,994"
    assert level_number(12345.6, "build_year", 4) == "12,346"
