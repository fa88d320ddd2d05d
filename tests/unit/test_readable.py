"""Numbers and cell values as a reader wants to see them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.readable import number, share, signed, value_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.01234, "0.0123"),
        (35.25, "35.2"),
        (1994.0, "1994"),
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
