"""Databases a job table can live in, and what a test does to them behind the table's back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import sqlalchemy

from mlflow_plugin.jobs import Job, JobTable, NewJob, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest
    from harness.postgres import Postgres

__all__ = ["DRIVERS", "JobDatabase", "claimed", "new_job", "new_job_database", "row"]

DRIVERS = ("sqlite", "psycopg2", "psycopg")
_TIMES = {"interp_jobs": ("due_ms", "noticed_ms", "changed_ms"), "interp_notes": ("noted_ms",)}
_TIMES["interp_owners"] = ("seen_ms",)
_TIMES["interp_scans"] = ("started_ms", "ended_ms")


@dataclass(frozen=True, kw_only=True)
class JobDatabase:
    """A database, spoken to in plain SQL."""

    uri: str

    def sql(self, statement: str, **values: Any) -> Sequence[Any]:
        """Run one statement in a transaction of its own.

        Returns:
            Its rows; none of a statement that has none.
        """
        engine = sqlalchemy.create_engine(self.uri, poolclass=sqlalchemy.pool.NullPool)
        with engine.begin() as connection:
            result = connection.execute(sqlalchemy.text(statement), values)
            return result.all() if result.returns_rows else []

    def let_pass(self, seconds: float) -> None:
        """Make everything in the table older, as if so much time had passed."""
        for table, columns in _TIMES.items():
            older = ", ".join(f"{column} = {column} - {round(seconds * 1000)}" for column in columns)
            self.sql(f"UPDATE {table} SET {older}")  # noqa: S608 - names of ours


def new_job_database(driver: str, folder: Path, request: pytest.FixtureRequest) -> JobDatabase:
    """An empty database for one of the drivers: a file in the folder, or one on the PostgreSQL of all tests."""
    if driver == "sqlite":
        return JobDatabase(uri=f"sqlite:///{folder / 'jobs.db'}")
    postgres: Postgres = request.getfixturevalue("postgres")
    return JobDatabase(uri=postgres.new_database().replace("psycopg2", driver))


def new_job(key: str, created_ms: int = 0, *, name: str = "credit") -> NewJob:
    """A job of which only the key, and perhaps the age, matters."""
    return NewJob(key=key, name=name, version=1, created_ms=created_ms, workspace="")


def claimed(table: JobTable, owner: str = "a", lease_s: float = 60) -> Job:
    """Claim a job that must be there."""
    job = table.claim(owner, lease_s)
    assert job is not None
    return job


def row(table: JobTable, key: str) -> Job:
    """A job as it stands in a small table."""
    return next(job for job in table.select(get_args(State), 100) if job.key == key)
