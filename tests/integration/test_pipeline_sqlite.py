"""Train and explain on the embedded store: what lies in the run is what the contract says, and is right."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from harness.pipeline import CASES, EXPLAIN, Case, Pipeline, train_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

pytestmark = pytest.mark.xdist_group("pipeline")

_every_case = pytest.mark.parametrize("case", CASES, ids="-".join, indirect=True)
_METHODS = {
    ("binary", "random_forest"): "shap_tree",
    ("binary", "keras"): "shap_permutation",  # 20 features: too many to enumerate
    ("multiclass", "random_forest"): "shap_tree",
    ("multiclass", "keras"): "shap_exact",
    ("regression", "random_forest"): "shap_tree",
    ("regression", "keras"): "shap_exact",
}
_OUTPUTS = {
    "binary": ["bad", "good"],
    "multiclass": ["Barbera", "Grignolino", "Nebbiolo"],
    "regression": ["progression"],
}


@pytest.fixture
def case(request: pytest.FixtureRequest, pipeline: Pipeline) -> Case:
    return pipeline.case(*request.param)


@_every_case
def test_every_file_of_the_contract_is_there_and_no_other(case: Case) -> None:
    found = {str(path.relative_to(case.published)) for path in case.published.rglob("*") if path.is_file()}
    shown = sorted(int(path.stem.removeprefix("row_")) for path in (case.published / "local").iterdir())
    assert len(shown) == EXPLAIN.instances
    pictures = {"importance", "beeswarm", "heatmap", *(f"dependence_{k}" for k in range(1, 6))}
    pictures |= {f"{name}_{i}" for name in ("waterfall", "lime") for i in shown}
    of_trees = {"interactions.json", "plots/interactions.png"} if case.kind == "random_forest" else set()
    assert found == of_trees | {
        "manifest.json",
        "global_importance.json",
        "shap_values.parquet",
        "lime_weights.parquet",
        "explained_rows.parquet",
        "background.parquet",
        "report.html",
        *(f"local/row_{i}.json" for i in shown),
        *(f"plots/{name}.png" for name in pictures),
    }


@_every_case
def test_tables_have_the_columns_of_the_contract(case: Case) -> None:
    rows, features = case.parquet("explained_rows.parquet"), list(case.parquet("explained_rows.parquet").columns)
    shap, lime = case.parquet("shap_values.parquet"), case.parquet("lime_weights.parquet")
    head = ["row_id", "output", "base_value", "prediction", *(f"shap/{name}" for name in features)]
    estimated = _METHODS[case.task, case.kind] == "shap_permutation"
    assert list(shap.columns) == head + [f"std_error/{name}" for name in features if estimated]
    assert list(lime.columns)[:5] == ["row_id", "output", "intercept", "local_r2", "prediction"]
    assert list(lime.columns)[5:] == [f"lime/{name}" for name in features]
    assert list(case.parquet("background.parquet").columns) == features
    outputs = _OUTPUTS[case.task]
    for table in (shap, lime):
        assert list(table["output"]) == outputs * EXPLAIN.rows
        assert list(table["row_id"]) == [row_id for row_id in rows.index for _ in outputs]

    importance = case.table("global_importance.json")
    per_output = outputs if case.task == "multiclass" else []
    assert list(importance.columns) == [
        *("feature", "mean_abs_shap", "rank", "mean_shap", "std_error"),
        *itertools.chain.from_iterable((f"mean_abs_shap/{name}", f"mean_shap/{name}") for name in per_output),
        "lime_mean_abs_weight",
    ]
    assert sorted(importance["feature"]) == sorted(features)
    assert list(importance["rank"]) == list(range(1, len(features) + 1))
    local = case.table(f"local/{next((case.published / 'local').iterdir()).name}")
    assert list(local.columns)[:4] == ["feature", "value", "shap", "lime"]


@_every_case
def test_interactions_are_those_of_the_published_values_or_the_manifest_says_why_not(case: Case) -> None:
    said = case.manifest["interactions"]
    if case.kind == "keras":
        assert said["rows"] == 0
        assert f"explained by {_METHODS[case.task, case.kind]}" in said["why"]
        return
    assert said == {"rows": EXPLAIN.rows, "why": "Interactions were computed for all explained rows."}
    assert case.manifest["timings_s"]["interactions"] > 0
    table, features = case.table("interactions.json"), list(case.parquet("explained_rows.parquet").columns)
    per_output = _OUTPUTS[case.task] if case.task == "multiclass" else []
    assert list(table.columns) == [
        *("feature_1", "feature_2", "mean_abs_interaction", "rank", "mean_interaction", "share"),
        *itertools.chain.from_iterable(
            (f"mean_abs_interaction/{name}", f"mean_interaction/{name}") for name in per_output
        ),
    ]
    assert len(table) > 1
    assert {*table["feature_1"], *table["feature_2"]} <= set(features)
    assert table["mean_abs_interaction"].is_monotonic_decreasing
    assert 0 < table["share"].sum() < 1
    report = (case.published / "report.html").read_text(encoding="utf-8")
    assert "What acts together" in report
    assert f"{table['feature_1'][0]} and {table['feature_2'][0]} together move a prediction by" in report


@_every_case
def test_published_values_add_up_to_what_the_served_model_predicts(case: Case, pipeline: Pipeline) -> None:
    import mlflow

    mlflow.set_tracking_uri(pipeline.uri)
    served = mlflow.pyfunc.load_model(case.trained.uri).predict(case.parquet("explained_rows.parquet"))
    table = case.parquet("shap_values.parquet")
    values = table.filter(regex="^shap/").sum(axis=1)
    span = max(float(np.ptp(served.to_numpy())), 1.0)
    np.testing.assert_allclose(table["base_value"] + values, served.to_numpy().ravel(), rtol=0, atol=1e-6 * span)
    assert values.abs().max() > 0.01 * span  # the model does something, so this says something


@pytest.mark.parametrize("kind", ["random_forest", "keras"])
def test_values_are_those_of_shapleys_formula_over_raw_rows(kind: str, pipeline: Pipeline) -> None:
    """Every subset of six raw features, cell by cell, through the model as anyone would load it."""
    import mlflow

    case = pipeline.case("regression", kind)
    mlflow.set_tracking_uri(pipeline.uri)
    served = mlflow.pyfunc.load_model(case.trained.uri)
    rows, background = case.parquet("explained_rows.parquet"), case.parquet("background.parquet")
    table = case.parquet("shap_values.parquet").filter(regex="^shap/").to_numpy()
    for i in range(len(rows)):
        expected = _shapley(lambda mixed: served.predict(mixed).to_numpy()[:, 0], rows.iloc[[i]], background)
        np.testing.assert_allclose(table[i], expected, rtol=0, atol=2e-5 * np.abs(table).max())


def _shapley(
    predict: Callable[[pd.DataFrame], NDArray[np.float64]], row: pd.DataFrame, background: pd.DataFrame
) -> NDArray[np.float64]:
    names = list(background.columns)
    subsets = [frozenset(s) for size in range(len(names) + 1) for s in itertools.combinations(names, size)]
    own = pd.concat([row] * len(background), ignore_index=True)
    fill = background.reset_index(drop=True)
    mixed = [pd.DataFrame({name: (own if name in subset else fill)[name] for name in names}) for subset in subsets]
    worth = predict(pd.concat(mixed, ignore_index=True)).reshape(len(subsets), -1).mean(axis=1)
    of = dict(zip(subsets, worth, strict=True))

    def value(name: str) -> float:
        return sum(
            (of[subset | {name}] - of[subset]) / (len(names) * math.comb(len(names) - 1, len(subset)))
            for subset in subsets
            if name not in subset
        )

    return np.array([value(name) for name in names])


@_every_case
def test_the_manifest_says_what_was_done_and_proves_the_files(case: Case) -> None:
    from interp_pipeline.tracking.runs.manifest import digest, verify

    manifest = case.manifest
    files = {
        str(path.relative_to(case.published)): path.read_bytes()
        for path in case.published.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert manifest["files"] == {path: digest(content) for path, content in files.items()}
    assert verify(manifest, files) == []
    shap, lime = manifest["methods"]
    assert (shap["kind"], shap["name"]) == ("shap", _METHODS[case.task, case.kind])
    assert shap["exact"] is (shap["name"] != "shap_permutation")
    assert (lime["kind"], lime["name"], lime["exact"]) == ("lime", "lime", False)
    assert shap["why"].endswith(".")
    assert lime["why"].endswith(".")
    assert manifest["model"]["uri"] == case.trained.uri
    assert manifest["model"]["output_names"] == _OUTPUTS[case.task]
    assert manifest["model"]["positive_class"] == ("bad" if case.task == "binary" else None)
    assert manifest["config"]["seed"] == 42
    assert manifest["rows"]["count"] == EXPLAIN.rows
    assert manifest["background_rows"] == EXPLAIN.background_rows
    assert {"load", "draw", "check", "interactions", shap["name"], "lime"} == set(manifest["timings_s"])
    assert {"mlflow", "numpy", "scikit-learn", "shap", "lime"} <= set(manifest["libraries"])
    span = max(float(np.ptp(case.parquet("shap_values.parquet")["prediction"])), 1.0)
    assert manifest["checks"]["additivity_error"] < 1e-6 * span
    assert manifest["checks"]["prediction_mismatch"] < 1e-6 * span


@_every_case
def test_metrics_tags_and_images_lead_to_the_explanation(case: Case, pipeline: Pipeline) -> None:
    run = pipeline.client.get_run(case.trained.run_id)
    metrics = run.data.metrics
    importance = case.table("global_importance.json")
    for name, value in zip(importance["feature"], importance["mean_abs_shap"], strict=True):
        assert metrics[f"shap_mean_abs/{name}"] == pytest.approx(value, rel=1e-5)  # the table rounds
    assert {name for name in metrics if name.startswith("shap_mean_abs/")} == {
        f"shap_mean_abs/{name}" for name in importance["feature"]
    }
    assert {name.removeprefix("explanation_cost/") for name in metrics if name.startswith("explanation_cost/")} == {
        *("seconds", "rows_per_second", "model_evaluations", "peak_memory_mb")
    }
    checks = {name.removeprefix("explanation_check/") for name in metrics if name.startswith("explanation_check/")}
    assert checks == set(case.manifest["checks"])
    expected = {
        "binary": {"accuracy", "balanced_accuracy", "roc_auc", "log_loss", "baseline_accuracy"},
        "multiclass": {"accuracy", "balanced_accuracy", "roc_auc", "log_loss", "baseline_accuracy"},
        "regression": {"rmse", "mae", "r2", "r2_low", "r2_high", "baseline_rmse"},
    }[case.task]
    assert {name.removeprefix("test_") for name in metrics if name.startswith("test_")} == expected

    key = case.manifest["key"]
    assert run.data.tags["interp.explained_model"] == case.trained.uri
    assert run.data.tags["interp.key"] == key
    announced = json.loads(run.data.tags["mlflow.loggedArtifacts"])
    tables = {entry["path"] for entry in announced if entry["type"] == "table"}
    of_trees = {"explanations/model/interactions.json"} if case.kind == "random_forest" else set()
    assert tables == {"explanations/model/global_importance.json"} | of_trees
    version = pipeline.client.get_model_version(f"{case.task}-{case.kind}", "1")
    assert {name: value for name, value in version.tags.items() if name != "interp.description_sha256"} == {
        "interp.status": "done",
        "interp.key": key,
        "interp.run_id": case.trained.run_id,
        "interp.artifact_path": "explanations/model",
    }
    assert "mlflow.note.content" in run.data.tags
    assert version.description == run.data.tags["mlflow.note.content"]
    images = sorted(path.name for path in (case.artifacts / "images").iterdir())
    assert len(images) == 4  # a picture and a thumbnail for each key
    for key_, name in (("shap_importance", "importance"), ("shap_beeswarm", "beeswarm")):
        (large,) = [path for path in images if path.startswith(f"{key_}+step+0+") and path.endswith(".png")]
        shown = (case.artifacts / "images" / large).read_bytes()
        assert shown == (case.published / f"plots/{name}.png").read_bytes()


@_every_case
def test_what_explaining_needs_was_there_before_the_version(case: Case, pipeline: Pipeline) -> None:
    """Whoever is woken by a new version must find background data and rows already in its run."""
    created_ms = pipeline.client.get_model_version(f"{case.task}-{case.kind}", "1").creation_timestamp
    for name in ("schema.json", "background.parquet", "rows.parquet"):
        assert (case.artifacts / "training" / name).stat().st_mtime_ns // 1_000_000 <= created_ms


@_every_case
def test_training_leaves_what_the_ui_shows_of_a_run(case: Case, pipeline: Pipeline) -> None:
    run = pipeline.client.get_run(case.trained.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["kind"] == case.kind
    assert run.data.params["task"] == case.task
    assert run.data.params["data_source"] == str(pipeline.csv(case.task))
    assert run.data.params.get("positive_class_used") == ("bad" if case.task == "binary" else None)
    own = {"random_forest": {"n_estimators": "12", "max_depth": "6"}, "keras": {"hidden": "(12,)", "epochs": "4"}}
    for name, value in own[case.kind].items():
        assert run.data.params[name] == value
    contexts = {tag.value for given in run.inputs.dataset_inputs for tag in given.tags if tag.key.endswith("context")}
    assert contexts == {"train", "test"}
    plots = {path.name for path in (case.artifacts / "training/plots").iterdir()}
    curve = {"epochs.png"} if case.kind == "keras" else set()
    assert plots == curve | {"residuals.png" if case.task == "regression" else "confusion_matrix.png"}
    history = pipeline.client.get_metric_history(case.trained.run_id, "epoch/loss")
    assert [point.step for point in history] == (list(range(4)) if case.kind == "keras" else [])


@_every_case
def test_rows_to_explain_come_from_the_test_split_and_the_background_from_training(
    case: Case, pipeline: Pipeline
) -> None:
    from interp_pipeline.data.dataset import load_dataset

    dataset = load_dataset(str(pipeline.csv(case.task)), train_config(case.task, case.kind))
    rows, background = case.parquet("explained_rows.parquet"), case.parquet("background.parquet")
    for published, split in ((rows, dataset.test), (background, dataset.train)):
        source = dataset.features(split).loc[published.index]
        pd.testing.assert_frame_equal(_gaps_named(published), _gaps_named(source), check_names=False)


def _gaps_named(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.astype(object).fillna("gap")  # a gap is NaN in one file format and None in another
