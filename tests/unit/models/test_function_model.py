from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import adapt, assert_is_the_model, credit

from interp_pipeline.errors import DataError, ModelError, UsageError

_TABLE, _ = credit(200)


def _share(rows: pd.DataFrame) -> Any:
    """A probability that every kind of column enters."""
    days = (rows["since"] - pd.Timestamp("2020-01-01")).dt.days
    score = rows["age_years"].fillna(30) / 100 + rows["owns"] * 0.1 + (rows["purpose"] == "business") * 0.2
    return 1 / (1 + np.exp(-(score + days / 1000 + rows["note"].str.count("late") - rows["purpose"].isna())))


def test_numbers_are_a_regression() -> None:
    model = adapt(_share, _TABLE, "python_function", target="share")
    assert (model.output_names, model.output_unit, model.positive_class) == (("share",), "share", None)
    assert model.column_groups == tuple((i,) for i in range(len(_TABLE.columns)))
    assert model.trees is None
    assert model.linear is None
    assert_is_the_model(model, _TABLE, _share(_TABLE[:110]).to_numpy()[:, np.newaxis])


def test_two_names_for_numbers_between_0_and_1_make_them_a_probability() -> None:
    model = adapt(_share, _TABLE, "python_function", output_names=["no", "yes"])
    assert (model.output_names, model.output_unit, model.positive_class) == (("no", "yes"), "probability", "yes")
    expected = _share(_TABLE[:110]).to_numpy()
    assert_is_the_model(model, _TABLE, np.column_stack([1 - expected, expected]))


def test_columns_that_sum_to_1_are_probabilities_under_their_names() -> None:
    def native(rows: pd.DataFrame) -> pd.DataFrame:
        share = _share(rows)
        return pd.DataFrame({"good": share, "label": np.where(share > 0.5, "good", "bad"), "bad": 1 - share})

    model = adapt(native, _TABLE, "python_function", positive_class="bad")
    assert (model.output_names, model.output_unit, model.positive_class) == (("good", "bad"), "probability", "bad")
    assert "label" in model.notes[1]
    assert_is_the_model(model, _TABLE, native(_TABLE[:110])[["good", "bad"]].to_numpy())


def test_other_columns_are_numbers_under_their_names() -> None:
    def native(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"low": _share(rows) - 1, "high": _share(rows) + 1})

    model = adapt(native, _TABLE, "python_function")
    assert (model.output_names, model.output_unit) == (("low", "high"), "prediction")
    assert_is_the_model(model, _TABLE, native(_TABLE[:110]).to_numpy())


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["old", "young"], ("old", "young")),
        ([1, 0], ("0", "1")),
        ([True, False], ("False", "True")),
    ],
)
def test_labels_become_votes(labels: list[Any], names: tuple[str, ...]) -> None:
    def native(rows: pd.DataFrame) -> Any:
        return pd.DataFrame({"prediction": np.where(_share(rows) > 0.6, labels[0], labels[1])})

    model = adapt(native, _TABLE, "python_function")
    assert (model.output_names, model.output_unit, model.positive_class) == (names, "share of votes", names[1])
    assert "class labels" in model.notes[1]
    expected = (_share(_TABLE[:110]) > 0.6).to_numpy().astype(float)
    first = str(labels[0]) == names[0]
    both = np.column_stack([expected, 1 - expected] if first else [1 - expected, expected])
    assert_is_the_model(model, _TABLE, both)


def test_numbered_labels_are_named_by_the_names_given() -> None:
    def native(rows: pd.DataFrame) -> Any:
        return (_share(rows) > 0.6).to_numpy().astype(np.int64)

    model = adapt(native, _TABLE, "python_function", output_names=["young", "old", "unknown"])
    assert model.output_names == ("young", "old", "unknown")
    assert model.reference(_TABLE[:50])[:, 2].max() == 0


def test_many_whole_numbers_are_amounts() -> None:
    model = adapt(lambda rows: rows["credit_amount"].to_numpy() // 10, _TABLE, "python_function", target="amount")
    assert (model.output_names, model.output_unit) == (("amount",), "amount")


def test_a_value_drawn_between_whole_numbers_is_asked_about_as_a_whole_one() -> None:
    seen: list[Any] = []

    def native(rows: pd.DataFrame) -> Any:
        seen.append(rows["duration_months"].dtype)
        return rows["duration_months"] * 1.5

    model = adapt(native, _TABLE[["duration_months"]], "python_function")
    assert model.forward(np.array([[11.8]])).tolist() == [[18.0]]
    assert set(seen) == {np.dtype(np.int64)}


@pytest.mark.parametrize(
    ("native", "options", "error", "message"),
    [
        (lambda _: {"a": 1}, {}, ModelError, "0 dimensions"),
        (lambda rows: pd.DataFrame({"a": ["x"] * len(rows), "b": "y"}), {}, ModelError, "none of them numbers"),
        (lambda rows: np.full(len(rows), np.nan), {}, ModelError, "row 0 is not a finite number"),
        (lambda rows: np.zeros((len(rows), 2, 2)), {}, ModelError, "3 dimensions"),
        (lambda rows: rows["nothing"], {}, ModelError, "does not answer .*KeyError: 'nothing'"),
        (_share, {"output": "margin"}, UsageError, "margin is not known"),
        (_share, {"output": "probability"}, UsageError, "not classes"),
        (lambda rows: ["x"] * len(rows), {"output": "probability"}, UsageError, "class labels only"),
    ],
)
def test_what_cannot_be_explained_is_refused(native: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        adapt(native, _TABLE, "python_function", **options)
    assert "\n" not in str(caught.value)


def test_a_function_that_is_not_fixed_is_refused() -> None:
    random = np.random.default_rng(0)
    with pytest.raises(ModelError, match="differently each time"):
        adapt(lambda rows: random.random(len(rows)), _TABLE, "python_function")


def test_empty_tables_and_missing_columns_are_refused() -> None:
    with pytest.raises(UsageError, match="background data are empty"):
        adapt(_share, _TABLE[:60], "python_function")
    from interp_pipeline.models.adapt import adapt_model

    with pytest.raises(DataError, match="lack the column 'income'"):
        adapt_model(_share, flavor="python_function", feature_names=["income"], rows=_TABLE[:5], background=_TABLE[:5])
