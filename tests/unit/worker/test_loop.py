"""The worker's rounds: what becomes of a job by how its attempt ended, and of a worker whose table is silent."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import requests
from harness.server_in_memory import WRITES
from harness.worker_parts import NAME, HostOfTest

from interp_pipeline.errors import DataError, ModelError, ModelProcessError, RefusedError, TrackingError
from interp_pipeline.tracking import layout
from mlflow_plugin.worker.loop import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.worker_parts import Parts

    from mlflow_plugin.jobs import Job


@pytest.fixture(autouse=True)
def all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "interp.worker")


def work(parts: Parts) -> Worker:
    """Let a worker do all that is due."""
    worker = Worker(parts.tools, HostOfTest())
    worker.run(until_idle=True)
    return worker


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def status(parts: Parts, number: int = 1) -> tuple[str | None, str]:
    tags = parts.server.version(NAME, number).tags
    return tags.get(layout.TAG_STATUS), tags.get(layout.TAG_ERROR, "")


def due_again(parts: Parts) -> None:
    """Let the time pass for which nobody may claim what failed."""
    parts.database.let_pass(3600)


def test_what_is_registered_is_found_claimed_explained_and_finished(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    parts.register()  # no scan has seen the second one
    work(parts)
    assert parts.sandbox.runs == 2
    assert [status(parts, number) for number in (1, 2)] == [("done", ""), ("done", "")]
    assert parts.table.counts()["published"] == 2
    assert caplog.text.count("explained, in") == 2
    assert parts.tools.metrics.jobs_finished.labels("published")._value.get() == 2


@pytest.mark.parametrize(
    ("error", "crashes", "failures"),
    [
        (TrackingError("the storage does not answer"), 0, 1),
        (RefusedError("no permission"), 0, 1),
        (ModelProcessError("it was ended by SIGSEGV", kind="crashed"), 1, 0),
        (KeyError("a defect of ours"), 1, 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_may_pass_is_tried_again(parts: Parts, error: Exception, crashes: int, failures: int) -> None:
    parts.sandbox.computing = failing(error)
    work(parts)
    job: Job = parts.job()
    assert (job.state, job.owner, job.attempt) == ("pending", None, 1)
    assert (job.crashes, job.failures, job.lapses) == (crashes, failures, 0)
    assert status(parts) == ("pending", job.error)
    assert parts.sandbox.runs == 1  # not at once
    parts.sandbox.computing = lambda: None
    due_again(parts)
    work(parts)
    assert (parts.job().state, status(parts)) == ("published", ("done", ""))


@pytest.mark.parametrize("error", [ModelError("it cannot be explained"), DataError("a column is missing")])
def test_what_the_version_is_to_blame_for_ends_the_job(parts: Parts, error: Exception) -> None:
    parts.sandbox.computing = failing(error)
    work(parts)
    assert (parts.job().state, status(parts)) == ("failed", ("failed", str(error)))


def test_a_model_that_always_dies_is_tried_three_times(parts: Parts) -> None:
    parts.sandbox.computing = failing(ModelProcessError("it was ended by SIGSEGV", kind="crashed"))
    for _ in range(5):
        work(parts)
        due_again(parts)
    assert parts.sandbox.runs == 3
    assert (parts.job().state, parts.job().error_class) == ("failed", "crashed")


def test_a_job_under_which_workers_die_is_not_attempted_for_ever(parts: Parts) -> None:
    for _ in range(parts.tools.settings.worker.takeovers):
        parts.claim("one that dies", 0.001)
        due_again(parts)
    work(parts)
    assert parts.sandbox.runs == 0
    assert (parts.job().state, parts.job().error_class) == ("failed", "WorkerDied")
    assert status(parts) == ("failed", "its workers died 10 times while they explained it")


def test_one_that_fails_holds_up_no_other(parts: Parts) -> None:
    parts.register()
    errors = [KeyError("a defect")]

    def fail_once() -> None:
        if errors:
            raise errors.pop()

    parts.sandbox.computing = fail_once
    work(parts)
    assert sorted(status(parts, number)[0] or "" for number in (1, 2)) == ["done", "pending"]


@pytest.mark.parametrize("what", ["computed", "failed"])
def test_a_job_that_another_worker_has_is_left_alone(parts: Parts, what: str, caplog: pytest.LogCaptureFixture) -> None:
    left: list[int] = []

    def lose() -> None:
        parts.take_away()
        left.append(parts.server.writes)
        if what == "failed":
            msg = "it cannot be explained"
            raise ModelError(msg)

    parts.sandbox.computing = lose
    work(parts)
    assert left == [parts.server.writes]
    assert (parts.job().state, parts.job().owner) == ("running", "another")
    assert parts.tools.metrics.leases_lost._value.get() == 1
    assert ("nothing more is written" in caplog.text) == (what != "failed")


def test_a_table_that_does_not_answer_ends_no_worker(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    outage = iter(range(3))

    def fail(_name: str) -> None:
        if next(outage, None) is not None:
            msg = "the job table does not answer"
            raise TrackingError(msg)

    parts.table.before = fail
    work(parts)
    assert caplog.text.count("the job table does not answer; looking again in") == 3
    assert parts.job().state == "published"


def test_what_is_due_is_done_though_the_registry_cannot_be_read(parts: Parts) -> None:
    scans = 0

    def fail(name: str) -> None:
        nonlocal scans
        if name == "search_model_versions":
            scans += 1
            if scans < 3:
                msg = "Connection refused"
                raise requests.exceptions.ConnectionError(msg)

    parts.server.before = fail
    work(parts)
    assert scans >= 3  # what was given up is begun again, though no hour has passed since
    assert parts.job().state == "published"


def test_the_table_knows_what_a_server_that_is_gone_cannot_be_told(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(name: str) -> None:
        if name in WRITES:
            msg = "Connection refused"
            raise requests.exceptions.ConnectionError(msg)

    parts.server.before = refuse
    work(parts)
    job = parts.job()
    assert (job.state, job.failures, job.error_class) == ("pending", 1, "TrackingError")
    assert status(parts) == (None, "")
    assert "the version could not be tagged" in caplog.text
