"""Whatever is wrong with an explanation, the evaluation it is part of goes on, and says so."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from harness.evaluations import evaluate, log_sklearn
from harness.zoo import measurements
from mlflow.models import ModelSignature
from mlflow.types.schema import Array, ColSpec, DataType, Schema
from sklearn.tree import DecisionTreeRegressor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:(?s).*integer column:UserWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop"),  # MLflow's on pandas 3.1
    pytest.mark.filterwarnings("ignore:Add type hints to the `predict` method:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*An input example was not provided:UserWarning"),
]

NUMBERS = [f"m{i}" for i in range(5)]
TABLE = measurements(60)
TREE = DecisionTreeRegressor(max_depth=3, random_state=0).fit(TABLE[NUMBERS], TABLE["amount"])


class _Refuses(mlflow.pyfunc.PythonModel):
    """Answers for the table it is evaluated on, and for no other."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> np.ndarray:
        del context, params
        if len(model_input) != len(TABLE):
            msg = "no such table"
            raise RuntimeError(msg)
        return np.zeros(len(model_input))


class _Leaves(mlflow.pyfunc.PythonModel):
    """Likewise, but ends the process."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> np.ndarray:
        del context, params
        if len(model_input) != len(TABLE):
            sys.exit(3)
        return np.zeros(len(model_input))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def here(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    monkeypatch.chdir(store)
    yield
    mlflow.end_run()


def _python_model(model: Any) -> Any:
    signature = ModelSignature(inputs=Schema([ColSpec(DataType.double, name) for name in NUMBERS]))
    with mlflow.start_run():
        return mlflow.pyfunc.log_model(
            name="model", python_model=model, signature=signature, pip_requirements=["mlflow"]
        )


def _of_lists() -> Any:
    """A model whose columns hold lists."""
    signature = ModelSignature(inputs=Schema([ColSpec(Array(DataType.double), name) for name in NUMBERS]))
    return mlflow.pyfunc.load_model(log_sklearn(TREE, TABLE[NUMBERS], signature=signature).model_uri)


def _tree() -> Any:
    return log_sklearn(TREE, TABLE[NUMBERS]).model_uri


def _function(table: pd.DataFrame) -> Any:
    return TREE.predict(table)


CASES = [
    pytest.param(lambda: _function, {}, "a function or an endpoint has no files", id="function"),
    pytest.param(_of_lists, {}, "declares column 'm0' as Array(double), and only tables of single values", id="lists"),
    pytest.param(_tree, {"trees": 3}, "unknown option trees", id="option"),
    pytest.param(_tree, {"methods": ["tarot"]}, "tarot", id="method"),
    pytest.param(_tree, {"output": "margin"}, "margin", id="output"),
    pytest.param(_tree, {"background": "/nowhere/to/be/found.csv"}, "/nowhere/to/be/found.csv", id="background"),
    pytest.param(_tree, {"background": 7}, "background data must be a pandas DataFrame, or the path", id="number"),
    pytest.param(_tree, {"methods": "lime"}, "LIME is published beside SHAP, not in its place", id="lime"),
    pytest.param(lambda: _python_model(_Refuses()).model_uri, {}, "no such table", id="refuses"),
    pytest.param(lambda: _python_model(_Leaves()).model_uri, {}, "SystemExit: 3", id="leaves"),
]


@pytest.mark.parametrize(("model", "options", "why"), CASES)
def test_it_goes_on(model: Any, options: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture) -> None:
    given = model()
    caplog.clear()
    with mlflow.start_run() as run:
        result = evaluate(given, TABLE, "amount", evaluator_config=options)
    assert (result.metrics, result.artifacts) == ({}, {})
    ours = [
        record for record in caplog.records if record.name.startswith("interp") and record.levelno >= logging.WARNING
    ]
    assert len(ours) == 1
    assert why in ours[0].getMessage()
    after = mlflow.MlflowClient().get_run(run.info.run_id)
    assert why in after.data.tags["interp.error"]
    assert after.info.status == "FINISHED"
    assert mlflow.MlflowClient().list_artifacts(run.info.run_id) == []

    with pytest.raises((Exception, SystemExit)) as caught:
        evaluate(given, TABLE, "amount", evaluator_config={**options, "raise_errors": True})
    assert why.removeprefix("SystemExit: ") in str(caught.value)


def test_predictions_without_a_model_beside_the_default_evaluator() -> None:
    table = TABLE.assign(guess=TREE.predict(TABLE[NUMBERS]))
    options: dict[str, Any] = {"evaluators": ["default", "interp"], "evaluator_config": {"interp": {"rows": 5}}}
    result = evaluate(None, table, "amount", predictions="guess", **options)
    assert result.metrics["r2_score"] > 0.5
    why = mlflow.MlflowClient().get_run(result.run_id).data.tags["interp.error"]
    assert why == "predictions are evaluated and no model is given; give the model that made them"


def test_what_went_wrong_is_forgotten_once_it_went_right() -> None:
    uri = _tree()
    with mlflow.start_run() as run:
        evaluate(uri, TABLE, "amount", evaluator_config={"rows": -1})
        assert "interp.error" in mlflow.MlflowClient().get_run(run.info.run_id).data.tags
        evaluate(uri, TABLE, "amount", evaluator_config={"rows": 5, "methods": "shap", "instances": 1})
    after = mlflow.MlflowClient().get_run(run.info.run_id).data
    assert "interp.error" not in after.tags
    assert after.metrics["explanation_check/additivity_error"] <= 1e-6


def test_a_row_the_model_cannot_read() -> None:
    """MLflow's own evaluators are not asked: they could not read it either."""
    numbers = pd.DataFrame({"m0": ["many"] * len(TABLE)}).join(TABLE.drop(columns="m0"))
    result = evaluate(_tree(), numbers, "amount", evaluator_config={})
    why = mlflow.MlflowClient().get_run(result.run_id).data.tags["interp.error"]
    assert "'m0'" in why
    assert "the evaluation data" in why
