"""A version, its model, its run or its files are deleted, whatever a worker is at: nothing is written where it lay."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from harness.command_line import interp
from harness.fault_checks import check_explained, ran
from harness.fault_stage import await_compute
from harness.figures import figure
from harness.slow_model import register_slow
from harness.workers import eventually, register_forest

from interp_pipeline.tracking import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.fault_stage import Stage
    from harness.workers import WorkerProcess
    from mlflow.entities.model_registry import ModelVersion

pytestmark = pytest.mark.faults

_HANGS_S = 2.0  # longer than a worker writes without another look


def version_of(stage: Stage, uri: str) -> ModelVersion:
    """A version as it is registered."""
    return stage.client.get_model_version(*uri.removeprefix("models:/").rsplit("/", 1))


def delete(stage: Stage, version: ModelVersion, what: str) -> None:
    """Delete a version, its registered model, its run, its logged model, or the files of that."""
    logged = version.source.removeprefix("models:/")
    if what == "version":
        stage.client.delete_model_version(version.name, version.version)
    elif what == "model":
        stage.client.delete_registered_model(version.name)
    elif what == "run":
        stage.client.delete_run(version.run_id)
    elif what == "logged model":
        stage.client.delete_logged_model(logged)
    elif what == "files":
        for key in stage.objects(logged):
            stage.storage.client.delete_object(Bucket=stage.storage.bucket, Key=key)
    else:
        raise AssertionError(what)


def check_gone(stage: Stage, uri: str, *words: str) -> None:
    """The job is gone, for a reason that scans respect."""
    job = stage.jobs()[uri]
    assert (job.state, job.error_class, job.crashes, job.lapses) == ("gone", "GoneError", 0, 0)
    for word in words:
        assert word in str(job.error)


def check_comes_back(stage: Stage, version: ModelVersion, worker: WorkerProcess, monkeypatch: Any) -> None:
    """A version whose run was deleted says how to get it back, stays gone by itself, and is explained when asked."""
    uri = f"models:/{version.name}/{version.version}"
    advice = f"its run was deleted; restore it (mlflow runs restore --run-id {version.run_id}) and try again"
    check_gone(stage, uri, advice)
    tags = version_of(stage, uri).tags
    assert tags[layout.TAG_STATUS] == "failed"
    assert advice in tags[layout.TAG_ERROR]
    monkeypatch.setenv("INTERP_JOBS_URI", stage.jobs_uri)
    file = stage.folder / "scan.toml"
    file.write_text(stage.config(), encoding="utf-8")
    command = f"reconcile --tracking-uri {stage.client.tracking_uri} --config {file}"
    stage.client.restore_run(version.run_id)
    assert "0 opened again" in interp(command).require_done()
    back = time.monotonic()
    assert "1 opened again" in interp(f"{command} --retry gone").require_done()
    stage.await_done([uri], said_by=worker)
    figure("explained after its run was restored and --retry gone", time.monotonic() - back, "s")
    check_explained(stage, uri)


@pytest.fixture(scope="module")
def worker(shared_stage: Stage) -> Iterator[WorkerProcess]:
    """One that lives through several deletions."""
    with shared_stage.worker() as one:
        yield one
        assert one.stop() == 0


@pytest.mark.parametrize("what", ["run", "version", "model"])
def test_while_the_model_computes(
    what: str, shared_stage: Stage, worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = shared_stage
    uri = register_slow(stage.client, f"{stage.name}-{what}", stage.folder, seconds=6)
    version = version_of(stage, uri)
    stage.await_state(uri, "running", said_by=worker)
    await_compute(worker)
    lay_there = stage.objects(version.run_id)
    delete(stage, version, what)
    deleted = time.monotonic()
    stage.await_state(uri, "gone", said_by=worker)
    figure(f"gone after its {what} was deleted while the model computed", time.monotonic() - deleted, "s")
    assert stage.objects(version.run_id) == lay_there
    check_gone(stage, uri, "deleted")
    assert stage.jobs()[uri].key not in ran([worker])
    if what == "run":
        check_comes_back(stage, version, worker, monkeypatch)


@pytest.mark.parametrize("what", ["version", "run"])
def test_while_an_upload_hangs(what: str, stage: Stage) -> None:
    """What is on its way arrives; after it nothing is written, and so there is no manifest."""
    uri = register_forest(stage.client, stage.name)
    version = version_of(stage, uri)
    with stage.artifact_line(b"/report.html HTTP", "silent") as (line, through), stage.worker(**through) as worker:
        eventually(line.reached.is_set, said_by=worker)
        lay_there = set(stage.objects(version.run_id))
        delete(stage, version, what)
        deleted = time.monotonic()
        eventually(lambda: time.monotonic() > deleted + _HANGS_S)
        line.mended.set()
        stage.await_state(uri, "gone", said_by=worker)
        figure(f"gone after its {what} was deleted while an upload hung", time.monotonic() - deleted - _HANGS_S, "s")
        check_gone(stage, uri, "deleted")
        new = {key.rpartition("/")[2] for key in set(stage.objects(version.run_id)) - lay_there}
        assert new == {layout.REPORT}


@pytest.mark.parametrize("stage", ["proxied-sqlite"], indirect=True)
def test_a_run_that_was_deleted_before_a_worker_came(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = register_forest(stage.client, stage.name)
    version = version_of(stage, uri)
    delete(stage, version, "run")
    lay_there = stage.objects(version.run_id)
    with stage.worker() as worker:
        stage.await_state(uri, "gone", said_by=worker)
        assert stage.objects(version.run_id) == lay_there
        check_comes_back(stage, version, worker, monkeypatch)


@pytest.mark.parametrize("stage", ["direct-postgresql"], indirect=True)
def test_files_that_were_deleted_before_a_worker_came(stage: Stage) -> None:
    """With the logged model they belong to, or by themselves."""
    uris = {what: register_forest(stage.client, f"{stage.name}-{what}") for what in ("logged model", "files")}
    for what, uri in uris.items():
        delete(stage, version_of(stage, uri), what)
    with stage.worker() as worker:
        for uri in uris.values():
            stage.await_state(uri, "gone", said_by=worker)
    for uri in uris.values():
        version = version_of(stage, uri)
        check_gone(stage, uri, f"its model files ({version.source}) were deleted; train the model again")
        assert version.tags[layout.TAG_STATUS] == "failed"
        assert "were deleted; train the model again" in version.tags[layout.TAG_ERROR]
