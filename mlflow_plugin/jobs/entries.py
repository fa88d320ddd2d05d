"""Which jobs there are: new ones, ones that are due again, and ones nobody waits for any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, cast, delete, literal, null, select, true, update

from mlflow_plugin.jobs.dialects import inserting, json_rows, now_ms
from mlflow_plugin.jobs.job import CLOSED
from mlflow_plugin.jobs.schema import interp_jobs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from mlflow_plugin.jobs.job import NewJob

__all__ = ["add", "forget", "reopen", "retire"]

_jobs = interp_jobs.c
_KEYS_AT_ONCE = 1000  # in one statement; databases bound how many values it may have


def add(connection: Connection, jobs: Iterable[NewJob]) -> int:
    """Enter jobs; of those that are there, only the gone come back.

    Rows are entered in the order of their keys, so that two scans that enter the same do not lock each other out.
    """
    fields = ("key", "name", "version", "created_ms", "workspace")
    by_key = {job.key: {field: getattr(job, field) for field in fields} for job in jobs}
    given = json_rows(connection, [by_key[key] for key in sorted(by_key)])
    values = {
        "key": given["key"].as_string(),
        "name": given["name"].as_string(),
        "version": given["version"].as_integer(),
        "created_ms": cast(given["created_ms"].as_string(), BigInteger),
        "workspace": given["workspace"].as_string(),
        "attempt": literal(0),
        **_as_new(),
    }
    # Without a condition SQLite would take what follows for one of a join.
    entered = select(*values.values()).where(true())
    statement = inserting(connection, interp_jobs).from_select(list(values), entered)
    statement = statement.on_conflict_do_update(index_elements=[_jobs.key], set_=_as_new(), where=_jobs.state == "gone")
    return len(connection.execute(statement.returning(_jobs.key)).all())


def reopen(connection: Connection, keys: Iterable[str]) -> int:
    """Make finished jobs pending again, whatever they ended as; others are left as they are."""
    statement = update(interp_jobs).where(_jobs.state.in_(CLOSED)).values(**_as_new())
    return sum(connection.execute(statement.where(_jobs.key.in_(some))).rowcount for some in _portions(keys))


def retire(connection: Connection, keys: Iterable[str], why: str) -> int:
    """Call jobs gone, finished or not; a worker that runs one loses its lease."""
    statement = (
        update(interp_jobs)
        .where(_jobs.state != "gone")
        .values(state="gone", owner=null(), error_class=null(), error=why, changed_ms=now_ms())
    )
    return sum(connection.execute(statement.where(_jobs.key.in_(some))).rowcount for some in _portions(keys))


def forget(connection: Connection, keys: Iterable[str]) -> int:
    """Take jobs out of the table; a worker that runs one loses its lease."""
    return sum(connection.execute(delete(interp_jobs).where(_jobs.key.in_(some))).rowcount for some in _portions(keys))


def _as_new() -> dict[str, Any]:
    """What a row has that was never attempted. Its attempts are not among it: the fence needs them to grow only."""
    return {
        "state": literal("pending"),
        "owner": null(),
        "due_ms": now_ms(),
        "crashes": literal(0),
        "lapses": literal(0),
        "failures": literal(0),
        "error_class": null(),
        "error": null(),
        "noticed_ms": now_ms(),
        "changed_ms": now_ms(),
    }


def _portions(keys: Iterable[str]) -> list[list[str]]:
    """The keys, each once and in order, in parts small enough for a statement."""
    ordered = sorted(set(keys))
    return [ordered[start : start + _KEYS_AT_ONCE] for start in range(0, len(ordered), _KEYS_AT_ONCE)]
