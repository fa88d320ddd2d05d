"""Databases for the contract of the job table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.job_databases import DRIVERS, JobDatabase, new_job_database

from mlflow_plugin.jobs import JobTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=DRIVERS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> JobDatabase:
    """An empty database of each kind."""
    return new_job_database(request.param, tmp_path, request)


@pytest.fixture
def table(database: JobDatabase) -> Iterator[JobTable]:
    """A job table in it."""
    opened = JobTable.open(database.uri)
    yield opened
    opened.close()
