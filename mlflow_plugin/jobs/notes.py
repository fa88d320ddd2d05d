"""Hints that a version was registered, left by whoever saw it for whoever knows what to do about it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from mlflow_plugin.jobs.dialects import inserting, now_ms
from mlflow_plugin.jobs.job import Note
from mlflow_plugin.jobs.schema import interp_notes

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["leave_note", "take_notes"]

_notes = interp_notes.c


def leave_note(connection: Connection, note: Note) -> None:
    """Leave a note; one that says the same and was not taken yet stands for both."""
    words = [note.workspace, note.name, note.version]
    row = {
        "digest": hashlib.sha256(json.dumps(words).encode()).hexdigest(),
        "name": note.name,
        "version": note.version,
        "workspace": note.workspace,
        "noted_ms": now_ms(),
    }
    connection.execute(inserting(connection, interp_notes).values(**row).on_conflict_do_nothing())


def take_notes(connection: Connection, limit: int) -> list[Note]:
    """Remove the oldest notes, and return exactly those that were removed."""
    oldest = (
        select(_notes.digest)
        .order_by(_notes.noted_ms)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("oldest")  # evaluated once; as a subquery PostgreSQL might evaluate it again for every row
    )
    rows = connection.execute(
        delete(interp_notes).where(_notes.digest.in_(select(oldest.c.digest))).returning(*_notes)
    ).all()
    return [
        Note(name=row.name, version=row.version, workspace=row.workspace)
        for row in sorted(rows, key=lambda row: (row.noted_ms, row.name, row.version))
    ]
