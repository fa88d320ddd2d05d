"""When the registry was scanned: one worker does it in each interval, and all see when it was done last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from mlflow_plugin.jobs.dialects import inserting, now_ms
from mlflow_plugin.jobs.schema import interp_scans

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["begin_scan", "end_scan", "give_up_scan", "last_scan_age_s"]

_scans = interp_scans.c
_ONLY_ROW = 1


def begin_scan(connection: Connection, interval_s: float) -> bool:
    """Whether the caller is the one to scan now: nobody began within the interval."""
    statement = inserting(connection, interp_scans).values(id=_ONLY_ROW, started_ms=now_ms())
    statement = statement.on_conflict_do_update(
        index_elements=[_scans.id],
        set_={"started_ms": now_ms()},
        where=_scans.started_ms <= now_ms() - round(interval_s * 1000),
    )
    return connection.execute(statement.returning(_scans.id)).first() is not None


def end_scan(connection: Connection) -> None:
    """Say that a scan came to its end."""
    connection.execute(update(interp_scans).where(_scans.id == _ONLY_ROW).values(ended_ms=now_ms()))


def give_up_scan(connection: Connection) -> None:
    """Say that a scan failed: the next one need not wait for the interval to pass."""
    connection.execute(update(interp_scans).where(_scans.id == _ONLY_ROW).values(started_ms=0))


def last_scan_age_s(connection: Connection) -> float | None:
    """Time since a scan came to its end last, in s; None: none ever did."""
    age_ms = connection.scalar(select(now_ms() - _scans.ended_ms))
    return None if age_ms is None else max(age_ms, 0) / 1000
