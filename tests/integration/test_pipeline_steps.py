"""Explaining in its three thirds, each called alone, with time passing between them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness.pipeline import EXPLAIN, FOLDER, Pipeline, train_config
from harness.sessions import session_of, version_of

from interp_pipeline.errors import ModelError
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.compute import compute
from interp_pipeline.stages.fetch import fetch
from interp_pipeline.stages.publish import publish
from interp_pipeline.tracking.server.session import connect

if TYPE_CHECKING:
    from pathlib import Path

    from interp_pipeline.steps.train import TrainedVersion

pytestmark = pytest.mark.xdist_group("pipeline")


def _train(pipeline: Pipeline, name: str) -> TrainedVersion:
    config = train_config("regression", "random_forest", n_estimators=3)
    return pipeline.train(str(pipeline.csv("regression")), name, config)


def test_the_thirds_make_the_whole(pipeline: Pipeline, tmp_path: Path) -> None:
    trained, progress = _train(pipeline, "thirds"), SilentProgress()
    version = version_of(pipeline.client, trained.uri)
    fetched = fetch(session_of(pipeline.client), version, EXPLAIN, tmp_path, data=None, progress=progress)
    computed = compute(fetched, EXPLAIN, progress)
    root = pipeline.artifacts(trained.run_id) / FOLDER
    assert not root.exists()  # nothing is written before the last third
    manifest = publish(session_of(pipeline.client), fetched, computed, EXPLAIN, progress)
    by_thirds = {path: (root / path).read_bytes() for path in manifest["files"]}

    whole = pipeline.explain(trained.uri)
    assert whole.manifest is not None
    assert whole.shap is not None
    assert computed.shap is not None
    assert whole.manifest["key"] == manifest["key"]
    assert whole.manifest["files"] == manifest["files"]
    assert {path: (root / path).read_bytes() for path in manifest["files"]} == by_thirds
    np.testing.assert_array_equal(whole.shap.values, computed.shap.values)


def test_the_numbers_need_neither_server_nor_credential(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    trained, progress = _train(pipeline, "alone"), SilentProgress()
    version = version_of(pipeline.client, trained.uri)
    fetched = fetch(session_of(pipeline.client), version, EXPLAIN, tmp_path, data=None, progress=progress)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    computed = compute(fetched, EXPLAIN, progress)
    assert computed.shap is not None
    assert computed.lime is not None
    assert [choice.name for choice in computed.choices] == ["shap_tree", "lime"]


def test_another_version_in_its_place_does_not_get_its_explanation(pipeline: Pipeline, tmp_path: Path) -> None:
    """Deleted and registered again under the same name and number while it was explained."""
    trained, progress = _train(pipeline, "reborn"), SilentProgress()
    version = version_of(pipeline.client, trained.uri)
    fetched = fetch(session_of(pipeline.client), version, EXPLAIN, tmp_path, data=None, progress=progress)
    computed = compute(fetched, EXPLAIN, progress)
    pipeline.client.delete_registered_model("reborn")
    again = _train(pipeline, "reborn")
    assert again.uri == trained.uri
    with pytest.raises(ModelError, match="was deleted and registered again while it was explained; explain it again"):
        publish(session_of(pipeline.client), fetched, computed, EXPLAIN, progress)
    for run_id in (trained.run_id, again.run_id):
        assert not (pipeline.artifacts(run_id) / FOLDER).exists()
    assert "interp.status" not in pipeline.client.get_model_version("reborn", "1").tags


def test_the_main_job_in_one_call(pipeline: Pipeline) -> None:
    from interp_pipeline.steps.main_job import run_main_job

    with contextlib.chdir(pipeline.folder):
        made = run_main_job(
            str(pipeline.csv("multiclass")),
            target="cultivar",
            name_prefix="all.1",
            rows=4,
            session=connect(pipeline.uri),
        )
    assert made.model_uris == ("models:/all.1-random-forest/1", "models:/all.1-keras/1")
    parent = pipeline.client.get_run(made.run_id)
    children = pipeline.client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{made.run_id}'", order_by=["start_time"]
    )
    assert [run.info.status for run in (parent, *children)] == ["FINISHED"] * 4
    assert children[-1].info.run_id == made.comparison_run_id
    assert all(uri in parent.data.tags["mlflow.note.content"] for uri in made.model_uris)
