"""A worker is told to stop, or is stopped behind its own back for longer than its lease."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from harness.fault_checks import await_ran, check_explained, check_same_numbers
from harness.fault_stage import LEASE_S, await_compute, holder_first, owner_of, seconds_until_gone
from harness.figures import figure
from harness.slow_model import register_slow
from harness.workers import HANGS_S, eventually, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.fault_stage import Stage
    from harness.workers import WorkerProcess

pytestmark = pytest.mark.faults

# How long a worker may take to stop. By when it gives a job back, and itself up, is shown by a clock that is no real
# one, in tests/unit/worker/test_stopping.py; here, that it does, and what becomes of the job.
SHORT_S = 8.0
AMPLE_S = 600.0


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.long)],
    ids=["SIGTERM", "SIGINT", "SIGHUP"],
)
def test_idle(stage: Stage, number: signal.Signals) -> None:
    with stage.worker(stop_within_s=AMPLE_S) as worker:
        figure(f"{number.name} to an idle worker", stop(worker, number), "s")
        assert any(event["event"].endswith("stopped") for event in worker.events())


def test_a_worker_in_the_background_goes_on(shared_stage: Stage) -> None:
    deaf = ("env", "--ignore-signal=INT", "--ignore-signal=HUP")  # as `&` in a script, and nohup, start a program
    with shared_stage.worker(within=deaf) as worker:
        uri = register_slow(shared_stage.client, shared_stage.name, shared_stage.folder)
        worker.process.send_signal(signal.SIGINT)
        worker.process.send_signal(signal.SIGHUP)
        shared_stage.await_done([uri], said_by=worker)
        stop(worker)


def test_what_can_be_finished_in_time_is_and_nothing_else_is_begun(stage: Stage) -> None:
    uris = [register_slow(stage.client, stage.name, stage.folder, seconds=2) for _ in range(2)]
    with stage.worker(stop_within_s=AMPLE_S) as worker:
        await_compute(worker)
        figure("SIGTERM in compute, finished", stop(worker), "s")
    jobs = stage.jobs()
    assert {jobs[uri].state for uri in uris} == {"published", "pending"}
    begun, later = sorted(uris, key=lambda uri: jobs[uri].attempt, reverse=True)
    check_explained(stage, begun)
    assert jobs[later].attempt == 0


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)], ids=["SIGTERM", "SIGINT"]
)
def test_what_takes_longer_is_given_back_at_once(stage: Stage, number: signal.Signals) -> None:
    uri = register_slow(stage.client, stage.name, stage.folder, seconds=3600)
    with stage.worker(stop_within_s=SHORT_S, lease_s=3600) as stopped:
        below = await_compute(stopped)
        assert statuses(stage.client, stage.name) == {uri: "running"}
        figure(f"{number.name} in compute, given back", stop(stopped, number), "s")
        seconds_until_gone(below)
        assert any(event["event"] == "given back unfinished" for event in stopped.events())
    assert (stage.state(uri), stage.jobs()[uri].owner) == ("pending", None)
    assert statuses(stage.client, stage.name) == {uri: "pending"}
    with stage.worker() as heir:
        job = stage.await_attempt(uri, 2, said_by=heir)
    assert job.owner == owner_of(heir)
    assert (job.lapses, job.crashes, job.failures) == (0, 0, 0)


HANGS = {"fetch": b"/MLmodel HTTP", "upload": b"/report.html HTTP"}


@pytest.mark.parametrize("where", HANGS)
def test_a_call_that_hangs(stage: Stage, where: str) -> None:
    uri = register_slow(stage.client, stage.name, stage.folder)
    with stage.artifact_line(HANGS[where], "silent") as (line, through):
        with stage.worker(**through, stop_within_s=SHORT_S, lease_s=3600) as stopped:
            eventually(line.reached.is_set, said_by=stopped)
            figure(f"SIGTERM while {where} hangs", stop(stopped), "s")
            assert stopped.events()[-1]["event"] == "stopped in the middle of a call that did not return"
        job = stage.jobs()[uri]
        assert (job.state, job.owner, job.lapses) == ("pending", None, 0)
        with stage.worker() as heir:
            stage.await_done([uri], said_by=heir)
            line.mended.set()  # what the stopped worker sent arrives after all
            await_ran(heir, "computed", job.key)
    check_explained(stage, uri)
    check_same_numbers(stage, uri)


# To come as far as that takes a while.
@pytest.mark.parametrize(("where", "overhead_s"), [("fetch", 10), pytest.param("upload", 60, marks=pytest.mark.long)])
def test_a_call_that_never_returns(shared_stage: Stage, where: str, overhead_s: float) -> None:
    stage = shared_stage
    uri = register_slow(stage.client, stage.name, stage.folder)
    with stage.artifact_line(HANGS[where], "silent") as (line, through):
        with stage.worker(**through, overhead_s=overhead_s, max_seconds=overhead_s, lease_s=3600) as stuck:
            eventually(line.reached.is_set, said_by=stuck)
            assert stuck.process.wait(HANGS_S) == 1
        job = stage.jobs()[uri]
        assert (job.state, job.owner, job.crashes, job.error_class) == ("pending", None, 1, "stuck")
        doing = {"fetch": "fetched the model and its data", "upload": "wrote the explanation"}[where]
        assert job.error == f"its worker was not done with it after {2 * overhead_s} s, while it {doing}"
        with stage.worker() as heir:
            stage.await_done([uri], said_by=heir)
            line.mended.set()
            await_ran(heir, "computed", job.key)
    check_explained(stage, uri)


def test_stopped_in_compute_for_longer_than_the_lease(stage: Stage) -> None:
    with stage.workers(2, lease_s=LEASE_S) as workers:
        uri = register_slow(stage.client, stage.name, stage.folder, seconds=3)
        stale, heir = holder_first(stage, uri, workers)
        await_compute(stale)
        with paused(stale, stage):
            stage.await_done([uri], said_by=heir)
            check_nothing_is_published(stage, uri, stale, heir)


@pytest.mark.parametrize("with_run", [True, pytest.param(False, marks=pytest.mark.long)], ids=["own run", "run made"])
def test_stopped_in_upload_for_longer_than_the_lease(stage: Stage, *, with_run: bool) -> None:
    uri = register_slow(stage.client, stage.name, stage.folder, with_run=with_run)
    with (
        stage.artifact_line(b"/report.html HTTP", "unanswered") as (line, through),
        stage.worker(**through, lease_s=LEASE_S) as stale,
    ):
        eventually(line.reached.is_set, said_by=stale)
        with paused(stale, stage), stage.worker() as heir:
            stage.await_done([uri], said_by=heir)
            line.mended.set()
            check_nothing_is_published(stage, uri, stale, heir)


def stop(worker: WorkerProcess, number: signal.Signals = signal.SIGTERM) -> float:
    """Tell a worker to stop, which ends well; how long it takes."""
    started = time.monotonic()
    assert worker.stop(number) == 0, worker.log.read_text(encoding="utf-8")[-4000:]
    return time.monotonic() - started


@contextlib.contextmanager
def paused(worker: WorkerProcess, stage: Stage) -> Iterator[None]:
    """Stop a worker; it goes on when the test says so, at the latest at the end of the block.

    Not in the middle of a transaction on SQLite, whose lock nobody can take from a process that stands still.
    """
    worker.process.send_signal(signal.SIGSTOP)
    while _is_locked(stage.jobs_uri):
        worker.process.send_signal(signal.SIGCONT)
        time.sleep(0.1)
        worker.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        worker.process.send_signal(signal.SIGCONT)


def _is_locked(jobs_uri: str) -> bool:
    if not jobs_uri.startswith("sqlite:///"):
        return False
    table = sqlite3.connect(jobs_uri.removeprefix("sqlite:///"), timeout=0, isolation_level=None)
    try:
        table.execute("BEGIN IMMEDIATE")
        table.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        table.close()
    return False


def check_nothing_is_published(stage: Stage, uri: str, stale: WorkerProcess, heir: WorkerProcess) -> None:
    """A worker that wakes up after another one has finished its job sees that and writes nothing more."""
    await_ran(heir, "computed", stage.jobs()[uri].key)
    run_id = check_explained(stage, uri)
    before = stage.objects(run_id)
    assert before
    stale.process.send_signal(signal.SIGCONT)
    woken_s = time.monotonic()
    eventually(lambda: any("taken over" in event["event"] for event in stale.events()), said_by=stale)
    figure("a stale worker noticed", time.monotonic() - woken_s, "s")
    stop(stale)
    assert stage.objects(run_id) == before
    assert check_explained(stage, uri) == run_id
    assert stage.jobs()[uri].owner == owner_of(heir)
    check_same_numbers(stage, uri)
