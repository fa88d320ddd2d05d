"""Whose table this is: one configuration at a time, for what one finds due another would take out again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from mlflow_plugin.jobs.dialects import inserting, now_ms
from mlflow_plugin.jobs.job import Belonging
from mlflow_plugin.jobs.schema import interp_jobs, interp_owners

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["join", "leave"]

_owners = interp_owners.c


def join(connection: Connection, content: str, silent_s: float, *, takes_over: bool) -> Belonging:
    """Say that a worker with this configuration is there, and learn whether the table is its own.

    A configuration that the table has never had takes it over at once: that is how a changed one comes in while
    workers with the earlier one still run. An earlier one gets it back only when the present one has fallen silent,
    so that two never take turns.
    """
    is_silent = _owners.seen_ms <= now_ms() - round(silent_s * 1000)
    by_turn = (_owners.turn.desc(), _owners.digest)  # two that came at the same moment have the same turn
    present = connection.execute(select(_owners.content, is_silent).order_by(*by_turn).limit(1)).first()
    if present is None or present[0] == content:
        _enter(connection, content, new_turn=present is None)
        return Belonging(ours=True, other=None)
    known = connection.scalar(select(_owners.turn).where(_owners.digest == _digest(content))) is not None
    if (takes_over and not known) or (present[1] and not _is_worked_on(connection)):
        _enter(connection, content, new_turn=True)
        return Belonging(ours=True, other=present[0])
    return Belonging(ours=False, other=present[0])


def leave(connection: Connection, content: str) -> None:
    """Say that a worker with this configuration stops; others that have it will be heard of in a moment."""
    connection.execute(update(interp_owners).where(_owners.digest == _digest(content)).values(seen_ms=0))


def _enter(connection: Connection, content: str, *, new_turn: bool) -> None:
    turn = select(func.coalesce(func.max(_owners.turn), 0) + 1).scalar_subquery()
    statement = inserting(connection, interp_owners).values(
        digest=_digest(content), content=content, turn=turn, seen_ms=now_ms()
    )
    renewed = {"seen_ms": now_ms(), **({"turn": turn} if new_turn else {})}
    connection.execute(statement.on_conflict_do_update(index_elements=[_owners.digest], set_=renewed))


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _is_worked_on(connection: Connection) -> bool:
    """Whether somebody holds a lease: a worker that explains a version says nothing else meanwhile."""
    held = select(interp_jobs.c.key).where(interp_jobs.c.state == "running", interp_jobs.c.due_ms > now_ms())
    return connection.scalar(held.limit(1)) is not None
