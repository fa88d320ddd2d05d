"""The same in a notebook: explain, load and compare from Python, with the embedded store and nothing running."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.pipeline import EXPLAIN, Pipeline, train_config
from harness.pipeline_tables import TABLES

import interp_pipeline
from interp_pipeline import Explanation
from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import UsageError
from interp_pipeline.tracking.server.session import connect

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.xdist_group("pipeline")


@pytest.fixture(autouse=True)
def here(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The store, as MLflow's own setting names it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", pipeline.uri)
    return pipeline


@pytest.fixture(scope="module")
def unexplained(pipeline: Pipeline) -> tuple[str, str, str]:
    """Three versions of one model that nobody has explained; the last one has an alias."""
    uris = []
    for n_estimators in (3, 6, 9):
        config = train_config("regression", "random_forest", n_estimators=n_estimators)
        uris.append(pipeline.train(str(pipeline.csv("regression")), "plain", config).uri)
    pipeline.client.set_registered_model_alias("plain", "champion", "2")
    return uris[0], uris[1], uris[2]


def _state(pipeline: Pipeline) -> Mapping[str, Any]:
    """Everything the store holds that an explanation might touch."""
    runs = pipeline.client.search_runs(
        [experiment.experiment_id for experiment in pipeline.client.search_experiments()]
    )
    versions = pipeline.client.search_model_versions()
    return {
        "runs": {run.info.run_id: (run.data.metrics, run.data.tags, run.data.params) for run in runs},
        "versions": {(v.name, v.version): (v.tags, v.description, v.last_updated_timestamp) for v in versions},
        "files": {path: path.stat().st_mtime_ns for path in pipeline.folder.rglob("mlruns/**/*") if path.is_file()},
    }


def test_explaining_writes_nothing_unless_told(here: Pipeline, unexplained: tuple[str, str, str]) -> None:
    before = _state(here)
    assert before["files"]
    explanation = interp_pipeline.explain(unexplained[0], rows=5)
    assert _state(here) == before
    assert isinstance(explanation, Explanation)
    assert explanation.values.shape == (5, 6, 1)
    assert explanation.method == "shap_tree"
    assert explanation.output_names == ("progression",)
    assert explanation.output_unit == "progression"
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, atol=1e-4)
    with pytest.raises(UsageError, match="has no published shap explanation; make one: interp explain"):
        interp_pipeline.load(unexplained[0])


def test_what_is_published_is_what_load_gives(here: Pipeline) -> None:
    config = train_config("regression", "random_forest")
    uri = here.train(str(here.csv("regression")), "loaded", config).uri
    made = interp_pipeline.explain(uri, rows=5, publish=True)
    loaded = interp_pipeline.load(uri)
    for name in ("values", "base_values", "predictions"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(made, name))
    pd.testing.assert_frame_equal(loaded.to_frame(), made.to_frame())
    assert (loaded.method, loaded.seed, loaded.feature_names) == (made.method, made.seed, made.feature_names)
    lime = interp_pipeline.load(uri, method="lime")
    assert lime.local_r2 is not None
    assert lime.row_ids == loaded.row_ids
    assert interp_pipeline.plots.importance(loaded).axes
    assert interp_pipeline.plots.lime(lime, lime.row_ids[0]).axes
    assert loaded.to_shap().values.shape == (5, 6)


def test_a_frame_of_rows_is_explained_row_by_row(unexplained: tuple[str, str, str]) -> None:
    make, target = TABLES["regression"]
    rows = make().drop(columns=target).iloc[[7, 3, 300]]
    explanation = interp_pipeline.explain(unexplained[0], data=rows, methods="shap_tree")
    assert explanation.row_ids == (3, 7, 300)  # by row number, in the frame's own numbers
    pd.testing.assert_frame_equal(explanation.data, rows.sort_index())

    named = rows.set_index(pd.Index(["ann", "bob", "cem"])).assign(beside="not asked for")[::-1]
    again = interp_pipeline.explain(unexplained[0], data=named, methods="shap_tree")
    assert again.row_ids == (0, 1, 2)  # numbered as they come: these names are no numbers
    np.testing.assert_array_equal(again.values[[2, 1, 0]], explanation.values[[1, 0, 2]])

    twice = pd.concat([rows, rows])
    doubled = interp_pipeline.explain(unexplained[0], data=twice, methods=["shap"])
    np.testing.assert_array_equal(doubled.values[:3], doubled.values[3:])


def test_rows_come_from_a_path_too(here: Pipeline, unexplained: tuple[str, str, str]) -> None:
    explanation = interp_pipeline.explain(unexplained[0], data=str(here.csv("regression")), rows=4)
    assert len(explanation.data) == 4


def test_versions_are_found_by_alias_and_as_the_latest(unexplained: tuple[str, str, str]) -> None:
    def values(uri: str) -> list[Any]:
        return list(interp_pipeline.explain(uri, rows=3, methods="shap").values.ravel())

    assert values("models:/plain@champion") == values(unexplained[1])
    assert values("models:/plain/latest") == values(unexplained[2])
    assert values(unexplained[1]) != values(unexplained[2])


def test_lime_is_given_where_it_is_all_that_is_asked_for(unexplained: tuple[str, str, str]) -> None:
    explanation = interp_pipeline.explain(unexplained[0], rows=3, methods=["lime"])
    assert explanation.method == "lime"
    assert explanation.local_r2 is not None


def test_versions_nobody_explained_can_be_compared(here: Pipeline, unexplained: tuple[str, str, str]) -> None:
    before = _state(here)
    comparison = interp_pipeline.compare(unexplained, rows=12)
    assert _state(here) == before
    assert comparison.labels == ("plain v1", "plain v2", "plain v3")
    assert comparison.methods == ("shap_tree",) * 3
    assert comparison.n_rows == 12
    assert set(comparison.features["against"]) == {"plain v2", "plain v3"}
    assert -1 <= comparison.metrics["rank_correlation"] <= 1
    itself = interp_pipeline.compare(unexplained[:2], data=TABLES["regression"][0]().head(6), rows=12)
    assert itself.n_rows == 6


def test_a_comparison_of_three_is_published_in_a_run_of_its_own(
    here: Pipeline, unexplained: tuple[str, str, str]
) -> None:
    from interp_pipeline.config import CompareConfig
    from interp_pipeline.steps.compare import compare

    config = CompareConfig(rows=10, bootstrap_samples=200)
    result = compare(unexplained, config, explain_config=EXPLAIN, session=connect(here.uri))
    assert result.run_id is not None
    run = here.client.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["interp.compared"] == ",".join(unexplained)
    assert run.data.tags["mlflow.note.content"]
    root = here.artifacts(result.run_id) / "comparison"
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert {"features.json", "agreement.json", "report.html"} <= found
    assert {name for name in found if name.startswith("plots/")} == {
        *("plots/rank_flow.png", "plots/agreement_matrix.png"),
        *(f"plots/{name}_{k}.png" for name in ("shift", "disagreement") for k in (1, 2)),
    }
    assert {name.removeprefix("comparison/") for name in run.data.metrics} == {
        *("rank_correlation", "top_k_overlap", "sign_flips", "mean_abs_shift", "significant_features"),
    }
    report = (root / "report.html").read_text(encoding="utf-8")
    assert all(f"plain v{number}" in report for number in (1, 2, 3))


def test_published_explanations_of_the_same_rows_are_compared_as_they_are(here: Pipeline) -> None:
    """Both kinds of model, trained on the same table: nothing is computed again."""
    from interp_pipeline.config import CompareConfig
    from interp_pipeline.steps.compare import compare

    cases = [here.case("multiclass", kind) for kind in ("random_forest", "keras")]
    uris = [case.trained.uri for case in cases]
    said: list[str] = []
    result = compare(
        uris,
        CompareConfig(rows=EXPLAIN.rows, bootstrap_samples=200),
        explain_config=EXPLAIN,
        publishing=False,
        session=connect(here.uri),
        progress=_Listener(said),
    )
    assert result.comparison.methods == ("shap_tree", "shap_exact")
    assert not [line for line in said if "explaining" in line.lower()]
    importance = [case.table("global_importance.json").set_index("feature")["mean_abs_shap"] for case in cases]
    table = result.comparison.features.set_index("feature")
    for label, published in zip(result.comparison.labels, importance, strict=True):
        np.testing.assert_allclose(table[f"importance_{label}"], published[table.index], rtol=1e-5)


@pytest.mark.parametrize(
    ("method", "options", "why"),
    [
        ("shap_tree", {}, ""),
        ("shap_tree", {"seed": 7}, "were made with another seed"),
        ("shap_tree", {"background_rows": 5, "max_error": 0.1}, "were made with another background_rows and max_error"),
        # It counts the training rows of each model, so each would have an average case of its own.
        ("shap_tree_path_dependent", {}, "are not all known to be against the same background"),
    ],
    ids=["as-asked", "seed", "accuracy", "no-background"],
)
def test_what_is_published_is_taken_where_it_is_what_is_asked_for(
    here: Pipeline, method: str, options: dict[str, Any], why: str
) -> None:
    from interp_pipeline.config import CompareConfig
    from interp_pipeline.steps.compare import compare

    uris = _published_by(here, method)
    said: list[str] = []
    result = compare(
        uris,
        CompareConfig(rows=EXPLAIN.rows, bootstrap_samples=200),
        explain_config=ExplainConfig(**options),
        publishing=False,
        session=connect(here.uri),
        progress=_Listener(said),
    )
    assert result.comparison.methods == ("shap_tree", "shap_tree")
    reason = f"The published explanations {why}; explaining all versions on the same rows"
    assert (reason in said) == bool(why)
    assert bool([line for line in said if line.startswith("plain-by")]) == bool(why)


@functools.cache
def _published_by(here: Pipeline, method: str) -> tuple[str, str]:
    """Two versions explained by this method."""
    name, table = f"plain-by-{method.replace('_', '-')}", str(here.csv("regression"))
    configs = [train_config("regression", "random_forest", n_estimators=count) for count in (3, 6)]
    uris = [here.train(table, name, config).uri for config in configs]
    for uri in uris:
        here.explain(uri, replace(EXPLAIN, methods=(method,), background_rows=100))
    return uris[0], uris[1]


class _Listener(interp_pipeline.progress.SilentProgress):
    """Keeps what is said and which stages are opened."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def track(self, stage: str, total: int) -> Any:
        self._said.append(stage)
        return super().track(stage, total)

    def say(self, message: str) -> None:
        self._said.append(message)


@pytest.mark.parametrize(
    ("uris", "says"),
    [
        ([], "needs two versions or more"),
        (["models:/plain/1"], "needs two versions or more"),
        (["models:/plain/1", "models:/plain/1"], "named twice"),
        (["models:/plain/2", "models:/plain@champion"], "named twice"),
    ],
)
@pytest.mark.usefixtures("unexplained")
def test_a_comparison_needs_different_versions(uris: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        interp_pipeline.compare(uris)
