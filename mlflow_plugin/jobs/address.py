"""The address of a job table: which databases it may be, and what of it may be shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from interp_pipeline.addresses import without_secrets
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["parse_address", "shown"]

_DRIVERS = {"sqlite": {"pysqlite"}, "postgresql": {"psycopg", "psycopg2"}}
_ADVICE = "write sqlite:///path/to/jobs.db or postgresql://user:password@host/database"


def parse_address(uri: str) -> URL:
    """Read the address of a job table.

    Args:
        uri: SQLAlchemy URI.

    Returns:
        The address; the path of a file is absolute, since the working directory may change.

    Raises:
        UsageError: it is no address, or one of a database no job table can live in.
    """
    try:
        url = make_url(uri)
        kind, driver = url.get_backend_name(), url.get_dialect().driver
    except (ArgumentError, ValueError):  # whose texts may quote a password
        msg = f"the address of the job table cannot be read: {_ADVICE}"
        raise UsageError(msg) from None
    except ModuleNotFoundError as error:
        msg = f"the address of the job table needs {error.name}, which is not installed: {_ADVICE}"
        raise UsageError(msg) from error
    if driver not in _DRIVERS.get(kind, ()):
        msg = f"{shown(url)}: a job table cannot live there: {_ADVICE}"
        raise UsageError(msg)
    if kind != "sqlite":
        return url
    if url.query or url.database in {None, "", ":memory:"} or str(url.database).startswith("file:"):
        msg = f"{shown(url)}: a job table must outlive its workers in a plain file: {_ADVICE}"
        raise UsageError(msg)
    return url.set(database=str(Path(str(url.database)).absolute()))


def shown(url: URL) -> str:
    """The address without its login, and without its options, which may hold one too."""
    return without_secrets(url.set(query={}).render_as_string(hide_password=False))
