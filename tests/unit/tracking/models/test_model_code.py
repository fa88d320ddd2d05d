"""Code of a model may raise anything; what is said is one line that helps."""

from __future__ import annotations

import pytest

from interp_pipeline.errors import DataError, ModelError
from interp_pipeline.installing import install_command
from interp_pipeline.tracking.models.model_code import model_code


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ModuleNotFoundError("no", name="xgboost.core"),
            "models:/m/1 cannot be loaded without xgboost: " + install_command("xgboost"),
        ),
        (ModuleNotFoundError("no", name="tensorflow"), "without tensorflow: " + install_command("tensorflow")),
        (ModuleNotFoundError("no", name="house_rules.v2"), "without the module house_rules: install the package it"),
        (ValueError("two\nlines"), "models:/m/1 cannot be loaded (ValueError: two, line "),
        (KeyError(), " of test_model_code.py); restore it"),
    ],
)
def test_what_a_model_raises_is_said_in_one_line(error: Exception, says: str) -> None:
    with pytest.raises(ModelError) as caught, model_code("models:/m/1", "be loaded", "restore it"):
        raise error
    assert says in str(caught.value)
    assert caught.value.__cause__ is error


def test_errors_of_ours_are_left_alone() -> None:
    mistake = DataError("row 3")
    with pytest.raises(DataError) as caught, model_code("models:/m/1", "be loaded"):
        raise mistake
    assert caught.value is mistake
