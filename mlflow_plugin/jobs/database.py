"""Transactions on the job table's database, for which every failure is a TrackingError."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from interp_pipeline.errors import TrackingError, UsageError
from interp_pipeline.installing import install_command
from mlflow_plugin.jobs.address import parse_address, shown
from mlflow_plugin.jobs.deadline import Deadline
from mlflow_plugin.jobs.engines import READ, WRITE, postgresql_engine, sqlite_engine, use_write_ahead_log
from mlflow_plugin.jobs.failures import lacks_schema, why_it_failed
from mlflow_plugin.jobs.schema import is_current, is_there, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Connection

__all__ = ["Database"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_HANG_UP_AFTER = 1.5  # times the patience: the server's own limit, which says more, comes first
_log = logging.getLogger("interp.jobs")


class Database:
    """A database that has the tables, or is given them as soon as they are missed. Safe for threads."""

    def __init__(self, uri: str, patience_s: float) -> None:
        """Prepare to connect; nothing is connected yet.

        Args:
            uri: SQLAlchemy URI of a SQLite file or of PostgreSQL.
            patience_s: how long to wait for a lock, a connection or a statement, in s.

        Raises:
            UsageError: no job table can live there, or its driver is not installed.
        """
        self._url = parse_address(uri)
        self._patience_s = patience_s
        is_file = self._url.get_backend_name() == "sqlite"
        self._deadline = None if is_file else Deadline(_HANG_UP_AFTER * patience_s)
        try:
            self._engine = (
                sqlite_engine(self._url, patience_s)
                if self._deadline is None
                else postgresql_engine(self._url, patience_s, self._deadline)
            )
        except ModuleNotFoundError as error:
            msg = f"{shown(self._url)} needs the driver {error.name}: {install_command(str(error.name))}"
            raise UsageError(msg) from error

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def make_ready(self) -> bool:
        """Make or upgrade the tables.

        Returns:
            Whether there was anything to do.

        Raises:
            TrackingError: the database failed.
            UsageError: a newer program made the tables, or the file system cannot hold them.
        """
        with self._translated():
            return self._make_ready()

    def is_made(self) -> bool:
        """Whether there is a database with the tables; nothing is made.

        Raises:
            UsageError: a newer program made the tables.
            TrackingError: the database failed.
        """
        path = None if self._deadline is not None else Path(str(self._url.database))
        with self._translated():
            return (path is None or path.exists()) and self._transaction(is_there, READ)

    def require_made(self) -> None:
        """Refuse a database without the tables; nothing is made.

        Raises:
            UsageError: there is none at the address, or it has no tables.
            TrackingError: the database failed.
        """
        if self.is_made():
            return
        msg = (
            f"there is no job table at {shown(self._url)}: a worker makes it when it starts (interp worker); "
            "if one runs, give the address it has (INTERP_JOBS_URI, and the same tracking server)"
        )
        raise UsageError(msg)

    def read(self, action: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **options: _P.kwargs) -> _T:
        """Run an action in a transaction that only reads.

        Raises:
            TrackingError: the database failed.
        """
        return self._run(lambda connection: action(connection, *args, **options), READ)

    def write(self, action: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **options: _P.kwargs) -> _T:
        """Run an action in a transaction that may write.

        Raises:
            TrackingError: the database failed; where the line broke during the commit, what was written may stand.
        """
        return self._run(lambda connection: action(connection, *args, **options), WRITE)

    def _run(self, action: Callable[[Connection], _T], how: Mapping[str, str]) -> _T:
        """Run an action; where the tables are gone, or those of an older copy came back, on new ones."""
        with self._translated():
            try:
                return self._transaction(action, how)
            except SQLAlchemyError as error:
                if not lacks_schema(error) or not self._make_ready():
                    raise
            _log.warning("the job table %s was lost or replaced, and is made anew", shown(self._url))
            return self._transaction(action, how)

    def _make_ready(self) -> bool:
        if self._deadline is None:
            use_write_ahead_log(self._engine, self._patience_s)
        if self._transaction(is_current, READ):
            return False
        self._transaction(upgrade, WRITE)
        return True

    def _transaction(self, action: Callable[[Connection], _T], how: Mapping[str, str]) -> _T:
        with self._engine.connect().execution_options(**how) as connection, connection.begin():
            return action(connection)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Keep the limit of time, and turn what the database raises into an error of ours."""
        with nullcontext() if self._deadline is None else self._deadline.kept() as lines:
            try:
                yield
            except (SQLAlchemyError, OSError) as error:
                why = why_it_failed(error, self._url)
                if lines is not None and lines.over:
                    why = f"no answer within {_HANG_UP_AFTER * self._patience_s:g} s; check that it runs, and try again"
                msg = f"the job table {shown(self._url)} failed: {why}"
                raise TrackingError(msg) from error
