"""Whether the answers of a function are classes or numbers: by the caller, the outcomes, the signature, themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import adapt, assert_is_the_model

from interp_pipeline.errors import UsageError
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
