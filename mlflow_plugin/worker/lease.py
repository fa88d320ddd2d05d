"""A worker's hold on a job, kept up beside the work and asked for before anything is written."""

from __future__ import annotations

import logging
import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Self

from interp_pipeline.errors import InterpError, TrackingError

if TYPE_CHECKING:
    from types import TracebackType

    from mlflow_plugin.jobs import Job, JobTable

__all__ = ["Lease", "LeaseLostError"]

_logger = logging.getLogger("interp.worker")


class LeaseLostError(InterpError):
    """The job belongs to somebody else by now, or may: nothing may be written for it."""


class Lease:
    """Renews the lease of a job from a thread of its own while the block runs.

    A worker that was stopped for longer than its lease finds out before it writes: ``require`` asks the table, by
    the database's clock. Where the database does not answer, the lease counts as lost when it would have run out.
    """

    def __init__(self, table: JobTable, job: Job, *, lease_s: float, heartbeat_s: float) -> None:
        """Keep up the lease that came with the claim of this job."""
        self._table = table
        self._job = job
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._held_until = time.monotonic() + lease_s
        context = copy_context()  # its log lines name the job too
        self._thread = threading.Thread(target=lambda: context.run(self._keep), name="interp-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        """Start the heartbeat."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the heartbeat."""
        self.end()
        self._thread.join()

    def end(self) -> None:
        """Renew it no longer: the job was finished or given back."""
        self._ended.set()

    @property
    def lost(self) -> bool:
        """Whether it is known to be lost; asked often, and without asking the table."""
        return self._lost.is_set() or time.monotonic() > self._held_until

    def require(self) -> None:
        """Make sure, by the table, that the job is still this worker's.

        Raises:
            LeaseLostError: it is not.
            TrackingError: the table does not answer.
        """
        if self.lost or not self._table.holds(self._job):
            self._lost.set()
            msg = f"models:/{self._job.name}/{self._job.version} was taken over by another worker"
            raise LeaseLostError(msg)

    def _keep(self) -> None:
        while not self._ended.wait(self._heartbeat_s):
            asked = time.monotonic()
            try:
                held = self._table.heartbeat(self._job, self._lease_s)
            except TrackingError as error:
                _logger.warning("the lease could not be renewed: %s", error)
                continue
            if not held:
                if not self._ended.is_set():  # else it was given up while we asked
                    self._lost.set()
                    _logger.warning("the lease was lost: another worker has the job")
                return
            self._held_until = asked + self._lease_s
