"""Eight workers share one job, and two hundred."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from harness.fault_checks import check_explained, check_same_numbers, ran
from harness.figures import figure
from harness.slow_model import register_slow
from harness.workers import eventually, explained

if TYPE_CHECKING:
    from harness.fault_stage import Stage
    from harness.workers import WorkerProcess

pytestmark = pytest.mark.faults

WORKERS, JOBS, MODELS, NAMES = 8, 200, 9, 10  # 200 explanations of their own would take two cores ten minutes


@pytest.mark.parametrize("stage", ["direct-postgresql"], indirect=True)  # what many workers are set up with
@pytest.mark.timeout(1200)
def test_one_job_and_two_hundred(stage: Stage) -> None:
    """First one version alone; then models of their own, and further versions of the first model, which are adopted.

    Every one of the 200 keys is claimed, worked on and finished by a worker, whether or not it has to compute.
    """
    with stage.workers(WORKERS, heartbeat_s=2, lease_s=60) as workers:
        first = register_slow(stage.client, stage.name, stage.folder)
        stage.await_done([first], said_by=workers[0])
        eventually(lambda: len(ran(workers)) == 1, said_by=workers[0])
        assert_ran_once(stage, workers, computed=1, adopted=0)

        started = time.monotonic()
        own = [register_slow(stage.client, stage.name, stage.folder) for _ in range(MODELS - 1)]
        register_again(stage, first, JOBS - MODELS)
        uris = stage.uris()
        stage.await_done(uris, 900, said_by=workers[0])
        took_s = time.monotonic() - started
        eventually(lambda: len(ran(workers) + ran(workers, "adopted")) == JOBS, said_by=workers[0])
    assert_ran_once(stage, workers, computed=MODELS, adopted=JOBS - MODELS)
    figure(f"{JOBS} versions, {WORKERS} workers", took_s, "s")
    for uri in own[:2]:
        check_explained(stage, uri)
        check_same_numbers(stage, uri)


def register_again(stage: Stage, uri: str, count: int) -> None:
    """Register the model of a version under further names."""
    name, number = uri.removeprefix("models:/").rsplit("/", 1)
    version = stage.client.get_model_version(name, number)
    logged = version.source.removeprefix("models:/")
    for n in range(min(NAMES, count)):
        again = f"{stage.name}-again-{n}"
        stage.client.create_registered_model(again)
        for _ in range(n, count, NAMES):
            stage.client.create_model_version(again, version.source, version.run_id, model_id=logged)


def assert_ran_once(stage: Stage, workers: list[WorkerProcess], *, computed: int, adopted: int) -> None:
    keys = {outcome: Counter(ran(workers, outcome)) for outcome in ("computed", "adopted")}
    assert {outcome: len(found) for outcome, found in keys.items()} == {"computed": computed, "adopted": adopted}
    assert set((keys["computed"] + keys["adopted"]).values()) == {1}
    jobs = stage.jobs()
    assert len(jobs) == computed + adopted
    assert {(job.state, job.attempt, job.lapses, job.failures) for job in jobs.values()} == {("published", 1, 0, 0)}


def test_two_versions_of_one_model_at_once_leave_one_whole_explanation(stage: Stage) -> None:
    """Their explanations lie in one folder; the manifest of the first arrives after all files of the second."""
    first = register_slow(stage.client, stage.name, stage.folder)
    with stage.artifact_line(b"/manifest.json HTTP", "silent") as (line, through), stage.worker(**through) as one:
        eventually(line.reached.is_set, 120, said_by=one)
        register_again(stage, first, 1)
        second = f"models:/{stage.name}-again-0/1"
        with stage.worker() as other:
            stage.await_done([second], said_by=other)
            line.mended.set()
            stage.await_done([first, second], said_by=one)
    jobs = stage.jobs()
    assert (jobs[first].lapses, jobs[second].lapses) == (0, 0)
    assert jobs[first].attempt > 1  # it saw that its files were written over
    assert explained(stage.client, first) == explained(stage.client, second)
