from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from interp_pipeline.data.column_kind import column_kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None], "numeric"),
        ([1, 2.5, None], "numeric"),
        ([Decimal("1.5"), None], "numeric"),
        ([2**70, 1], "numeric"),
        (["", 1], "numeric"),
        ([True, None], "boolean"),
        ([np.True_, np.False_], "boolean"),
        ([date(2024, 1, 1), None], "date"),
        ([datetime(2024, 1, 1), pd.NaT], "date"),  # noqa: DTZ001 - a time without a zone is the case
        ([pd.Timestamp("2024-01-01", tz="UTC")], "date"),
        (["a", None], "text"),
        (["a", 1], "text"),
        ([True, 1], "text"),
        ([time(12), None], "text"),
        ([], "text"),
        ([[1], [2]], "unreadable"),
        ([{"a": 1}, None], "unreadable"),
        (["a", [1]], "unreadable"),
        ([b"a"], "unreadable"),
        ([timedelta(1)], "unreadable"),
        ([1j], "unreadable"),
    ],
)
def test_kind_of_objects(values: Any, kind: Any) -> None:
    assert column_kind(pd.Series(values, dtype=object)) == kind


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        ("int8", "numeric"),
        ("float32", "numeric"),
        ("Int64", "numeric"),
        (pd.ArrowDtype(pa.float64()), "numeric"),
        (pd.ArrowDtype(pa.decimal128(3)), "numeric"),
        ("bool", "boolean"),
        ("boolean", "boolean"),
        (pd.ArrowDtype(pa.bool_()), "boolean"),
        ("datetime64[ns]", "date"),
        ("datetime64[s, UTC]", "date"),
        (pd.ArrowDtype(pa.timestamp("us", "UTC")), "date"),
        (pd.ArrowDtype(pa.date32()), "date"),
        ("str", "text"),
        ("string", "text"),
        ("category", "text"),
        (pd.ArrowDtype(pa.string()), "text"),
        ("complex128", "unreadable"),
    ],
)
def test_kind_of_types(dtype: Any, kind: Any) -> None:
    assert column_kind(pd.Series([], dtype=dtype)) == kind


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.to_timedelta([1, None])),
        pd.Series(pd.period_range("2024-01", periods=2, freq="M")),
        pd.Series(pd.interval_range(0, 2)),
        pd.Series([timedelta(1), None], dtype=pd.ArrowDtype(pa.duration("s"))),
        pd.Series([[1, 2], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        pd.Series([b"a", None], dtype=pd.ArrowDtype(pa.binary())),
    ],
    ids=lambda column: str(column.dtype),
)
def test_types_without_a_rule_are_unreadable(column: pd.Series) -> None:
    assert column_kind(column) == "unreadable"
