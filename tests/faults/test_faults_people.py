"""What people add late, correct, or do by hand, while workers run: it counts, and is left alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from harness.command_line import interp_process
from harness.dataless_versions import register_without_data, write_table
from harness.fault_checks import await_ran, check_explained
from harness.fault_stage import await_compute
from harness.figures import figure
from harness.slow_model import register_slow
from harness.workers import eventually, explained, register_forest, worker_process

from interp_pipeline.tracking import layout

if TYPE_CHECKING:
    import contextlib

    from harness.fault_stage import Stage
    from harness.workers import WorkerProcess

pytestmark = [pytest.mark.faults, pytest.mark.parametrize("stage", ["proxied-sqlite"], indirect=True)]


def reader(stage: Stage) -> contextlib.AbstractContextManager[WorkerProcess]:
    """A worker that may read tables from the stage's folder."""
    config = f'{stage.config()}\n[sources]\nallow = ["{stage.folder}/"]\n'
    return worker_process(stage.folder, stage.client.tracking_uri, jobs_uri=stage.jobs_uri, config=config)


def tags_of(stage: Stage, uri: str) -> dict[str, str]:
    """What a version says."""
    name, number = uri.removeprefix("models:/").rsplit("/", 1)
    return dict(stage.client.get_model_version(name, number).tags)


def test_a_run_that_goes_on_is_waited_for_until_it_logs_its_data(stage: Stage) -> None:
    import mlflow
    import pandas as pd
    from mlflow.data.sources import LocalArtifactDatasetSource

    uri, run_id = register_without_data(stage.client, stage.name)
    stage.client.update_run(run_id, status="RUNNING")
    with reader(stage) as worker:
        eventually(lambda: uri in stage.jobs() and stage.jobs()[uri].failures > 1, 120, said_by=worker)
        waiting, tags = stage.jobs()[uri], tags_of(stage, uri)
        assert (waiting.error_class, waiting.crashes) == ("NotYetError", 0)
        assert tags[layout.TAG_STATUS] == "pending"
        assert "its run has not ended, so they may still come" in tags[layout.TAG_ERROR]
        table = write_table(stage.folder / "rows.csv")
        logged = time.monotonic()
        with mlflow.start_run(run_id=run_id):
            source = LocalArtifactDatasetSource(table)
            mlflow.log_input(mlflow.data.from_pandas(pd.read_csv(table), source=source), context="training")
            stage.await_done([uri], said_by=worker)
        figure("explained after a run that goes on has logged its data", time.monotonic() - logged, "s")
    assert "data set" in explained(stage.client, uri)["rows"]["source"]
    assert layout.TAG_ERROR not in tags_of(stage, uri)
    check_explained(stage, uri)


def test_a_skipped_version_says_what_to_add_and_is_explained_once_it_is_there(stage: Stage) -> None:
    uri, _ = register_without_data(stage.client, stage.name)
    with reader(stage) as worker:
        eventually(lambda: stage.state(uri) == "skipped", 120, said_by=worker)
        job, tags = stage.jobs()[uri], tags_of(stage, uri)
        assert (job.error_class, job.attempt) == ("NoDataError", 1)
        assert tags[layout.TAG_STATUS] == "skipped"
        for way in ("the tag interp.rows", "[[data]]", "input example", "mlflow.log_input", f"interp explain {uri}"):
            assert way in tags[layout.TAG_ERROR]
        table = write_table(stage.folder / "rows.csv")
        tagged = time.monotonic()
        stage.client.set_model_version_tag(stage.name, "1", layout.TAG_ROWS, table)
        stage.client.set_model_version_tag(stage.name, "1", layout.TAG_BACKGROUND, table)
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
    with stage.table() as table:
        counts = table.counts()
    assert (counts["published"], sum(counts.values())) == (1, 1)
    record = explained(stage.client, uri)
    assert (record["asked"], record["rows"]["count"]) == (True, 3)
    assert tags_of(stage, uri)[layout.TAG_STATUS] == "done"
    await_ran(worker, "adopted", stage.jobs()[uri].key)


def test_what_was_explained_by_hand_before_a_worker_came_stays(stage: Stage) -> None:
    uri = register_forest(stage.client, stage.name)
    by_hand(stage, uri, "--rows 3")
    with reader(stage) as worker:
        eventually(lambda: stage.state(uri) == "published", 120, said_by=worker)
        check_left_alone(stage, uri, worker)


def test_what_is_explained_by_hand_while_a_worker_computes_stays(stage: Stage) -> None:
    uri = register_slow(stage.client, stage.name, stage.folder, seconds=25)
    with reader(stage) as worker:
        stage.await_state(uri, "running", said_by=worker)
        await_compute(worker)
        by_hand(stage, uri, "--rows 3")
        assert stage.state(uri) == "running"
        eventually(lambda: stage.state(uri) == "published", 120, said_by=worker)
        check_left_alone(stage, uri, worker)


def test_a_skipped_version_that_is_explained_by_hand_counts_as_published(stage: Stage) -> None:
    uri, _ = register_without_data(stage.client, stage.name)
    with reader(stage) as worker:
        stage.await_state(uri, "skipped", said_by=worker)
        by_hand(stage, uri, f"--rows 3 --data {write_table(stage.folder / 'rows.csv')}")
        done = time.monotonic()
        eventually(lambda: stage.state(uri) == "published", 120, said_by=worker)
        figure("noticed that a skipped version was explained by hand", time.monotonic() - done, "s")
        check_left_alone(stage, uri, worker)
