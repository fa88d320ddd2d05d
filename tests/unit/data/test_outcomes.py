from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from interp_pipeline.data.outcomes import kind_of_outcomes


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.5, 1.0, None], "numbers"),
        (range(21), "numbers"),
        ([0, 1, 1], "classes"),
        ([-1.0, 1.0, None], "classes"),
        ([True, False], "classes"),
        (["good", "bad", "good"], "classes"),
        ([1, 2, 5], "unknown"),  # grades, counts or classes
        ([100, 200], "unknown"),
        ([None, None], "unknown"),
        (pd.date_range("2020-01-01", periods=3), "unknown"),
    ],
)
def test_what_outcomes_are(values: Any, kind: str) -> None:
    assert kind_of_outcomes(pd.Series(values, name="y")) == kind
