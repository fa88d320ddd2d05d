"""``mlflow.models.evaluate`` with our evaluator, for models of all kinds, in an embedded store."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.evaluations import BRIEF, evaluate, log_sklearn, read_explanation, require_explained
from harness.zoo import REQUIRED, flowers, loans, measurements
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

import interp_pipeline

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:(?s).*integer column:UserWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop"),  # MLflow's on pandas 3.1
    # MLflow's hook on whatever its evaluators import first
    pytest.mark.filterwarnings("ignore:_ImportHookChainedLoader.exec_module:ImportWarning"),
    pytest.mark.filterwarnings(r"ignore:the load_module\(\) method is deprecated:DeprecationWarning"),
]

NUMBERS = [f"m{i}" for i in range(5)]
TABLE = measurements()
TREE = DecisionTreeRegressor(max_depth=4, random_state=0).fit(TABLE[NUMBERS], TABLE["amount"])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def here(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    monkeypatch.chdir(store)


def _forest() -> Any:
    numbers, texts = ["income", "age"], ["job", "home"]
    fill = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = make_column_transformer((SimpleImputer(), numbers), (fill, texts))
    return make_pipeline(columns, RandomForestClassifier(10, random_state=0))


def _require_same_as_explain(uri: str, result: Any, root: str, table: pd.DataFrame, **options: Any) -> None:
    """Our values against those of the public function for the same rows and background of the evaluated table."""
    files = read_explanation(result.run_id, root)[1]
    explained, others, values = (
        pd.read_parquet(io.BytesIO(files[name]))
        for name in ("explained_rows.parquet", "background.parquet", "shap_values.parquet")
    )
    rows, background = table.loc[explained.index], table.loc[others.index]
    explanation = interp_pipeline.explain(uri, data=rows, background=background, methods="shap", **options)
    pd.testing.assert_frame_equal(values, explanation.to_frame().reset_index(drop=True), rtol=0, atol=1e-12)


def test_texts_and_gaps_beside_the_default_evaluator() -> None:
    import mlflow

    table = loans()
    features = table.drop(columns="outcome")
    info = log_sklearn(_forest().fit(features, table["outcome"]), features, "credit", name="forest")
    alone = evaluate(
        "models:/credit/1",
        table,
        "outcome",
        "classifier",
        evaluators="default",
        evaluator_config={"pos_label": "repaid"},
    )
    both = evaluate(
        "models:/credit/1",
        table,
        "outcome",
        "classifier",
        evaluators=["interp", "default"],  # the other finds the model as it was
        evaluator_config={"default": {"pos_label": "repaid"}, "interp": BRIEF},
    )
    record = require_explained(both, "explanations/forest")
    assert {name: both.metrics[name] for name in alone.metrics} == alone.metrics
    assert set(alone.artifacts) < set(both.artifacts)
    assert record["rows"] == {"count": 12, "source": "the evaluation data"}
    assert record["background_source"] == "100 of 160 rows of the evaluation data, drawn, none of them explained"
    assert record["model"]["uri"] == "models:/credit/1"
    report = both.artifacts["explanations/forest/report.html"].content
    assert "credit version 1" in report
    assert "Explained here: 12 of 160 rows of the evaluation data, drawn." in report
    assert "The true outcome was" in report
    _require_same_as_explain("models:/credit/1", both, "explanations/forest", features)

    client = mlflow.MlflowClient()
    assert client.get_model_version("credit", "1").tags == {}
    assert not client.get_model_version("credit", "1").description
    assert client.list_artifacts(info.run_id, "explanations") == []


def test_a_result_can_be_saved_and_read_again(tmp_path: Path) -> None:
    from mlflow.models import EvaluationResult

    log_sklearn(TREE, TABLE[NUMBERS], "kept")
    result = evaluate("models:/kept/1", TABLE, "amount")
    result.save(str(tmp_path))
    again = EvaluationResult.load(str(tmp_path))
    assert again.metrics == result.metrics
    path = "explanations/model/shap_values.parquet"
    pd.testing.assert_frame_equal(again.artifacts[path].content, result.artifacts[path].content)


def test_a_network_of_three_classes_on_an_array() -> None:
    import keras
    import mlflow
    from mlflow.models import infer_signature

    table = flowers()
    values, species = table[NUMBERS].to_numpy(np.float32), table["species"].astype("category").cat.codes.to_numpy()
    keras.utils.set_random_seed(0)
    layers = [keras.Input((5,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")]
    network = keras.Sequential(layers)
    signature = infer_signature(values, np.asarray(network(values)))
    with mlflow.start_run() as run:
        info = mlflow.keras.log_model(network, name="net", signature=signature, **REQUIRED)
    mlflow.register_model(info.model_uri, "flowers")
    options = {**BRIEF, "class_names": ["daisy", "rose", "tulip"]}
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/net")
    result = evaluate(loaded, values, species, "classifier", evaluator_config=options, feature_names=NUMBERS)
    record = require_explained(result, "explanations/net")
    assert record["model"]["output_names"] == ["daisy", "rose", "tulip"]
    assert record["methods"][0]["name"] == "shap_exact"
    assert {f"shap_mean_abs/{name}" for name in NUMBERS} <= set(result.metrics)
    _require_same_as_explain(
        "models:/flowers/1", result, "explanations/net", table[NUMBERS], class_names=["daisy", "rose", "tulip"]
    )


def test_a_regression_from_a_folder_beside_the_default_evaluator(tmp_path: Path) -> None:
    """It was never logged: no run, no registry, and an array whose columns are taken in the model's order."""
    import mlflow
    from mlflow.models import infer_signature

    signature = infer_signature(TABLE[NUMBERS], TABLE["amount"])
    folder = str(tmp_path / "tree")
    mlflow.sklearn.save_model(TREE, folder, signature=signature, serialization_format="cloudpickle", **REQUIRED)
    data = mlflow.data.from_pandas(TABLE, targets="amount")
    result = mlflow.models.evaluate(
        folder, data, model_type="regressor", evaluators=["default", "interp"], evaluator_config={"interp": BRIEF}
    )
    record = require_explained(result, "explanations/model")
    assert record["model"]["registered_as"] == []
    assert record["model"]["target"] == "amount"
    assert result.metrics["r2_score"] > 0.5

    unnamed = evaluate(mlflow.pyfunc.load_model(folder), TABLE[NUMBERS].to_numpy(), TABLE["amount"].to_numpy())
    require_explained(unnamed, "explanations/model")
    one, other = (each.artifacts["explanations/model/shap_values.parquet"].content for each in (unnamed, result))
    pd.testing.assert_frame_equal(one.assign(output="amount"), other)
    report = unnamed.artifacts["explanations/model/report.html"].content
    assert "The columns of the evaluation data have no names; they were taken in the model&#39;s order." in report


def test_in_a_run_that_models_were_logged_to_the_versions_own_explanation_stays() -> None:
    import mlflow
    from mlflow.models import infer_signature
    from xgboost import XGBClassifier

    features, big = TABLE[NUMBERS], (TABLE["amount"] > 0).astype(int)
    model = XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1).fit(features, big)
    signature = infer_signature(features, model.predict(features))
    with mlflow.start_run() as run:
        mlflow.xgboost.log_model(model, name="boosted", registered_model_name="xgb", signature=signature, **REQUIRED)
    published = interp_pipeline.explain("models:/xgb/1", data=features, rows=20, methods="shap", publish=True)
    client = mlflow.MlflowClient()
    before, version = client.get_run(run.info.run_id), client.get_model_version("xgb", "1")
    with mlflow.start_run(run_id=run.info.run_id):
        result = evaluate("models:/xgb/1", features.assign(big=big), "big", "classifier")
    assert result.run_id == run.info.run_id
    record = require_explained(result, "explanations/evaluation_boosted", "evaluation_")
    assert record["model"]["output_unit"] == "log-odds"

    after = client.get_run(run.info.run_id)
    assert before.data.metrics.items() <= after.data.metrics.items()
    assert after.data.tags["mlflow.note.content"] == before.data.tags["mlflow.note.content"]
    assert client.get_model_version("xgb", "1") == version
    np.testing.assert_array_equal(interp_pipeline.load("models:/xgb/1").values, published.values)
    tables = after.data.tags["mlflow.loggedArtifacts"]
    assert "explanations/boosted/global_importance.json" in tables
    assert "explanations/evaluation_boosted/global_importance.json" in tables
    _require_same_as_explain("models:/xgb/1", result, "explanations/evaluation_boosted", features)


def test_two_evaluations_in_one_run_are_told_apart_by_the_prefix() -> None:
    import mlflow

    log_sklearn(TREE, TABLE[NUMBERS], "twice")
    with mlflow.start_run():
        first, second = (
            evaluate("models:/twice/1", table, "amount", evaluator_config={**BRIEF, "metric_prefix": prefix})
            for prefix, table in (("", TABLE), ("late_", TABLE.tail(60)))
        )
    assert first.run_id == second.run_id
    require_explained(first, "explanations/model")
    require_explained(second, "explanations/late_model", "late_")


def test_all_evaluators_are_asked_where_none_is_named() -> None:
    log_sklearn(TREE, TABLE[NUMBERS], "unnamed")
    shared = {"rows": 12, "methods": "shap", "instances": 1, "log_explainer": False, "explainability_nsamples": 20}
    result = evaluate("models:/unnamed/1", TABLE, "amount", evaluators=None, evaluator_config=shared)
    require_explained(result, "explanations/model")
    assert "mean_squared_error" in result.metrics


def test_of_very_many_rows_some_are_explained() -> None:
    log_sklearn(TREE, TABLE[NUMBERS], "many")
    table = measurements(300_000)
    result = evaluate("models:/many/1", table, "amount")
    record = require_explained(result, "explanations/model")
    assert record["rows"]["count"] == 12
    assert "Explained here: 12 of 300,000 rows of the evaluation data, drawn." in record["announcement"]["description"]
