"""A worker is killed, as by a crash of its machine, at every kind of moment."""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING

import pytest
from harness.fault_checks import await_ran, check_explained, check_same_numbers
from harness.fault_stage import LEASE_S, POLL_S, await_compute, holder_first, owner_of, processes_of, seconds_until_gone
from harness.figures import figure
from harness.slow_model import register_slow
from harness.workers import eventually, register_forest

if TYPE_CHECKING:
    import psutil
    from harness.fault_stage import Stage
    from harness.workers import WorkerProcess

pytestmark = pytest.mark.faults


def test_in_compute(stage: Stage) -> None:
    with stage.workers(2, lease_s=LEASE_S) as workers:
        uri = register_slow(stage.client, stage.name, stage.folder, seconds=3)
        victim, heir = holder_first(stage, uri, workers)
        below = await_compute(victim)
        killed_s = kill(victim)
        figure("processes of a killed worker are gone", seconds_until_gone(below), "s")
        check_taken_over(stage, uri, heir, killed_s)
        stage.await_done([uri], said_by=heir)
        await_ran(heir, "computed", stage.jobs()[uri].key)
    check_explained(stage, uri)
    check_same_numbers(stage, uri)


MOMENTS = {
    "in upload": ("artifacts", b"/report.html HTTP", "silent", True, "computed"),
    "manifest written": ("artifacts", b"/manifest.json HTTP", "unanswered", True, "adopted"),
    "before the tags": ("server", b"POST /api/2.0/mlflow/runs/log-batch", "silent", True, "adopted"),
    "run made": ("server", b"POST /api/2.0/mlflow/runs/create", "unanswered", False, "computed"),
    "before the tags of a run made": ("server", b"POST /api/2.0/mlflow/runs/log-batch", "silent", False, "adopted"),
}


# What is on its way to the tracking server takes the same way on every stage.
PLAYED = [
    pytest.param(stage, moment, marks=pytest.mark.long if moment == "before the tags of a run made" else ())
    for moment, (way, *_) in MOMENTS.items()
    for stage in ("proxied-sqlite", "direct-postgresql")
    if way == "artifacts" or stage == "direct-postgresql"
]


@pytest.mark.parametrize(("stage", "moment"), PLAYED, indirect=["stage"])
def test_at_a_request(stage: Stage, moment: str) -> None:
    way, at, how, with_run, outcome = MOMENTS[moment]
    uri = register_slow(stage.client, stage.name, stage.folder, with_run=with_run)
    a_line = stage.artifact_line if way == "artifacts" else stage.server_line
    with a_line(at, how) as (line, through), stage.worker(**through, lease_s=LEASE_S) as victim:
        stage.await_state(uri, "running", said_by=victim)
        with stage.worker(lease_s=LEASE_S) as heir:
            eventually(line.reached.is_set, said_by=victim)
            killed_s = kill(victim)
            check_taken_over(stage, uri, heir, killed_s)
            stage.await_done([uri], said_by=heir)
            line.mended.set()  # what the dead worker sent arrives after all
            await_ran(heir, outcome, stage.jobs()[uri].key)
    check_explained(stage, uri)
    check_same_numbers(stage, uri)


def test_at_ten_random_moments(stage: Stage, request: pytest.FixtureRequest) -> None:
    chance = random.Random(request.node.name)  # noqa: S311 - the same moments in every run
    uris = [register_slow(stage.client, stage.name, stage.folder, with_run=i % 3 != 0) for i in range(5)]
    uris.append(register_forest(stage.client, f"{stage.name}-forest"))
    below: list[psutil.Process] = []
    with contextlib.ExitStack() as stack:
        workers = stack.enter_context(stage.workers(2, takeovers=50, lease_s=LEASE_S))
        for _ in range(10):
            if not unfinished(stage, uris):
                uris.append(register_slow(stage.client, stage.name, stage.folder, with_run=chance.random() < 0.5))
            victim = at_work(stage, workers)
            time.sleep(chance.uniform(0, 6))
            below += processes_of(victim)
            kill(victim)
            workers.remove(victim)
            workers.append(stack.enter_context(stage.worker(takeovers=50, lease_s=LEASE_S)))
        stage.await_done(uris, said_by=workers[0])
        figure("versions explained through 10 kills", len(uris), "versions")
        figure("leases that ran out under 10 kills", sum(job.lapses for job in stage.jobs().values()), "leases")
        seconds_until_gone(below)
        with stage.worker() as last:  # a new one removes what dead ones left, whose processes may outlive them a while

            def only_of_the_living() -> bool:
                if len(list(stage.temporary.iterdir())) == len(workers) + 1:
                    return True
                with stage.worker():
                    return False

            eventually(only_of_the_living, said_by=last)
    for uri in uris:
        check_explained(stage, uri)
        check_same_numbers(stage, uri)


def at_work(stage: Stage, workers: list[WorkerProcess]) -> WorkerProcess:
    """A worker that has a job."""
    found: list[WorkerProcess] = []

    def someone_works() -> bool:
        owners = {job.owner for job in stage.jobs().values() if job.state == "running"}
        found[:] = [worker for worker in workers if owner_of(worker) in owners]
        return bool(found)

    eventually(someone_works, said_by=workers[0])
    return found[-1]


def unfinished(stage: Stage, uris: list[str]) -> bool:
    """Whether there is work that is not being done by a worker."""
    jobs = stage.jobs()
    return any(uri not in jobs or jobs[uri].state == "pending" for uri in uris)


def kill(worker: WorkerProcess) -> float:
    """Kill a worker; when."""
    worker.kill()
    return time.time()


def check_taken_over(stage: Stage, uri: str, heir: WorkerProcess, killed_s: float) -> None:
    """Another worker claims the job, because the lease has run out."""
    job = stage.await_attempt(uri, 2, said_by=heir)
    assert job.owner == owner_of(heir)
    assert job.lapses > 0
    figure(f"taken over (lease {LEASE_S:.0f} s, poll {POLL_S} s)", job.changed_ms / 1000 - killed_s, "s")
