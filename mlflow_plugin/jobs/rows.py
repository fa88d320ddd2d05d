"""Between rows of the table and value objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_plugin.jobs.job import Job

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Row

__all__ = ["to_job"]


def to_job(row: Row[Any]) -> Job:
    """A job from all columns of its row. One time stands for two: while it runs, it is due when its lease ends."""
    values = dict(row._mapping)  # noqa: SLF001 - public in SQLAlchemy, which keeps plain names for columns
    due_ms = values.pop("due_ms")
    lease_until_ms = due_ms if values["state"] == "running" else None
    return Job(**values, next_attempt_ms=due_ms, lease_until_ms=lease_until_ms)
