"""What people add late, correct, or do by hand, while workers run: it counts, and is left alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from harness.command_line import interp_process
from harness.dataless_versions import register_without_data, write_table
from harness.fault_checks import check_explained, ran
from harness.fault_stage import await_compute
from harness.figures import figure
from harness.slow_model import register_slow
from harness.workers import eventually, explained, register_forest, worker_process

from interp_pipeline.tracking import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.fault_stage import Stage
    from harness.workers import WorkerProcess

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def by_hand_before(shared_stage: Stage) -> str:
    """A version that somebody explained before any worker came."""
    uri = register_forest(shared_stage.client, f"{shared_stage.name}-before")
    by_hand(shared_stage, uri, "--rows 3")
    return uri


@pytest.fixture(scope="module")
def worker(shared_stage: Stage, by_hand_before: str) -> Iterator[WorkerProcess]:
    """One for all tests, which may read tables from the stage's folder."""
    del by_hand_before  # only to have come first
    stage = shared_stage
    config = f'{stage.config()}\n[sources]\nallow = ["{stage.folder}/"]\n'
    with worker_process(stage.folder, str(stage.client.tracking_uri), config=config) as one:
        yield one
        assert one.stop() == 0


def tags_of(stage: Stage, uri: str) -> dict[str, str]:
    """What a version says."""
    name, number = uri.removeprefix("models:/").rsplit("/", 1)
    return dict(stage.client.get_model_version(name, number).tags)


def test_a_run_that_goes_on_is_waited_for_until_it_logs_its_data(shared_stage: Stage, worker: WorkerProcess) -> None:
    import mlflow
    import pandas as pd
    from mlflow.data.sources import LocalArtifactDatasetSource

    stage = shared_stage
    mlflow.set_tracking_uri(stage.client.tracking_uri)
    with mlflow.start_run() as run:
        uri = register_without_data(stage.client, f"{stage.name}-goes-on")
        eventually(lambda: uri in stage.jobs() and stage.jobs()[uri].failures > 1, 120, said_by=worker)
        waiting, tags = stage.jobs()[uri], tags_of(stage, uri)
        assert (waiting.error_class, waiting.crashes) == ("NotYetError", 0)
        assert tags[layout.TAG_STATUS] == "pending"
        assert "its run has not ended, so they may still come" in tags[layout.TAG_ERROR]
        table = write_table(stage.folder / "logged.csv")
        logged = time.monotonic()
        source = LocalArtifactDatasetSource(table)
        mlflow.log_input(mlflow.data.from_pandas(pd.read_csv(table), source=source), context="training")
        stage.await_done([uri], said_by=worker)
        figure("explained after a run that goes on has logged its data", time.monotonic() - logged, "s")
        assert stage.client.get_run(run.info.run_id).info.status == "RUNNING"
    assert "data set" in explained(stage.client, uri)["rows"]["source"]
    assert layout.TAG_ERROR not in tags_of(stage, uri)
    check_explained(stage, uri)


def test_a_skipped_version_says_what_to_add_and_is_explained_once_it_is_there(
    shared_stage: Stage, worker: WorkerProcess
) -> None:
    stage, name = shared_stage, f"{shared_stage.name}-skipped"
    uri = register_without_data(stage.client, name)
    stage.await_state(uri, "skipped", said_by=worker)
    job, tags = stage.jobs()[uri], tags_of(stage, uri)
    assert (job.error_class, job.attempt) == ("NoDataError", 1)
    assert tags[layout.TAG_STATUS] == "skipped"
    for way in ("tag interp.rows", "[[data]]", "input example", "mlflow.log_input", "--data FILE"):
        assert way in tags[layout.TAG_ERROR]
    table = write_table(stage.folder / "tagged.csv")
    tagged = time.monotonic()
    for tag in (layout.TAG_ROWS, layout.TAG_BACKGROUND):
        stage.client.set_model_version_tag(name, "1", tag, table)
    stage.await_done([uri], said_by=worker)
    figure("explained after a skipped version was given a tag", time.monotonic() - tagged, "s")
    assert stage.jobs()[uri].key != job.key
    assert layout.TAG_ERROR not in tags_of(stage, uri)
    check_explained(stage, uri)


def by_hand(stage: Stage, uri: str, options: str) -> None:
    """Explain a version as a person does, with other options than the workers."""
    command = f"explain {uri} --tracking-uri {stage.client.tracking_uri} --methods shap {options}"
    interp_process(command, {"OMP_NUM_THREADS": "1"}).require_done()


def check_left_alone(stage: Stage, uri: str, worker: WorkerProcess) -> None:
    """What lies there is what somebody asked for; it counts as published, and nothing was computed for it."""
    eventually(lambda: stage.state(uri) == "published", 120, said_by=worker)
    job, record = stage.jobs()[uri], explained(stage.client, uri)
    assert (record["asked"], record["rows"]["count"]) == (True, 3)
    assert tags_of(stage, uri)[layout.TAG_STATUS] == "done"
    eventually(lambda: job.key in ran([worker], "adopted"), said_by=worker)
    assert job.key not in ran([worker])


def test_what_was_explained_by_hand_before_a_worker_came_stays(
    shared_stage: Stage, by_hand_before: str, worker: WorkerProcess
) -> None:
    check_left_alone(shared_stage, by_hand_before, worker)


def test_what_is_explained_by_hand_while_a_worker_computes_stays(shared_stage: Stage, worker: WorkerProcess) -> None:
    stage = shared_stage
    uri = register_slow(stage.client, f"{stage.name}-slow", stage.folder, seconds=25)
    stage.await_state(uri, "running", said_by=worker)
    await_compute(worker)
    by_hand(stage, uri, "--rows 3")
    assert stage.state(uri) == "running"
    check_left_alone(stage, uri, worker)


def test_a_skipped_version_that_is_explained_by_hand_counts_as_published(
    shared_stage: Stage, worker: WorkerProcess
) -> None:
    stage = shared_stage
    uri = register_without_data(stage.client, f"{stage.name}-explained")
    stage.await_state(uri, "skipped", said_by=worker)
    by_hand(stage, uri, f"--rows 3 --data {write_table(stage.folder / 'given.csv')}")
    check_left_alone(stage, uri, worker)
