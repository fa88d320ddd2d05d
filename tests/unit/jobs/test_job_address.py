from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from interp_pipeline.errors import UsageError
from interp_pipeline.installing import install_command
from mlflow_plugin.jobs import JobTable
from mlflow_plugin.jobs.address import parse_address, shown
from mlflow_plugin.jobs.engines import use_write_ahead_log

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "jobs.db",
        "postgres://me@host/db",
        "mysql://me:s3cr3t@host/db",
        "postgresql+asyncpg://me:s3cr3t@host/db",
        "postgresql://me:x@host:s3cr3t/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:jobs?mode=memory&uri=true",
        "sqlite:///jobs.db?timeout=3",
        "http://host/",
    ],
)
def test_what_is_no_place_for_a_table_is_refused_without_showing_a_password(uri: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_address(uri)
    message = str(refused.value)
    assert "sqlite:///path/to/jobs.db or postgresql://user:password@host/database" in message
    assert "cr3t" not in message
    assert "\n" not in message


def test_the_file_stays_the_same_when_the_working_directory_changes() -> None:
    assert parse_address("sqlite:///state/jobs.db").database == str(Path("state/jobs.db").absolute())
    assert parse_address("sqlite:////var/jobs.db").database == "/var/jobs.db"


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_passwords_and_options_are_not_shown(driver: str) -> None:
    url = parse_address(f"{driver}://me:{SECRET}@host:5433/db?password={SECRET}&sslmode=require")
    assert shown(url) == f"{driver}://host:5433/db"
    assert url.password == SECRET
    assert url.query["sslmode"] == "require"


def test_a_missing_driver_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(UsageError, match=re.escape(f"needs the driver psycopg2: {install_command('psycopg2')}")):
        JobTable.open("postgresql+psycopg2://me:s3cr3t@host/db")


def test_a_file_that_cannot_have_a_write_ahead_log_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be shared there; put it on a local disk, or use PostgreSQL"):
        use_write_ahead_log(create_engine("sqlite:///:memory:", poolclass=NullPool), 1)
