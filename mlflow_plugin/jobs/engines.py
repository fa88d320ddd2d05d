"""How the two databases are spoken to: connections, transactions, and how long anything may take."""

from __future__ import annotations

import errno
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.pool import NullPool

from interp_pipeline.errors import UsageError
from mlflow_plugin.jobs.address import shown
from mlflow_plugin.jobs.failures import is_busy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import URL, Connection, Dialect, Engine

    from mlflow_plugin.jobs.deadline import Deadline

__all__ = ["READ", "WRITE", "postgresql_engine", "sqlite_engine", "use_write_ahead_log"]

# Execution options: what a SQLite transaction begins with. A writer takes the one lock there is at once;
# taken at its first write, it would fail without waiting where another one wrote since its first read.
READ: Mapping[str, str] = {"interp_begin": "BEGIN"}
WRITE: Mapping[str, str] = {"interp_begin": "BEGIN IMMEDIATE"}
_NO_TRANSACTION: Mapping[str, str] = {"interp_begin": ""}

_POLL_S = 0.02
_NO_FOLDER = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
}  # no disk that may be full
_LEAST_CONNECT_TIMEOUT_S = 2  # of PostgreSQL's client; it makes less of it itself


def sqlite_engine(url: URL, patience_s: float) -> Engine:
    """Connections to a SQLite file, a new one for every transaction.

    So the file that is there is the file that is used: one that was deleted or replaced by an older copy
    is not written to behind everybody's back, and between transactions nothing but the file itself has to
    be copied.

    Args:
        url: with an absolute path.
        patience_s: how long to wait for a lock, in s.
    """
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": patience_s})

    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver thinks
        connection.execute("PRAGMA synchronous=NORMAL")  # a power cut may cost the last jobs' states, not the file

    def begin(connection: Connection) -> None:
        how = connection.get_execution_options()["interp_begin"]
        if how:
            connection.exec_driver_sql(how)

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", begin)
    return engine


def use_write_ahead_log(engine: Engine, patience_s: float) -> None:
    """Make the file and its folder, and let readers and the writer not wait for each other.

    Raises:
        UsageError: the file system cannot do that.
    """
    folder = Path(str(engine.url.database)).parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in _NO_FOLDER:
            raise
        why = f"cannot be made ({error.strerror})"
        msg = f"the job table's folder {folder} {why}; name another place for the table in INTERP_JOBS_URI"
        raise UsageError(msg) from error
    end = time.monotonic() + patience_s
    while True:
        try:
            with engine.connect().execution_options(**_NO_TRANSACTION) as connection:
                mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar()
            break
        except OperationalError as error:  # SQLite does not wait here when several processes begin at once
            if not is_busy(error) or time.monotonic() > end:
                raise
            time.sleep(_POLL_S)
    if mode != "wal":
        msg = f"the job table {shown(engine.url)} cannot be shared there; put it on a local disk, or use PostgreSQL"
        raise UsageError(msg)


def postgresql_engine(url: URL, patience_s: float, deadline: Deadline) -> Engine:
    """A pool of connections to PostgreSQL, each tried before it is used.

    Args:
        url: its own ``connect_timeout`` counts, if it has one.
        patience_s: how long connecting, a free connection and a statement may take, each, in s.
        deadline: hangs up where even that is not kept.
    """
    options: dict[str, Any] = {"connect_timeout": max(_LEAST_CONNECT_TIMEOUT_S, math.ceil(patience_s))}
    if url.get_dialect().driver == "psycopg":
        options["prepare_threshold"] = None  # poolers in front of the server do not know prepared statements
    engine = create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_timeout=patience_s,
        connect_args={name: value for name, value in options.items() if name not in url.query},
    )
    limit_ms = math.ceil(patience_s * 1000)

    def connect(dialect: Dialect, _record: Any, args: list[Any], options: dict[str, Any]) -> Any:
        connection: Any = dialect.connect(*args, **options)
        deadline.watch(connection.fileno())
        return connection

    def try_before_use(connection: Any, _record: Any, _proxy: Any) -> None:
        try:
            deadline.watch(connection.fileno())
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # the server was restarted: all older ones are of no use either

    def begin(connection: Connection) -> None:  # a worker that is stopped half-way must not keep its locks
        connection.exec_driver_sql(
            f"SET LOCAL statement_timeout = {limit_ms}; SET LOCAL idle_in_transaction_session_timeout = {limit_ms}"
        )

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkout", try_before_use)
    event.listen(engine, "begin", begin)
    return engine
