"""What the table has to tell: states for the scan, figures for ``interp status`` and the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlalchemy import func, select

from mlflow_plugin.jobs.dialects import now_ms
from mlflow_plugin.jobs.job import OPEN, STATES, Standing
from mlflow_plugin.jobs.rows import to_job
from mlflow_plugin.jobs.schema import interp_jobs

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from mlflow_plugin.jobs.job import Job, State

__all__ = ["counts", "failures_by_class", "find", "oldest_unexplained_s", "select_jobs", "states"]

_jobs = interp_jobs.c


def states(connection: Connection) -> dict[str, Standing]:
    """How the job of every key stands."""
    about = (_jobs.name, _jobs.version, _jobs.created_ms)
    rows = connection.execute(select(_jobs.key, _jobs.state, _jobs.changed_ms, _jobs.error_class, *about))
    return {
        key: Standing(
            version=tuple(version), state=cast("State", state), changed_ms=changed_ms, error_class=error_class
        )
        for key, state, changed_ms, error_class, *version in rows
    }


def counts(connection: Connection) -> dict[State, int]:
    """Number of jobs in every state, also in those that have none."""
    rows = connection.execute(select(_jobs.state, func.count()).group_by(_jobs.state))
    found = {row[0]: row[1] for row in rows}
    return {state: found.get(state, 0) for state in STATES}


def failures_by_class(connection: Connection) -> dict[str, int]:
    """Number of jobs whose last attempt failed, by class of error, whether they are retried or not."""
    rows = connection.execute(
        select(_jobs.error_class, func.count()).where(_jobs.error_class.is_not(None)).group_by(_jobs.error_class)
    )
    return {row[0]: row[1] for row in rows}


def oldest_unexplained_s(connection: Connection) -> float | None:
    """For how long the table has known of the oldest job that is not ended; None: all are."""
    age_ms = connection.scalar(select(now_ms() - func.min(_jobs.noticed_ms)).where(_jobs.state.in_(OPEN)))
    return None if age_ms is None else max(age_ms, 0) / 1000


def find(connection: Connection, keys: Collection[str]) -> list[Job]:
    """The jobs of a few keys that there are."""
    return [to_job(row) for row in connection.execute(select(*_jobs).where(_jobs.key.in_(list(keys))))]


def select_jobs(connection: Connection, which: Collection[State], limit: int) -> list[Job]:
    """Jobs in some states, those whose state changed last first."""
    rows = connection.execute(
        select(*_jobs)
        .where(_jobs.state.in_(list(which)))
        .order_by(_jobs.changed_ms.desc(), _jobs.created_ms.desc(), _jobs.key)
        .limit(limit)
    )
    return [to_job(row) for row in rows]
