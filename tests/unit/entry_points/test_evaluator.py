"""The evaluator MLflow loads into every process that evaluates anything: it costs nothing and breaks nothing."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError, UsageError
from mlflow_plugin.entry_points import evaluator
from mlflow_plugin.entry_points.evaluator import InterpEvaluator

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOBODY = "http://127.0.0.1:1"  # a port nothing listens to


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", _NOBODY)


def _evaluate(options: Mapping[str, Any] | None = None, **given: Any) -> Any:
    arguments: dict[str, Any] = {"model_type": "regressor", "dataset": None, "run_id": "none", "model": None, **given}
    return InterpEvaluator().evaluate(evaluator_config=options, **arguments)


def test_importing_it_loads_nothing_that_is_not_pythons() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import mlflow_plugin.entry_points.evaluator\n"
        "ours = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(ours - set(sys.stdlib_module_names)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.strip() == "['mlflow_plugin']"


def test_mlflow_finds_it() -> None:
    (declared,) = importlib.metadata.entry_points(group="mlflow.model_evaluator", name="interp")
    assert declared.load() is InterpEvaluator


def test_it_has_what_mlflow_asks_an_evaluator_for() -> None:
    from mlflow.models.evaluation import ModelEvaluator

    assert {name for name in vars(ModelEvaluator) if not name.startswith("_")} <= set(vars(InterpEvaluator))


@pytest.mark.parametrize("model_type", ["classifier", "regressor", "text", "question-answering", None])
@pytest.mark.parametrize("options", [None, {}, {"no such": "option"}])
def test_it_lets_no_evaluation_fail_by_declining(model_type: str | None, options: dict[str, Any] | None) -> None:
    assert InterpEvaluator.can_evaluate(model_type=model_type, evaluator_config=options) is True


@pytest.mark.parametrize(
    ("model_type", "options"),
    [
        ("text", None),
        ("question-answering", {"raise_errors": True}),
        ("regressor", {"log_model_explainability": False}),
    ],
)
def test_what_is_not_meant_to_be_explained_is_left_alone(
    model_type: str, options: dict[str, Any] | None, caplog: pytest.LogCaptureFixture
) -> None:
    result = _evaluate(options, model_type=model_type)
    assert (result.metrics, result.artifacts) == ({}, {})
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def _function() -> Any:
    from mlflow.models.evaluation.base import _get_model_from_function

    return _get_model_from_function(lambda table: table.iloc[:, 0])


@pytest.mark.parametrize(
    ("model", "options", "why"),
    [
        (lambda: None, {}, "predictions are evaluated and no model is given; give the model that made them"),
        (_function, {}, "a function or an endpoint has no files that say what it is; log it as a model, and evaluate"),
        (lambda: None, {"rows": 0}, "rows must be at least 1, not 0"),
        (lambda: None, {"trees": 3}, "unknown option trees; known: rows, background_rows"),
        (lambda: None, {"metric_prefix": "../up"}, "metric_prefix must be a text of letters, digits, '_' and '-', not"),
    ],
)
def test_what_is_wrong_is_a_warning_or_on_request_an_error(
    model: Any, options: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no server answers even the tag cannot be set, and still nothing fails."""
    result = _evaluate(options, model=model())
    assert (result.metrics, result.artifacts, result.run_id) == ({}, {}, "none")
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said.startswith(f"the model was evaluated but not explained: {why}")
    with pytest.raises((UsageError, ModelError)) as caught:
        _evaluate({**options, "raise_errors": True}, model=model())
    assert str(caught.value).startswith(why)


def test_a_defect_is_a_warning_too(caplog: pytest.LogCaptureFixture) -> None:
    from mlflow.models import Model
    from mlflow.pyfunc import PyFuncModel

    loaded = PyFuncModel(Model(), SimpleNamespace(predict=len))
    _evaluate(model=loaded, dataset=SimpleNamespace())
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said.startswith("the model was evaluated but not explained: AttributeError: ")


def test_a_library_that_is_missing_is_a_warning_too() -> None:
    code = (
        "import sys, types\n"
        "sys.modules['numba'] = None\n"  # as if it were not installed
        "from mlflow_plugin.entry_points.evaluator import InterpEvaluator\n"
        "empty = types.SimpleNamespace()\n"
        "result = InterpEvaluator().evaluate(\n"
        "    model_type='regressor', dataset=empty, run_id='none', evaluator_config={}, model=None)\n"
        "print(result.metrics, result.artifacts)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.strip() == "{} {}"
    assert "the model was evaluated but not explained: " in found.stderr


def test_options_are_written_as_python_callers_write_them() -> None:
    config = evaluator._explain_config(
        {"methods": "shap", "class_names": [0, 1.0, True], "positive_class": np.int64(1), "rows": 20}
    )
    assert config == ExplainConfig(methods=("shap",), class_names=("0", "1", "True"), positive_class="1", rows=20)
    assert evaluator._explain_config({"methods": ["shap", "lime"]}).methods == ("shap", "lime")
    with pytest.raises(UsageError, match="class_names must be a list of texts"):
        evaluator._explain_config({"class_names": "yes"})


def test_options_of_mlflows_own_evaluators_are_not_ours() -> None:
    """All of them get the same ones where no evaluator is named."""
    shared = {"rows": 3, "log_model_explainability": True, "pos_label": 1, "metric_prefix": "a_", "raise_errors": True}
    assert evaluator._own(shared) == {"rows": 3}


@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop")  # MLflow's on pandas 3.1
def test_columns_of_an_array_have_no_names() -> None:
    from mlflow.models.evaluation.base import EvaluationDataset

    values = np.arange(6.0).reshape(2, 3)
    assert evaluator._rows(EvaluationDataset(values))[1] is False
    rows, named = evaluator._rows(EvaluationDataset(values, feature_names=["a", "b", "c"]))
    assert (list(rows.columns), named) == (["a", "b", "c"], True)
    table = pd.DataFrame(values, columns=["a", "b", "y"])
    rows, named = evaluator._rows(EvaluationDataset(table, targets="y"))
    assert (list(rows.columns), named) == (["a", "b"], True)


def test_several_targets_are_no_outcome() -> None:
    assert evaluator._outcomes(None) is None
    assert evaluator._outcomes(np.zeros((3, 2))) is None
    assert list(evaluator._outcomes(np.arange(3))) == [0, 1, 2]
