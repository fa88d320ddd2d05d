"""What a model's code raised is said with the line of its own that raised it."""

from __future__ import annotations

import importlib
import runpy
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness.adapted_models import adapt, credit

from interp_pipeline.error_line import error_line
from interp_pipeline.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

_SCRIPT = """
import numpy as np

def by_itself(rows):
    raise ValueError("no such plan")

def in_a_library(rows):
    return np.linalg.inv(np.zeros((2, 2)))
"""


def _caught(function: str, folder: Path) -> BaseException:
    script = folder / "churn.py"
    script.write_text(_SCRIPT)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any error will do
        runpy.run_path(str(script))[function](None)
    error = caught.value
    # Without the frame of this test, which is nobody's model.
    return error.with_traceback(error.__traceback__.tb_next if error.__traceback__ else None)


def test_the_line_of_the_model_is_named(tmp_path: Path) -> None:
    assert error_line(_caught("by_itself", tmp_path)) == "ValueError: no such plan, line 5 of churn.py"


def test_the_line_that_called_a_library_is_named(tmp_path: Path) -> None:
    assert error_line(_caught("in_a_library", tmp_path)) == "LinAlgError: Singular matrix, line 8 of churn.py"


def test_without_a_file_of_the_model_no_place_is_named() -> None:
    with pytest.raises(np.linalg.LinAlgError) as caught:
        np.linalg.inv(np.zeros((2, 2)))
    error = caught.value
    assert error.__traceback__ is not None
    assert error_line(error.with_traceback(error.__traceback__.tb_next)) == "LinAlgError: Singular matrix"
    assert error_line(KeyError()) == "KeyError"


def test_a_heading_gives_way_to_what_went_wrong() -> None:
    assert error_line(ValueError("Several errors:\n  first\n  the last")) == "ValueError: the last"


def test_the_reason_stands_at_the_end_of_what_mlflow_says_of_a_schema() -> None:
    reason = "Incompatible input types for column c. Can not safely convert category to <U0."
    error = ValueError(
        f"Failed to enforce schema of data '   a  c\n0  1  x' with schema '['a': long]'. Error: {reason}"
    )
    assert error_line(error) == f"ValueError: {reason}"


def test_a_library_that_is_missing_is_no_fault_of_the_rows() -> None:
    def native(rows: pd.DataFrame) -> pd.DataFrame:
        rules: pd.DataFrame = importlib.import_module("house_rules").apply(rows)
        return rules

    table, _ = credit(200)
    with pytest.raises(ModuleNotFoundError, match="house_rules"):
        adapt(native, table, "python_function")
    with pytest.raises(ModelError, match=r"give rows with the columns"):
        adapt(lambda rows: rows["no such column"], table, "python_function")
