"""``mlflow.models.evaluate`` with our evaluator against a real MLflow server, whose clients have only its address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlflow
import pandas as pd
import pytest
from harness.evaluations import BRIEF, evaluate, log_sklearn, require_explained
from harness.tracking_server import tracking_server
from harness.zoo import measurements
from sklearn.tree import DecisionTreeRegressor

import interp_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.filterwarnings("ignore:(?s).*integer column:UserWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop"),  # MLflow's on pandas 3.1
    # MLflow's hook on whatever its evaluators import first
    pytest.mark.filterwarnings("ignore:_ImportHookChainedLoader.exec_module:ImportWarning"),
    pytest.mark.filterwarnings(r"ignore:the load_module\(\) method is deprecated:DeprecationWarning"),
]

NUMBERS = [f"m{i}" for i in range(5)]
TABLE = measurements()


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    with tracking_server(folder, store=f"sqlite:///{folder / 'mlflow.db'}", artifacts=str(folder / "artifacts")) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        yield uri


def test_both_evaluators_on_a_server(server: str) -> None:
    tree = DecisionTreeRegressor(max_depth=4, random_state=0).fit(TABLE[NUMBERS], TABLE["amount"])
    info = log_sklearn(tree, TABLE[NUMBERS], "tree")
    options = {"default": {"log_model_explainability": False}, "interp": BRIEF}
    result = evaluate(info.model_uri, TABLE, "amount", evaluators=["default", "interp"], evaluator_config=options)
    record = require_explained(result, "explanations/model")
    assert result.metrics["r2_score"] > 0.5
    client = mlflow.MlflowClient()
    assert client.tracking_uri == server
    assert client.get_model_version("tree", "1").tags == {}
    logged = {metric.key for metric in client.get_logged_model(info.model_id).metrics}
    assert {f"shap_mean_abs/{name}" for name in NUMBERS} <= logged

    values = result.artifacts["explanations/model/shap_values.parquet"].content
    rows = TABLE.loc[result.artifacts["explanations/model/explained_rows.parquet"].content.index, NUMBERS]
    background = TABLE.loc[result.artifacts["explanations/model/background.parquet"].content.index, NUMBERS]
    explanation = interp_pipeline.explain(record["model"]["uri"], data=rows, background=background, target="amount")
    pd.testing.assert_frame_equal(values, explanation.to_frame().reset_index(drop=True), rtol=0, atol=0)
