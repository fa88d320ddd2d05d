"""The job table: what is to be explained, by whom it is being explained, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from mlflow_plugin.jobs import claims, entries, figures, notes, owners, scans
from mlflow_plugin.jobs.database import Database
from mlflow_plugin.jobs.job import Note

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mlflow_plugin.jobs.job import Belonging, Job, NewJob, Outcome, Standing, State

__all__ = ["JobTable"]

_PATIENCE_S = 10.0  # two tries fit between two heartbeats and the end of a lease of 60 s


class JobTable:
    """Jobs in a SQLite file or in PostgreSQL, shared by any number of threads, processes and machines.

    All that is compared with a time is compared with the database's own. Every method is one transaction and
    raises TrackingError where the database fails. A table that was lost is made anew and is empty: whoever held a
    lease in it holds it no longer, and the next scan fills it.
    """

    def __init__(self, database: Database) -> None:
        """Use a database that has its tables; see ``open``."""
        self._database = database

    @classmethod
    def open(cls, uri: str, *, patience_s: float = _PATIENCE_S, making: bool = True) -> Self:
        """Open a table; make or upgrade it where needed, also when many processes do so at once.

        Args:
            uri: SQLAlchemy URI: ``sqlite:///path`` or ``postgresql://user:password@host/database``.
            patience_s: how long a lock, a connection or a statement is waited for, in s; a database that says
                nothing at all is given up half as long again after that.
            making: whether it is made where there is none.

        Raises:
            TrackingError: the database does not answer, or not as it should.
            UsageError: no job table can live at this address, there is none that may be made, or it is one of a newer
                program.
        """
        database = Database(uri, patience_s)
        if not making:
            database.require_made()
        database.make_ready()
        return cls(database)

    @staticmethod
    def is_made(uri: str, *, patience_s: float = _PATIENCE_S) -> bool:
        """Whether there is a table at an address; it is not made.

        Args:
            uri: as for ``open``.
            patience_s: likewise.

        Raises:
            TrackingError: the database does not answer, or not as it should.
            UsageError: no job table can live at this address, or it is one of a newer program.
        """
        database = Database(uri, patience_s)
        try:
            return database.is_made()
        finally:
            database.close()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def add(self, jobs: Iterable[NewJob]) -> int:
        """Enter jobs that are due.

        Returns:
            How many were new, or were gone and are pending again. All other keys that are there stay untouched.
        """
        return self._database.write(entries.add, list(jobs))

    def claim(self, owner: str, lease_s: float) -> Job | None:
        """Take a job: one whose lease ran out, else the pending one that is due longest.

        Args:
            owner: who takes it; no two processes may use the same.
            lease_s: for how long nobody else may take it, unless a heartbeat extends it.

        Returns:
            The job as it is now, with the attempt that fences off earlier ones; None: nothing is due.
        """
        return self._database.write(claims.claim, owner, lease_s)

    def heartbeat(self, job: Job, lease_s: float) -> bool:
        """Extend the lease from now on; False: it is lost, somebody else may be running the job."""
        return self._database.write(claims.heartbeat, job, lease_s)

    def holds(self, job: Job) -> bool:
        """Whether the lease is still ours and has not run out: asked before anything is published."""
        return self._database.read(claims.holds, job)

    def finish(self, job: Job, state: Outcome, *, error_class: str | None = None, error: str | None = None) -> bool:
        """End a job that is ours; False: it is not any more, and was not touched.

        Asked again with the same state, after the first answer was lost, it says True again.
        """
        return self._database.write(claims.finish, job, state, error_class, error)

    def postpone(self, job: Job, delay_s: float, *, error_class: str, error: str, crashed: bool) -> bool:
        """Give a job that is ours back for another attempt.

        Args:
            job: as claimed.
            delay_s: how long nobody may claim it.
            error_class: why, as a class.
            error: why, in one line.
            crashed: counts as a death of the process that ran the model, else as a failure that passes.

        Returns:
            Whether it was ours; if not, it was not touched.
        """
        return self._database.write(claims.postpone, job, delay_s, error_class, error, crashed=crashed)

    def release(self, job: Job) -> bool:
        """Give a job that is ours back at once and uncounted; False: it was not ours."""
        return self._database.write(claims.release, job)

    def reopen(self, keys: Iterable[str]) -> int:
        """Make finished jobs pending again, with their counters at 0.

        Returns:
            How many were finished; pending and running ones stay untouched.
        """
        return self._database.write(entries.reopen, list(keys))

    def retire(self, keys: Iterable[str], why: str) -> int:
        """Call jobs gone, whatever their state; a worker that runs one loses its lease.

        Returns:
            How many were not gone before.
        """
        return self._database.write(entries.retire, list(keys), why)

    def forget(self, keys: Iterable[str]) -> int:
        """Take jobs out of the table, whatever their state; a worker that runs one loses its lease.

        Returns:
            How many there were.
        """
        return self._database.write(entries.forget, list(keys))

    def states(self) -> dict[str, Standing]:
        """How the job of every key stands."""
        return self._database.read(figures.states)

    def counts(self) -> dict[State, int]:
        """Number of jobs in every state; states without any are there with 0."""
        return self._database.read(figures.counts)

    def failures_by_class(self) -> dict[str, int]:
        """Number of jobs whose last attempt failed, by class of error: ended ones and ones to be retried."""
        return self._database.read(figures.failures_by_class)

    def oldest_unexplained_s(self) -> float | None:
        """For how long the oldest pending or running job has been known, in s; None: there is none."""
        return self._database.read(figures.oldest_unexplained_s)

    def select(self, states: Collection[State], limit: int) -> list[Job]:
        """Jobs in some states, latest change first, at most ``limit``."""
        return self._database.read(figures.select_jobs, states, limit)

    def find(self, keys: Collection[str]) -> list[Job]:
        """The jobs of some keys, at most a thousand; none for a key that is not there."""
        return self._database.read(figures.find, keys) if keys else []

    def note(self, name: str, version: int, workspace: str = "") -> None:
        """Leave a hint that a version was registered; it stands once, however often it is left.

        Raises:
            UsageError: no version can have this number.
        """
        self._database.write(notes.leave_note, Note(name=name, version=version, workspace=workspace))

    def take_notes(self, limit: int = 1000) -> list[Note]:
        """Take hints away, oldest first, at most ``limit``; no two callers get the same one."""
        return self._database.write(notes.take_notes, limit)

    def join(self, content: str, silent_s: float, *, takes_over: bool = True) -> Belonging:
        """Say that a worker with this configuration is there, and learn whether the table is its own.

        Args:
            content: of the configuration, as JSON; the same text for the same.
            silent_s: after how long without a word or a lease workers with another one count as gone.
            takes_over: whether the table becomes its own where it has never had this configuration.
        """
        return self._database.write(owners.join, content, silent_s, takes_over=takes_over)

    def leave(self, content: str) -> None:
        """Say that a worker with this configuration stops."""
        self._database.write(owners.leave, content)

    def begin_scan(self, interval_s: float) -> bool:
        """Whether the caller is to scan the registry now; True for one caller per interval."""
        return self._database.write(scans.begin_scan, interval_s)

    def end_scan(self) -> None:
        """Say that a scan came to its end and was good."""
        self._database.write(scans.end_scan)

    def give_up_scan(self) -> None:
        """Say that a scan failed: whoever asks next is to scan."""
        self._database.write(scans.give_up_scan)

    def last_scan_age_s(self) -> float | None:
        """How long ago a good scan ended, in s; None: there was none yet."""
        return self._database.read(scans.last_scan_age_s)
