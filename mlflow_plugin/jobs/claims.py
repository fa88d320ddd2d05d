"""Who runs which job: claims, leases, and the fence that keeps out whoever lost one.

Every function is one statement, so that the database decides between workers, by its own time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, case, func, null, select, update

from mlflow_plugin.jobs.dialects import now_ms
from mlflow_plugin.jobs.rows import to_job
from mlflow_plugin.jobs.schema import interp_jobs

if TYPE_CHECKING:
    from sqlalchemy import Connection, ScalarSelect

    from mlflow_plugin.jobs.job import Job, Outcome, State

__all__ = ["claim", "finish", "heartbeat", "holds", "postpone", "release"]

_jobs = interp_jobs.c


def claim(connection: Connection, owner: str, lease_s: float) -> Job | None:
    """Take the job whose lease ran out first or, where none did, the pending one that is due longest.

    Jobs of dead workers come first: they have waited already, and would wait again behind a long back-fill.
    """
    found = func.coalesce(_first_due("running"), _first_due("pending"))
    taken = connection.execute(
        update(interp_jobs)
        .where(_jobs.key == found)
        .values(
            state="running",
            attempt=_jobs.attempt + 1,
            owner=owner,
            due_ms=now_ms() + _ms(lease_s),
            lapses=_jobs.lapses + case((_jobs.state == "running", 1), else_=0),
            changed_ms=now_ms(),
        )
        .returning(*_jobs)
    ).first()
    return None if taken is None else to_job(taken)


def _first_due(state: State) -> ScalarSelect[str]:
    """The key of the first due job in a state, found by one look into the index.

    On PostgreSQL a row another worker is just taking is passed over instead of waited for; on SQLite
    there is one writer at a time, and nothing is added to the statement.
    """
    due = interp_jobs.alias(f"due_{state}")
    return (
        select(due.c.key)
        .where(due.c.state == state, due.c.due_ms <= now_ms())
        .order_by(due.c.due_ms, due.c.created_ms)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def heartbeat(connection: Connection, job: Job, lease_s: float) -> bool:
    """Extend a lease that is still ours, even one that has run out and nobody took."""
    return _hits(connection, _fence(job), due_ms=now_ms() + _ms(lease_s))


def holds(connection: Connection, job: Job) -> bool:
    """Whether the lease is ours and has not run out."""
    return connection.scalar(select(_jobs.key).where(_fence(job), _jobs.due_ms > now_ms())) is not None


def finish(
    connection: Connection, job: Job, state: Outcome, error_class: str | None = None, error: str | None = None
) -> bool:
    """End a job. Asked again, after the answer was lost on its way, it says the same."""
    ended = and_(_is_claim(job), _jobs.state.in_(["running", state]))
    return _hits(connection, ended, state=state, failures=0, error_class=error_class, error=error, changed_ms=now_ms())


def postpone(connection: Connection, job: Job, delay_s: float, error_class: str, error: str, *, crashed: bool) -> bool:
    """Give a job back for a later attempt, and count why. A crash ends a row of transient failures."""
    counted = {"crashes": _jobs.crashes + 1, "failures": 0} if crashed else {"failures": _jobs.failures + 1}
    return _hits(
        connection,
        _fence(job),
        state="pending",
        owner=null(),
        due_ms=now_ms() + _ms(delay_s),
        error_class=error_class,
        error=error,
        changed_ms=now_ms(),
        **counted,
    )


def release(connection: Connection, job: Job) -> bool:
    """Give a job back as it was taken; it keeps its place before all that was noticed after it."""
    return _hits(connection, _fence(job), state="pending", owner=null(), due_ms=_jobs.noticed_ms, changed_ms=now_ms())


def _is_claim(job: Job) -> ColumnElement[bool]:
    """The row, if nobody claimed it after this claim."""
    return and_(_jobs.key == job.key, _jobs.owner == job.owner, _jobs.attempt == job.attempt)


def _fence(job: Job) -> ColumnElement[bool]:
    """The row, if it is still run under this claim."""
    return and_(_is_claim(job), _jobs.state == "running")


def _hits(connection: Connection, which: ColumnElement[bool], **values: object) -> bool:
    """Whether an update found its row."""
    return connection.execute(update(interp_jobs).where(which).values(**values)).rowcount == 1


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
