"""A worker's hold on a job, with a table that says what the test wants it to say."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, cast

import pytest

from interp_pipeline.errors import TrackingError
from mlflow_plugin.worker.lease import Lease, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlflow_plugin.jobs import Job, JobTable

_LONG_S = 60.0
_SOON_S = 300.0  # what a thread is waited for at most


class _Job:
    name = "loans"
    version = 3


class _Table:
    """Answers heartbeats one after another as it was told, the last answer for ever."""

    def __init__(
        self, answers: Sequence[bool | Exception | Callable[[], bool]], *, holds: bool | Exception = True
    ) -> None:
        self._answers = answers
        self._holds = holds
        self.heartbeats = 0
        self.asked = 0

    def heartbeat(self, _job: Job, _lease_s: float) -> bool:
        answer = self._answers[min(self.heartbeats, len(self._answers) - 1)]
        self.heartbeats += 1
        return _said(answer() if callable(answer) else answer)

    def holds(self, _job: Job) -> bool:
        self.asked += 1
        return _said(self._holds)


def _said(answer: bool | Exception) -> bool:  # noqa: FBT001 - what a table says
    if isinstance(answer, Exception):
        raise answer
    return answer


def _lease(table: _Table, *, lease_s: float = _LONG_S, heartbeat_s: float = 0.001) -> Lease:
    return Lease(cast("JobTable", table), cast("Job", _Job()), lease_s=lease_s, heartbeat_s=heartbeat_s)


def _await(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SOON_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_it_is_renewed_until_the_block_ends() -> None:
    table = _Table([True])
    with _lease(table) as lease:
        _await(lambda: table.heartbeats >= 3)
        lease.require()
        assert not lease.lost
    after = table.heartbeats
    time.sleep(0.02)
    assert table.heartbeats == after


def test_a_heartbeat_that_comes_too_late_loses_it(caplog: pytest.LogCaptureFixture) -> None:
    table = _Table([True, False])
    with _lease(table) as lease:
        _await(lambda: lease.lost)
        with pytest.raises(LeaseLostError, match=r"models:/loans/3 was taken over by another worker"):
            lease.require()
    assert table.heartbeats == 2  # nobody asks again
    assert table.asked == 0  # what is known to be lost is not asked for
    assert "the lease was lost: another worker has the job" in caplog.text


def test_a_table_that_does_not_answer_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    table = _Table([TrackingError("the job table does not answer"), TrackingError("still not"), True])
    with _lease(table) as lease:
        _await(lambda: table.heartbeats >= 4)
        assert not lease.lost
    assert caplog.text.count("the lease could not be renewed") == 2


def test_a_table_that_never_answers_loses_it_when_it_runs_out() -> None:
    table = _Table([TrackingError("the job table does not answer")])
    with _lease(table, lease_s=0.2) as lease:
        assert not lease.lost
        _await(lambda: lease.lost)
        with pytest.raises(LeaseLostError):
            lease.require()


def test_it_counts_from_the_question_not_from_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database counts from some moment between the two, and may not count longer than the worker."""
    now = [100.0]
    monkeypatch.setattr("mlflow_plugin.worker.lease.time.monotonic", lambda: now[0])
    asked = threading.Event()

    def slow() -> bool:
        now[0] += 50
        asked.set()
        return True

    table = _Table([slow, TrackingError("gone")])
    with _lease(table) as lease:
        assert asked.wait(_SOON_S)
        while table.heartbeats < 2:
            time.sleep(0.001)
        now[0] = 100 + _LONG_S - 1
        assert not lease.lost
        now[0] = 100 + _LONG_S + 1
        assert lease.lost


def test_before_anything_is_written_the_table_is_asked() -> None:
    table = _Table([True], holds=False)
    with _lease(table, heartbeat_s=_LONG_S) as lease:
        assert not lease.lost  # it was stopped, and does not know yet
        with pytest.raises(LeaseLostError):
            lease.require()
        assert lease.lost
    assert (table.asked, table.heartbeats) == (1, 0)


def test_a_table_that_does_not_answer_is_no_lost_lease() -> None:
    table = _Table([True], holds=TrackingError("the job table does not answer"))
    with _lease(table, heartbeat_s=_LONG_S) as lease:
        with pytest.raises(TrackingError, match="does not answer"):
            lease.require()
        assert not lease.lost


def test_a_job_given_back_while_the_table_is_asked_is_not_lost(caplog: pytest.LogCaptureFixture) -> None:
    asked, given_back = threading.Event(), threading.Event()

    def answer() -> bool:
        asked.set()
        given_back.wait(_SOON_S)
        return False

    with _lease(_Table([answer])) as lease:
        assert asked.wait(_SOON_S)
        lease.end()
        given_back.set()
    assert not lease.lost
    assert "was lost" not in caplog.text
