"""How a database comes to have the tables, on SQLite; PostgreSQL in the integration tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from harness.job_databases import JobDatabase, new_job

from interp_pipeline.errors import TrackingError, UsageError
from mlflow_plugin.jobs import JobTable, schema
from mlflow_plugin.jobs.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

NEXT = (*schema.STEPS, ("ALTER TABLE interp_jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 7",))


@pytest.fixture
def database(tmp_path: Path) -> JobDatabase:
    return JobDatabase(uri=f"sqlite:///{tmp_path / 'jobs.db'}")


def upgrade(uri: str, steps: tuple[tuple[str, ...], ...]) -> None:
    opened = Database(uri, patience_s=5)
    opened.write(schema.upgrade, steps)
    opened.close()


def differences(connection: Connection) -> object:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), schema._METADATA)


def test_the_steps_make_the_tables_the_program_speaks_of(database: JobDatabase) -> None:
    JobTable.open(database.uri).close()
    opened = Database(database.uri, patience_s=5)
    assert opened.read(differences) == []
    upgrade(database.uri, NEXT)
    assert opened.read(differences) != []  # the comparison sees a column
    opened.close()


def test_a_table_of_an_older_version_is_upgraded_with_what_is_in_it(database: JobDatabase) -> None:
    older = JobTable.open(database.uri)
    older.add([new_job("k")])
    job = older.claim("a", 60)
    assert job is not None
    older.note("credit", 3)
    upgrade(database.uri, NEXT)
    assert database.sql("SELECT key, state, priority FROM interp_jobs") == [("k", "running", 7)]
    assert database.sql("SELECT version FROM interp_schema") == [(len(NEXT),)]
    assert older.heartbeat(job, 60)  # a worker of the older program goes on
    assert older.add([new_job("l")]) == 1
    assert len(older.take_notes()) == 1
    upgrade(database.uri, NEXT)  # nothing left to do
    assert older.counts()["pending"] == 1
    older.close()


def test_a_table_of_a_newer_version_is_refused(database: JobDatabase) -> None:
    JobTable.open(database.uri).close()
    upgrade(database.uri, NEXT)
    with pytest.raises(UsageError, match=r"made by a newer interp-pipeline \(its version 3, this one knows 2\)") as no:
        JobTable.open(database.uri)
    assert database.uri in str(no.value)
    assert database.sql("SELECT version FROM interp_schema") == [(len(NEXT),)]


def test_what_others_keep_in_the_database_stays(database: JobDatabase) -> None:
    database.sql("CREATE TABLE experiments (id INTEGER)")
    database.sql("INSERT INTO experiments VALUES (1)")
    table = JobTable.open(database.uri)
    database.sql("DROP TABLE interp_notes")
    table.note("credit", 1)
    assert database.sql("SELECT id FROM experiments") == [(1,)]
    names = {name for (name,) in database.sql("SELECT name FROM sqlite_master WHERE sql IS NOT NULL")}
    assert {name for name in names if not name.startswith("interp_")} == {"experiments"}
    table.close()


def test_a_step_that_fails_leaves_nothing_behind(database: JobDatabase) -> None:
    table = JobTable.open(database.uri)
    table.add([new_job("k")])
    with pytest.raises(TrackingError, match="syntax error"):
        upgrade(database.uri, (*NEXT, ("ALTER TABEL interp_jobs",)))
    assert database.sql("SELECT version FROM interp_schema") == [(len(schema.STEPS),)]
    assert table.counts()["pending"] == 1
    table.close()
