"""The tables, and how a database comes to have them: steps of plain SQL that both databases understand."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, delete, insert, inspect, select

from interp_pipeline.errors import UsageError
from mlflow_plugin.jobs.address import shown
from mlflow_plugin.jobs.dialects import AnyText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = ["STEPS", "interp_jobs", "interp_notes", "interp_owners", "interp_scans", "is_current", "is_there", "upgrade"]

_METADATA = MetaData()
_LOCK = 0x696E_7465_7270  # of PostgreSQL's advisory locks: "interp" in ASCII

interp_jobs = Table(
    "interp_jobs",
    _METADATA,
    Column("key", AnyText, primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("workspace", AnyText, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", AnyText),
    Column("due_ms", BigInteger, nullable=False),  # from when on it may be claimed; while it runs, the lease's end
    Column("crashes", Integer, nullable=False),
    Column("lapses", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error_class", AnyText),
    Column("error", AnyText),
    Column("noticed_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("interp_jobs_due", "state", "due_ms", "created_ms"),
)
interp_notes = Table(
    "interp_notes",
    _METADATA,
    Column("digest", AnyText, primary_key=True),  # of the other three: names may be longer than an index holds
    Column("name", AnyText, nullable=False),
    Column("version", Integer, nullable=False),
    Column("workspace", AnyText, nullable=False),
    Column("noted_ms", BigInteger, nullable=False),
    Index("interp_notes_oldest", "noted_ms"),
)
interp_scans = Table(
    "interp_scans",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: one row for all workers
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),  # of the last one that came to its end
)
interp_owners = Table(
    "interp_owners",
    _METADATA,
    Column("digest", AnyText, primary_key=True),  # of the content, which may be longer than an index holds
    Column("content", AnyText, nullable=False),  # of a configuration, as JSON
    Column("turn", Integer, nullable=False),  # the highest is whose table it is
    Column("seen_ms", BigInteger, nullable=False),  # when a worker that has it was heard of
)
_interp_schema = Table("interp_schema", _METADATA, Column("version", Integer, nullable=False))

# Step n makes version n out of version n - 1. A step that was released is never changed: databases
# stand at its result. It only adds, so that workers of the version before can go on beside it.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE interp_schema (version INTEGER NOT NULL)",
        """
        CREATE TABLE interp_jobs (
            key TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, created_ms BIGINT NOT NULL,
            workspace TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL, owner TEXT, due_ms BIGINT NOT NULL,
            crashes INTEGER NOT NULL, lapses INTEGER NOT NULL, failures INTEGER NOT NULL,
            error_class TEXT, error TEXT, noticed_ms BIGINT NOT NULL, changed_ms BIGINT NOT NULL
        )
        """,
        "CREATE INDEX interp_jobs_due ON interp_jobs (state, due_ms, created_ms)",
        """
        CREATE TABLE interp_notes (
            digest TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, workspace TEXT NOT NULL,
            noted_ms BIGINT NOT NULL
        )
        """,
        "CREATE INDEX interp_notes_oldest ON interp_notes (noted_ms)",
        "CREATE TABLE interp_scans (id INTEGER NOT NULL PRIMARY KEY, started_ms BIGINT NOT NULL, ended_ms BIGINT)",
    ),
    (
        """
        CREATE TABLE interp_owners (
            digest TEXT NOT NULL PRIMARY KEY, content TEXT NOT NULL, turn INTEGER NOT NULL, seen_ms BIGINT NOT NULL
        )
        """,
    ),
)


def is_there(connection: Connection, steps: Sequence[Sequence[str]] = STEPS) -> bool:
    """Whether the database has the tables, if only those of an older program.

    Raises:
        UsageError: a newer program made them.
    """
    return _version(connection, steps) > 0


def is_current(connection: Connection, steps: Sequence[Sequence[str]] = STEPS) -> bool:
    """Whether the database has all tables, as this program knows them.

    Raises:
        UsageError: a newer program made them.
    """
    return _version(connection, steps) == len(steps)


def upgrade(connection: Connection, steps: Sequence[Sequence[str]] = STEPS) -> None:
    """Make or upgrade the tables, in the transaction of a connection that may write.

    Args:
        connection: on SQLite it holds the one writer's lock already; on PostgreSQL a lock is taken here, so
            that of many processes that start at once one makes the tables and the others find them.
        steps: SQL by version.

    Raises:
        UsageError: a newer program made them.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    version = _version(connection, steps)
    if version == len(steps):
        return
    if version == 0:  # what is left of a table that was half deleted can be found again by a scan
        _METADATA.drop_all(connection)
    for statement in chain.from_iterable(steps[version:]):
        connection.exec_driver_sql(statement)
    connection.execute(delete(_interp_schema))
    connection.execute(insert(_interp_schema).values(version=len(steps)))


def _version(connection: Connection, steps: Sequence[Sequence[str]]) -> int:
    """The version the database stands at; 0 where a table is missing."""
    missing = {*_METADATA.tables} - {*inspect(connection).get_table_names()}
    version = 0 if _interp_schema.name in missing else connection.scalar(select(_interp_schema.c.version)) or 0
    if version > len(steps):
        msg = (
            f"the job table {shown(connection.engine.url)} was made by a newer interp-pipeline (its version {version}, "
            f"this one knows {len(steps)}); upgrade interp-pipeline here, or give another job table"
        )
        raise UsageError(msg)
    return 0 if missing and version == len(steps) else version
