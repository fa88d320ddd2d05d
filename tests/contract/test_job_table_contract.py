"""What a job table promises, on SQLite and on PostgreSQL with either driver."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING, get_args

import pytest
from harness.job_databases import JobDatabase, claimed, new_job, row

from mlflow_plugin.jobs import Job, JobTable, NewJob, Outcome, State

if TYPE_CHECKING:
    from collections.abc import Callable

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
# --- claims -----------------------------------------------------------------------------------------


def test_a_claim_takes_the_job_and_says_so(table: JobTable) -> None:
    assert table.claim("a", 60) is None
    new = NewJob(key="k", name="credit", version=3, created_ms=1_700_000_000_000, workspace="team")
    assert table.add([new]) == 1
    pending = row(table, "k")
    assert (pending.state, pending.attempt, pending.owner, pending.lease_until_ms) == ("pending", 0, None, None)
    job = claimed(table)
    assert NewJob(**{field.name: getattr(job, field.name) for field in dataclasses.fields(NewJob)}) == new
    assert (job.state, job.attempt, job.owner) == ("running", 1, "a")
    assert (job.crashes, job.lapses, job.failures, job.error_class, job.error) == (0, 0, 0, None, None)
    assert job.lease_until_ms == job.next_attempt_ms == job.changed_ms + 60_000
    assert row(table, "k") == job
    assert table.holds(job)
    assert table.claim("b", 60) is None


def test_the_job_that_is_due_longest_comes_first(table: JobTable, database: JobDatabase) -> None:
    table.add([new_job("late", 30), new_job("early", 10), new_job("middle", 20)])
    database.let_pass(5)
    table.add([new_job("noticed later", 0)])
    assert [claimed(table).key for _ in range(4)] == ["early", "middle", "late", "noticed later"]


def test_a_job_whose_lease_ran_out_comes_before_all_that_wait(table: JobTable, database: JobDatabase) -> None:
    table.add([new_job("dropped")])
    first = claimed(table, "a", 60)
    table.add([new_job(f"waiting {i}") for i in range(3)])
    database.let_pass(61)
    second = claimed(table, "b", 60)
    assert (second.key, second.attempt, second.lapses, second.owner) == ("dropped", 2, 1, "b")
    assert not table.holds(first)
    assert {claimed(table, "c").lapses for _ in range(3)} == {0}


def test_a_lease_runs_out_by_itself(table: JobTable) -> None:
    table.add([new_job("k")])
    first = claimed(table, "a", 0.3)
    deadline = time.monotonic() + 300
    while (second := table.claim("b", 60)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert first.lease_until_ms is not None
    assert second.changed_ms >= first.lease_until_ms


def test_a_heartbeat_extends_a_lease_that_nobody_took(table: JobTable, database: JobDatabase) -> None:
    table.add([new_job("k")])
    job = claimed(table, "a", 60)
    database.let_pass(59)
    assert table.heartbeat(job, 60)
    database.let_pass(59)
    assert table.holds(job)
    database.let_pass(2)
    assert not table.holds(job)
    assert table.heartbeat(job, 60)  # it ran out, and still nobody else runs the job
    assert table.holds(job)
    assert table.claim("b", 60) is None
    assert row(table, "k").changed_ms < row(table, "k").next_attempt_ms


def test_time_is_the_databases_and_never_the_workers(table: JobTable, monkeypatch: pytest.MonkeyPatch) -> None:
    real, off_s = time.time, 10 * 86_400
    table.add([new_job("k")])
    monkeypatch.setattr(time, "time", lambda: real() + off_s)
    monkeypatch.setattr(time, "time_ns", lambda: int((real() + off_s) * 1e9))
    job = claimed(table, "a", 60)
    assert abs(job.changed_ms / 1000 - real()) < 3600
    assert table.holds(job)
    assert table.claim("b", 60) is None
    monkeypatch.setattr(time, "time", lambda: real() - off_s)
    assert table.holds(job)
    assert table.postpone(job, 0, error_class="X", error="x", crashed=False)
    assert claimed(table).key == "k"


# --- the fence --------------------------------------------------------------------------------------

ACTIONS: dict[str, Callable[[JobTable, Job], bool]] = {
    "heartbeat": lambda table, job: table.heartbeat(job, 60),
    "holds": lambda table, job: table.holds(job),
    "postpone": lambda table, job: table.postpone(job, 1, error_class="X", error="x", crashed=True),
    "release": lambda table, job: table.release(job),
    **{outcome: lambda table, job, outcome=outcome: table.finish(job, outcome) for outcome in OUTCOMES},  # type: ignore[misc]  # mypy cannot infer a lambda's default
}


def taken_over(table: JobTable, database: JobDatabase) -> None:
    database.let_pass(61)
    claimed(table, "b")


def taken_over_by_the_same(table: JobTable, database: JobDatabase) -> None:
    database.let_pass(61)
    claimed(table, "a")


def retired(table: JobTable, _database: JobDatabase) -> None:
    assert table.retire(["k"], "deleted") == 1


def retired_and_run_again(table: JobTable, _database: JobDatabase) -> None:
    table.retire(["k"], "deleted")
    table.add([new_job("k")])
    claimed(table, "b")


def given_back(table: JobTable, _database: JobDatabase) -> None:
    assert table.release(row(table, "k"))


LOSSES = [taken_over, taken_over_by_the_same, retired, retired_and_run_again, given_back]


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
def test_whoever_lost_a_job_touches_it_no_more(
    table: JobTable, database: JobDatabase, lose: Callable[[JobTable, JobDatabase], None]
) -> None:
    table.add([new_job("k"), new_job("other", 1)])
    stale = claimed(table, "a", 60)
    lose(table, database)
    before = table.select(get_args(State), 10)
    assert {name: act(table, stale) for name, act in ACTIONS.items()} == dict.fromkeys(ACTIONS, False)
    assert table.select(get_args(State), 10) == before


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_job_ends_once(table: JobTable, outcome: Outcome) -> None:
    table.add([new_job("k")])
    job = claimed(table)
    assert table.finish(job, outcome, error_class="ModelError", error="why")
    ended = row(table, "k")
    assert (ended.state, ended.error_class, ended.error, ended.owner) == (outcome, "ModelError", "why", "a")
    assert ended.lease_until_ms is None
    assert table.finish(job, outcome, error_class="ModelError", error="why")  # the first answer may have been lost
    lost = {name: act(table, job) for name, act in ACTIONS.items() if name != outcome}
    assert lost == dict.fromkeys(lost, False)
    assert table.claim("b", 60) is None


# --- giving back ------------------------------------------------------------------------------------


def test_a_postponed_job_waits_and_its_failures_are_counted(table: JobTable, database: JobDatabase) -> None:
    table.add([new_job("k")])
    for failures in (1, 2):
        assert table.postpone(claimed(table), 100, error_class="TrackingError", error="no answer", crashed=False)
        waiting = row(table, "k")
        assert (waiting.state, waiting.failures, waiting.crashes, waiting.owner) == ("pending", failures, 0, None)
        assert waiting.next_attempt_ms == waiting.changed_ms + 100_000
        assert table.claim("a", 60) is None
        database.let_pass(101)
    assert table.failures_by_class() == {"TrackingError": 1}
    assert table.postpone(claimed(table), 0, error_class="ModelProcessError", error="died", crashed=True)
    waiting = row(table, "k")
    assert (waiting.failures, waiting.crashes) == (0, 1)  # the row of failures that pass is over
    job = claimed(table)
    assert (job.attempt, job.error_class, job.error) == (4, "ModelProcessError", "died")
    assert table.finish(job, "published")
    assert row(table, "k").error is None
    assert table.failures_by_class() == {}


def test_a_released_job_keeps_its_place_and_its_counters(table: JobTable, database: JobDatabase) -> None:
    table.add([new_job("first")])
    table.postpone(claimed(table), 0, error_class="X", error="x", crashed=True)
    database.let_pass(10)
    table.add([new_job("second")])
    job = claimed(table)
    assert table.release(job)
    again = claimed(table, "b")
    assert (again.key, again.attempt, again.crashes, again.lapses, again.failures) == ("first", 3, 1, 0, 0)


def test_threads_share_a_table(table: JobTable) -> None:
    table.add([new_job(str(i)) for i in range(40)])
    ran: list[str] = []

    def work(owner: str) -> None:
        while job := table.claim(owner, 60):
            assert table.heartbeat(job, 60)
            assert table.finish(job, "published")
            ran.append(job.key)

    threads = [threading.Thread(target=work, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran, key=int) == [str(i) for i in range(40)]
