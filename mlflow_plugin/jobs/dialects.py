"""What SQLite and PostgreSQL say differently or not at all: the time, any text, insert-or-update, many rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, Text, column, func, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Dialect, Table
    from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["AnyText", "inserting", "json_rows", "now_ms"]

_UNHOLDABLE = re.compile("[\\\\\x00\ud800-\udfff]")  # and the backslash, with which they are written
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    r"""Any text Python can hold. PostgreSQL has no NUL, and neither database a lone surrogate.

    Names and errors come from strangers: one such character in one name must not make the table
    refuse a whole scan, so these are written as ``\u0000``, and a backslash as ``\u005c``.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape on the way in."""
        del dialect  # the same for all
        return None if value is None else _escaped(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Restore on the way out."""
        del dialect
        return None if value is None else _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)


def _escaped(text: str) -> str:
    return _UNHOLDABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class now_ms(FunctionElement[int]):  # noqa: N801 - named as SQL functions are, as SQLAlchemy does
    """The database's time in epoch ms: one value per statement, which an index can be searched with."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _on_sqlite(_element: now_ms, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


@compiles(now_ms, "postgresql")
def _on_postgresql(_element: now_ms, _compiler: SQLCompiler, **_options: Any) -> str:
    # Of the statement, not of the transaction: that may have waited for a lock in between.
    return "CAST(FLOOR(EXTRACT(EPOCH FROM statement_timestamp()) * 1000) AS BIGINT)"


def inserting(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can be told what to do where the row is there already."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def json_rows(connection: Connection, rows: list[dict[str, str | int]]) -> ColumnElement[Any]:
    """Many rows as one parameter: the column whose fields they are, one row of the database for each.

    Ten times as fast as a parameter for every field of every row.

    Args:
        connection: whose database reads the rows.
        rows: texts come out as ``AnyText`` stores them.
    """
    values = [{name: _escaped(v) if isinstance(v, str) else v for name, v in row.items()} for row in rows]
    if connection.dialect.name == "postgresql":
        each = func.jsonb_array_elements(literal(values, postgresql.JSONB))
        return each.table_valued(column("value", postgresql.JSONB)).c.value
    return func.json_each(literal(values, JSON)).table_valued(column("value", JSON)).c.value
