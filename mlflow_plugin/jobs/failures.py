"""What a database says when it cannot do as asked, in one readable line."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from interp_pipeline.addresses import cleaned

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["is_busy", "lacks_schema", "why_it_failed"]

_ADVICE = "check that the database runs and that the address is right; it is safe to try again"
_ADVICE_BY_SQLITE_CODE = {
    sqlite3.SQLITE_BUSY: "another program keeps it locked; end that program, or try again",
    sqlite3.SQLITE_CANTOPEN: "check that its folder exists and that this user may write there",
    sqlite3.SQLITE_READONLY: "this user may not write to it; change its owner or mode, or give another job table",
    sqlite3.SQLITE_FULL: "make room on its disk, and try again",
    sqlite3.SQLITE_IOERR: "look after its disk, and try again",
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_ADVICE_WHERE_DAMAGED = "move it away with its -wal and -shm files; a new one is made, and the next scan fills it"
_PRIMARY = 0xFF  # the part of SQLite's codes that says what happened; the rest says where
_UNDEFINED_TABLE, _UNDEFINED_COLUMN = "42P01", "42703"  # PostgreSQL's


def is_busy(error: Exception) -> bool:
    """Whether another program holds the SQLite file."""
    return _sqlite_code(error) == sqlite3.SQLITE_BUSY


def lacks_schema(error: Exception) -> bool:
    """Whether a table or column may be missing: SQLite has one code for everything it cannot understand."""
    said = getattr(error, "orig", None)
    state = getattr(said, "sqlstate", None) or getattr(said, "pgcode", None)  # psycopg's name, and psycopg2's
    return state in {_UNDEFINED_TABLE, _UNDEFINED_COLUMN} or _sqlite_code(error) == sqlite3.SQLITE_ERROR


def why_it_failed(error: Exception, url: URL) -> str:
    """What the database said and what to do about it, without the password.

    Args:
        error: from SQLAlchemy, whose own text is not shown (it quotes statements and values), or the file system.
        url: of the database.
    """
    said = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".?")
    said = cleaned(said, url.render_as_string(hide_password=False))
    if url.password:
        said = said.replace(str(url.password), "***")
    code = _sqlite_code(error)
    advice = _ADVICE_WHERE_DAMAGED if code in _DAMAGED else _ADVICE_BY_SQLITE_CODE.get(code or 0, _ADVICE)
    return f"{said or type(error).__name__}; {advice}"


def _sqlite_code(error: Exception) -> int | None:
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else int(code) & _PRIMARY
