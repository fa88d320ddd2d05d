"""Two forms of the same rows: where a model's answers differ, and which column is to blame."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.checks.rows_as_given import changed_columns, column_to_blame, first_difference

NUMBERS = np.array([[1.0, 2.0], [3.0, np.nan], [np.inf, 0.0]])

ANSWERS = [
    ("numbers", NUMBERS, NUMBERS.copy(), None),
    ("a last bit", [1.0, 2.0], [1.0, 2.0 + 1e-9], None),
    ("a number", [1.0, 2.0, 3.0], [1.0, 2.5, 3.5], 1),
    ("a gap", [1.0, np.nan], [1.0, 0.0], 1),
    ("infinity", [1.0, np.inf], [1.0, -np.inf], 1),
    ("labels", ["a", "b"], pd.Series(["a", "b"]), None),
    ("a label", ["a", "b"], ["a", "c"], 1),
    ("a kind of gap", ["a", None], ["a", None], None),
    ("a label that is gone", ["a", "b"], ["a", None], 1),
    ("a table", pd.DataFrame({"l": ["a"], "p": [0.5]}), pd.DataFrame({"l": ["a"], "p": [0.5]}), None),
    ("truth", [True, False], [True, True], 1),
    ("outputs by name", {"a": [1.0, 2.0]}, {"a": [1.0, 2.5]}, 1),
    ("fewer rows", [1.0, 2.0], [1.0], 0),
    ("an exception", [1.0, 2.0], ValueError("no"), 0),
]


@pytest.mark.parametrize(("one", "other", "row"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
def test_the_first_row_that_differs(one: Any, other: Any, row: int | None) -> None:
    assert first_difference(one, other) == row


TIMES = pd.Series(pd.to_datetime(["2025-01-01 11:00", "2025-06-01 11:00"]))
CHANGED = [
    ("nothing", TIMES, TIMES.copy(), False),
    ("a row's number", TIMES, TIMES.set_axis([7, 8]), False),
    ("a unit", TIMES.astype("M8[s]"), TIMES.astype("M8[ns]"), True),
    ("a zone", TIMES, TIMES.dt.tz_localize("UTC"), True),
    ("another zone", TIMES.dt.tz_localize("UTC"), TIMES.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"), True),
    ("a nanosecond", TIMES, TIMES - pd.Timedelta(1), True),
    ("None", pd.Series(["a", None], dtype=object), pd.Series(["a", np.nan], dtype=object), True),
    ("a kind of number", pd.Series([1, "a"], dtype=object), pd.Series([1.0, "a"], dtype=object), True),
    ("a last zero", pd.Series([Decimal("1.0")]), pd.Series([Decimal("1.00")]), True),
    ("the order of categories", pd.Categorical(["a"], ["a", "b"]), pd.Categorical(["a"], ["b", "a"]), True),
    ("a category nobody has", pd.Categorical(["a"], ["a", "b"]), pd.Categorical(["a"], ["a"]), True),
]


@pytest.mark.parametrize(("one", "other", "changed"), [case[1:] for case in CHANGED], ids=[case[0] for case in CHANGED])
def test_what_counts_as_changed(one: Any, other: Any, *, changed: bool) -> None:
    first, second = (pd.DataFrame({"same": 1.0, "x": pd.Series(each)}) for each in (one, other))
    assert changed_columns(first, second) == (("x",) if changed else ())


def test_the_column_whose_exchange_changes_the_answer_is_blamed() -> None:
    given = pd.DataFrame({"self": [1, 2, 3], "unread": [1, 2, 3], "read": [1, 2, 3]})
    asked = pd.DataFrame({"self": [1.5, 2.5, 3.5], "unread": [8, 9, 10], "read": [1, 2, 4]})

    def ask(rows: pd.DataFrame) -> Any:
        return np.floor(rows["self"]) + rows["read"]

    assert column_to_blame(ask, given, asked, ask(given), 2) == "read"


def test_no_single_column_is_blamed_for_what_two_do_together() -> None:
    given = pd.DataFrame({"a": [True], "b": [True]})
    asked = pd.DataFrame({"a": [False], "b": [False]})

    def ask(rows: pd.DataFrame) -> Any:
        return (rows["a"] | rows["b"]).to_numpy()

    assert first_difference(ask(given), ask(asked)) == 0
    assert column_to_blame(ask, given, asked, ask(given), 0) is None
