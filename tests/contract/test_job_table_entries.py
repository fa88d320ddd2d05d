"""What a job table promises to those who fill it and to those who look at it, on every database."""

from __future__ import annotations

from typing import get_args

import pytest
from harness.job_databases import JobDatabase, claimed, new_job, row

from interp_pipeline.errors import UsageError
from mlflow_plugin.jobs import JobTable, NewJob, Note, Outcome, State

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
HOSTILE = [
    "",
    "é漢🦊",
    "a\x00b",
    "\ud800",
    "\\u0000",
    "\\",
    "'; DROP TABLE interp_jobs; --",
    "%s %(x)s :y ?",
    "n" * 10_000,
]


# --- entries ----------------------------------------------------------------------------------------


def test_adding_touches_nothing_that_is_there_but_what_is_gone(table: JobTable) -> None:
    states: tuple[State, ...] = get_args(State)
    table.add([new_job(state, i) for i, state in enumerate(("running", *OUTCOMES))])
    for _ in range(5):
        job = claimed(table)
        if job.key != "running":
            assert table.finish(job, job.key, error="why")  # type: ignore[arg-type]  # the keys are outcomes
    table.add([new_job("pending")])
    before = {state: row(table, state) for state in states}
    assert all(job.state == key for key, job in before.items())
    assert table.add([new_job(state, 77, name="other") for state in (*states, *states, "new")]) == 2
    assert table.add([]) == 0
    after = {state: row(table, state) for state in states}
    back = after.pop("gone")
    assert after == {state: before[state] for state in after}
    assert (back.state, back.error, back.owner, back.attempt) == ("pending", None, None, 1)
    assert next(job for job in (claimed(table) for _ in range(3)) if job.key == "gone").attempt == 2


def test_finished_jobs_are_opened_again(table: JobTable) -> None:
    table.add([new_job(key) for key in ("done", "busy", "waiting")])
    job = claimed(table)
    table.postpone(job, 0, error_class="X", error="x", crashed=True)
    jobs = {each.key: each for each in (claimed(table) for _ in range(3))}
    table.finish(jobs["done"], "failed", error_class="X", error="x")
    table.release(jobs["waiting"])
    assert table.reopen(["done", "busy", "waiting", "unknown", "done"]) == 1
    opened = row(table, "done")
    assert (opened.state, opened.crashes, opened.error, opened.owner) == ("pending", 0, None, None)
    assert opened.attempt == jobs["done"].attempt
    assert row(table, "busy").state == "running"
    assert not table.finish(jobs["done"], "failed")
    assert table.reopen([]) == 0


def test_gone_jobs_say_why(table: JobTable) -> None:
    table.add([new_job("a"), new_job("b")])
    job = claimed(table)
    assert table.retire(["a", "b", "unknown"], "the version was deleted") == 2
    assert table.retire(["a"], "twice") == 0
    assert not table.holds(job)
    assert {(each.state, each.error, each.error_class) for each in table.select(["gone"], 9)} == {
        ("gone", "the version was deleted", None)
    }
    assert table.claim("a", 60) is None


# --- what the table tells ---------------------------------------------------------------------------


def test_figures(table: JobTable, database: JobDatabase) -> None:
    assert table.states() == {}
    assert table.counts() == dict.fromkeys(get_args(State), 0)
    assert table.failures_by_class() == {}
    assert table.oldest_unexplained_s() is None
    table.add([new_job("a", 1), new_job("b", 2), new_job("c", 3)])
    database.let_pass(100)
    table.add([new_job("d", 4)])
    table.finish(claimed(table), "published")
    table.finish(claimed(table), "skipped", error_class="NoDataError", error="no rows")
    running = claimed(table)
    assert table.counts() == {"pending": 1, "running": 1, "published": 1, "failed": 0, "skipped": 1, "gone": 0}
    assert table.failures_by_class() == {"NoDataError": 1}
    oldest_s = table.oldest_unexplained_s()
    assert oldest_s is not None
    assert 100 <= oldest_s < 400
    assert {key: each.state for key, each in table.states().items()} == {
        "a": "published",
        "b": "skipped",
        "c": "running",
        "d": "pending",
    }
    assert table.states()["c"].changed_ms == running.changed_ms
    database.sql("UPDATE interp_jobs SET changed_ms = created_ms")
    assert [job.key for job in table.select(["running", "skipped", "published"], 2)] == ["c", "b"]
    assert table.select([], 5) == []


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_comes_back_as_it_was(table: JobTable, text: str) -> None:
    table.add([NewJob(key=f"k{text[:50]}", name=text, version=1, created_ms=2**45, workspace=text)])
    job = claimed(table, text)
    assert (job.key, job.name, job.workspace, job.owner) == (f"k{text[:50]}", text, text, text)
    assert table.finish(job, "failed", error_class=text, error=text)
    assert table.failures_by_class() == {text: 1}
    assert row(table, job.key).error == text
    table.note(text, 1, text)
    assert table.take_notes() == [Note(name=text, version=1, workspace=text)]
    assert table.reopen([job.key]) == 1


# --- notes and scans --------------------------------------------------------------------------------


def test_notes_collapse_and_are_taken_once(table: JobTable, database: JobDatabase) -> None:
    assert table.take_notes() == []
    table.note("a", 1)
    database.let_pass(1)
    for _ in range(3):
        table.note("b", 1)
    table.note("b", 1, "team")
    table.note("b", 2)
    assert table.take_notes(1) == [Note(name="a", version=1)]
    rest = table.take_notes()
    assert len(rest) == 3
    assert set(rest) == {
        Note(name="b", version=1),
        Note(name="b", version=2),
        Note(name="b", version=1, workspace="team"),
    }
    assert table.take_notes() == []
    table.note("a", 1)
    assert table.take_notes() == [Note(name="a", version=1)]


@pytest.mark.parametrize("version", [0, -1, 2**31, 10**30])
def test_a_note_of_no_version_is_refused(table: JobTable, version: int) -> None:
    with pytest.raises(UsageError, match="cannot have the number"):
        table.note("a", version)
    assert table.take_notes() == []


def test_one_scan_per_interval(table: JobTable, database: JobDatabase) -> None:
    assert table.last_scan_age_s() is None
    assert table.begin_scan(60)
    assert not table.begin_scan(60)
    assert table.last_scan_age_s() is None  # it began, and never came to its end
    database.let_pass(61)
    assert table.begin_scan(60)
    table.end_scan()
    database.let_pass(30)
    age_s = table.last_scan_age_s()
    assert age_s is not None
    assert 30 <= age_s < 300
    assert not table.begin_scan(60)
    assert table.begin_scan(29)
    assert not table.begin_scan(29)
    table.give_up_scan()
    assert table.begin_scan(29)


# --- size -------------------------------------------------------------------------------------------


def test_ten_thousand_jobs(table: JobTable, database: JobDatabase) -> None:
    jobs = [new_job(f"{i:064}", i) for i in range(10_000)]
    assert table.add(jobs) == 10_000
    assert table.add(jobs) == 0
    assert len(table.states()) == table.counts()["pending"] == 10_000
    assert claimed(table).key == jobs[0].key
    assert table.retire((job.key for job in jobs[5000:]), "deleted") == 5000
    assert table.reopen(job.key for job in jobs) == 5000
    if database.uri.startswith("postgresql"):
        database.sql("ANALYZE interp_jobs")
    assert claimed(table).key == jobs[1].key
