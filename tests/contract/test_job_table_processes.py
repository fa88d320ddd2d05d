"""Many real processes on one job table, and one that is killed in the middle."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from harness.job_databases import new_job
from harness.job_workers import Crowd, begin_a_scan, claim_and_wait, crowd_of, open_and_count, run_all, take_all_notes
from sqlalchemy import Engine, event

from mlflow_plugin.jobs import JobTable
from mlflow_plugin.jobs.claims import claim
from mlflow_plugin.jobs.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.job_databases import JobDatabase
    from sqlalchemy import Connection

PROCESSES = 8


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with crowd_of(PROCESSES) as processes:
        yield processes


def test_a_new_database_is_opened_by_all_at_once(crowd: Crowd, database: JobDatabase) -> None:
    counts = crowd.run(open_and_count, database.uri)
    assert max(each["pending"] for each in counts) == PROCESSES
    assert database.sql("SELECT version FROM interp_schema") == [(2,)]


@pytest.mark.parametrize("jobs", [1, 200])
def test_each_key_runs_once(crowd: Crowd, database: JobDatabase, tmp_path: Path, jobs: int) -> None:
    table = JobTable.open(database.uri)
    keys = [f"job-{i}" for i in range(jobs)]
    table.add(new_job(key) for key in keys)
    folder = tmp_path / "running"
    folder.mkdir()
    ran = crowd.run(run_all, database.uri, str(folder))
    assert Counter(chain.from_iterable(ran)) == Counter(keys)
    assert {(job.state, job.attempt, job.lapses) for job in table.select(["published"], jobs + 1)} == {
        ("published", 1, 0)
    }
    assert table.counts()["published"] == jobs
    table.close()


def test_one_scans_and_each_note_is_taken_by_one(crowd: Crowd, database: JobDatabase) -> None:
    table = JobTable.open(database.uri)
    for i in range(30):
        table.note(f"model {i}", 1)
    assert sum(crowd.run(begin_a_scan, database.uri)) == 1
    taken = crowd.run(take_all_notes, database.uri)
    assert Counter(chain.from_iterable(taken)) == Counter(f"model {i}" for i in range(30))
    table.close()


def test_the_job_of_a_killed_process_is_taken_over(database: JobDatabase, tmp_path: Path) -> None:
    table = JobTable.open(database.uri)
    table.add([new_job("k")])
    claimed = tmp_path / "claimed"
    process = multiprocessing.get_context("forkserver").Process(
        target=claim_and_wait, args=(database.uri, 1.0, str(claimed))
    )
    process.start()
    deadline = time.monotonic() + 300
    while not claimed.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while (job := table.claim("heir", 60)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (job.key, job.attempt, job.lapses, job.owner) == ("k", 2, 1, "heir")
    table.close()


def test_a_claim_looks_into_the_index(database: JobDatabase) -> None:
    table = JobTable.open(database.uri)
    table.add(new_job(f"{i:064}", i) for i in range(10_000))
    table.close()
    if database.uri.startswith("postgresql"):
        database.sql("ANALYZE interp_jobs")
    opened = Database(database.uri, patience_s=10)
    plan = "\n".join(opened.write(_plan_of_a_claim))
    opened.close()
    assert plan.count("interp_jobs_due") == 2
    assert "SCAN " not in plan  # SQLite's word for reading all of it
    assert "Seq Scan" not in plan  # PostgreSQL's


def _plan_of_a_claim(connection: Connection) -> list[str]:
    """How the database would find the next job, line by line."""
    said: list[tuple[str, object]] = []

    def listen(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        said.append((statement, values))

    event.listen(Engine, "before_cursor_execute", listen)
    claim(connection, "a", 60)
    event.remove(Engine, "before_cursor_execute", listen)
    ((statement, values),) = said
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    return [str(line[-1]) for line in connection.exec_driver_sql(f"{explain} {statement}", values)]  # type: ignore[arg-type]  # as the driver was given them
