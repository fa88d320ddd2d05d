"""What versions say of their explanations, held against the job table: after an outage some say what was so before."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from interp_pipeline.errors import InterpError
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.runs.run_writer import mark_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.tracking.runs.run_writer import Status
    from interp_pipeline.tracking.server.session import Session
    from mlflow_plugin.jobs import JobTable, Standing, State

__all__ = ["mend"]

_MOST_AT_ONCE = 200  # of one scan; the next one goes on
_SAID: Mapping[State, Status] = {"pending": "pending", "failed": "failed", "skipped": "skipped", "gone": "failed"}
_logger = logging.getLogger("interp.worker")


def mend(
    session: Session, table: JobTable, known: Mapping[str, Standing], shown: Mapping[str, Mapping[str, str]]
) -> int:
    """Say on versions how their jobs stand, where they say something else.

    A worker whose server does not answer writes into the table alone. What is being worked on, or was changed since
    the scan read it, is left to whoever does that.

    Args:
        session: the connection.
        table: the jobs, asked again for those in doubt.
        known: how jobs stood, by key.
        shown: tags of their versions, by key; read after ``known``.

    Returns:
        How many were put right. The server may stop answering in between: the next scan mends the rest.
    """
    doubtful = [key for key, tags in shown.items() if key in known and _contradicts(known[key].state, tags)]
    mended = 0
    for job in table.find(doubtful[:_MOST_AT_ONCE]):
        if job.changed_ms != known[job.key].changed_ms:
            continue
        try:
            mark_status(session.asked_once, job.name, job.version, _SAID[job.state], key=job.key, error=job.error or "")
        except InterpError as error:
            _logger.info("tags of versions could not be put right: %s", error)
            break
        mended += 1
    return mended


def _contradicts(state: State, tags: Mapping[str, str]) -> bool:
    """Whether a version says something else than its job.

    ``done`` is never touched: an explanation lies there, though another one may be due. A new version says nothing.
    """
    status = tags.get(layout.TAG_STATUS)
    if state not in _SAID or status == "done" or (state == "pending" and status is None):
        return False
    return status != _SAID[state]
