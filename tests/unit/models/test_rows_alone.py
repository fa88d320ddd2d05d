"""A model whose answer for a row depends on other rows has no explanation of that row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.errors import ModelError
from interp_pipeline.models.adapt import adapt_model

_TABLE = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])


def _shares_of_the_table(rows: pd.DataFrame) -> Any:
    return rows["a"].rank(pct=True).to_numpy()


def _in_its_own_order(rows: pd.DataFrame) -> Any:
    return np.sort(rows["a"].to_numpy())


@pytest.mark.parametrize("function", [_shares_of_the_table, _in_its_own_order])
def test_is_refused(function: Any) -> None:
    says = r"answer for row \S+ is \S+ among \d+ rows and \S+ (alone|in another order): it depends on the rows that"
    with pytest.raises(ModelError, match=says):
        adapt_model(function, flavor="python_function", feature_names=["a", "b"], rows=_TABLE, background=_TABLE)


def test_a_function_of_one_row_is_not() -> None:
    model = adapt_model(
        lambda rows: rows["a"].to_numpy(),
        flavor="python_function",
        feature_names=["a", "b"],
        rows=_TABLE,
        background=_TABLE,
    )
    np.testing.assert_array_equal(model.reference(_TABLE)[:, 0], _TABLE["a"])
