"""Whether the answers of a function are classes or numbers: by the caller, the outcomes, the signature, themselves."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import adapt, assert_is_the_model

from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explanation import VOTES

if TYPE_CHECKING:
    from collections.abc import Callable

_RANDOM = np.random.default_rng(0)
_TABLE = pd.DataFrame({"a": _RANDOM.normal(size=120), "b": _RANDOM.integers(0, 5, 120)})


def _whole(rows: pd.DataFrame) -> Any:
    """Grades, counts or labels: nobody can tell."""
    return rows["b"].to_numpy() + (rows["a"].to_numpy() > 0)


def _zeros_and_ones(rows: pd.DataFrame) -> Any:
    return (rows["a"].to_numpy() > 0).astype(np.float64)


def _share(rows: pd.DataFrame) -> Any:
    return 1.0 / (1.0 + np.exp(-rows["a"].to_numpy()))


def _unit(native: Callable[[pd.DataFrame], Any], **options: Any) -> str:
    return adapt(native, _TABLE, "python_function", target="y", **options).output_unit


def test_whole_numbers_are_classes_unless_somebody_knows_better() -> None:
    model = adapt(_whole, _TABLE, "python_function", target="y")
    assert model.output_unit == VOTES
    assert "say so with --task regression" in model.notes[-1]
    assert _unit(_whole, outcomes="numbers") == "y"
    assert _unit(_whole, outcomes="classes") == VOTES
    model = adapt(_whole, _TABLE, "python_function", target="y", task="regression")
    assert (model.output_names, model.output_unit, len(model.notes)) == (("y",), "y", 1)
    assert_is_the_model(model, _TABLE, _whole(_TABLE[:110])[:, np.newaxis].astype(float))


def test_zeros_and_ones_as_fractions_are_classes_where_somebody_says_so() -> None:
    assert _unit(_zeros_and_ones) == "y"
    assert _unit(_zeros_and_ones, outcomes="classes") == VOTES
    model = adapt(_zeros_and_ones, _TABLE, "python_function", task="classification")
    assert (model.output_names, model.output_unit, model.positive_class) == (("0", "1"), VOTES, "1")


def test_fractions_between_0_and_1_are_a_probability_where_the_caller_says_so() -> None:
    assert _unit(_share) == "y"
    assert _unit(_share, task="classification") == "probability"
    with pytest.raises(UsageError, match="neither labels nor probabilities"):
        _unit(lambda rows: _share(rows) * 2, task="classification")


def test_shares_of_a_whole_are_numbers_where_the_caller_says_so() -> None:
    def native(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"rent": _share(rows), "food": 1 - _share(rows)})

    assert _unit(native) == "probability"
    assert _unit(native, task="regression") == "y"


def test_a_task_that_cannot_be_is_refused() -> None:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    with pytest.raises(UsageError, match="answers with 'yes', not with numbers"):
        _unit(lambda rows: np.where(rows["a"] > 0, "yes", "no"), task="regression")
    tree = DecisionTreeClassifier().fit(_TABLE, _TABLE["b"])
    with pytest.raises(UsageError, match="task='regression' does not fit: the model is a classifier"):
        adapt(tree, _TABLE, task="regression")
    regression = DecisionTreeRegressor().fit(_TABLE, _TABLE["b"])  # of whole numbers, which are no classes for that
    assert adapt(regression, _TABLE, target="grade", outcomes="classes").output_unit == "grade"
    with pytest.raises(UsageError, match="task='classification' does not fit: the model predicts numbers"):
        adapt(regression, _TABLE, task="classification")


def test_one_entry_of_a_dictionary_or_a_table_is_chosen_by_its_name() -> None:
    def entries(rows: pd.DataFrame) -> dict[str, Any]:
        return {"grade": _whole(rows), "share": _share(rows)}

    assert adapt(entries, _TABLE, "python_function", output_name="share").output_unit == "share"
    model = adapt(lambda rows: pd.DataFrame(entries(rows)), _TABLE, "python_function", output_name="grade")
    assert model.output_unit == VOTES
    with pytest.raises(UsageError, match=r"2 outputs \(grade, share\); choose one"):
        adapt(entries, _TABLE, "python_function")
    with pytest.raises(UsageError, match="no outputs to choose from by name"):
        adapt(_share, _TABLE, "python_function", output_name="share")


def test_decimals_are_numbers_however_they_are_held() -> None:
    def digits(rows: pd.DataFrame) -> list[Decimal]:
        return [Decimal(str(round(value, 2))) for value in rows["a"]]

    expected = _TABLE["a"][:110].round(2).to_numpy().reshape(-1, 1)
    for native in (digits, lambda rows: pd.Series(digits(rows)), lambda rows: rows["a"].round(2).astype(object)):
        model = adapt(native, _TABLE, "python_function", target="y")
        assert (model.output_names, model.output_unit) == (("y",), "y")
        assert_is_the_model(model, _TABLE, expected)
    table = adapt(lambda rows: pd.DataFrame({"u": digits(rows), "v": rows["b"]}), _TABLE, "python_function")
    assert table.output_names == ("u", "v")
    assert_is_the_model(table, _TABLE, np.column_stack([expected, _TABLE["b"][:110]]))


def test_texts_that_read_as_numbers_are_asked_about_where_they_are_many() -> None:
    def many(rows: pd.DataFrame) -> list[str]:
        return [f"{value:.3f}" for value in rows["a"]]

    with pytest.raises(UsageError, match=r"different texts that all read as numbers, .*say --task regression"):
        adapt(many, _TABLE, "python_function")
    assert _unit(many, task="regression") == "y"
    assert _unit(many, task="classification") == VOTES
    few = adapt(lambda rows: [str(value) for value in rows["b"]], _TABLE, "python_function")
    assert few.output_unit == VOTES
    assert any("say so with --task regression" in note for note in few.notes)
    names = adapt(lambda rows: [f"n{value:.3f}" for value in rows["a"]], _TABLE, "python_function")
    assert names.output_unit == VOTES


def test_complex_numbers_are_refused() -> None:
    def one(rows: pd.DataFrame) -> Any:
        return rows["a"].to_numpy() + 1j * rows["b"].to_numpy()

    for native in (
        one,
        lambda rows: np.column_stack([one(rows)] * 2),
        lambda rows: pd.DataFrame({"u": one(rows), "v": 1}),
    ):
        with pytest.raises(ModelError, match="answers with complex numbers"):
            adapt(native, _TABLE, "python_function")


def test_a_list_with_a_list_for_every_row_is_a_table() -> None:
    def pairs(rows: pd.DataFrame) -> list[list[float]]:
        return [[float(share), float(1 - share)] for share in _share(rows)]

    model = adapt(pairs, _TABLE, "python_function")
    assert (model.output_names, model.output_unit) == (("class 0", "class 1"), "probability")
    assert_is_the_model(model, _TABLE, np.array(pairs(_TABLE[:110])))
