"""Every test of faults plays on a server that writes artifacts itself and on one whose clients do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.fault_stage import Stage
from harness.job_databases import new_job_database

if TYPE_CHECKING:
    from pathlib import Path

    from harness.s3 import S3Server

STAGES = {"proxied-sqlite": ("proxying_server", "sqlite"), "direct-postgresql": ("direct_server", "psycopg")}

_FIRST, _SECOND = STAGES
_MOST_S = 1200.0  # for one test, on a machine that is busy with other things too
# A lock or a loss is another in PostgreSQL than in SQLite; other faults hardly depend on where things lie.
_DIFFER = ("test_a_locked_table", "test_a_lost_table")
_LONGEST = ("kill", "load", "signals", "many_workers", "job_table", "tracking_server", "storage")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first: else the last one to be begun is waited for by idle processes.

    What shows on the second stage what it showed on the first is marked as long.
    """
    known = {item.nodeid for item in items}
    order = {f"test_faults_{name}": place for place, name in enumerate(_LONGEST, -len(_LONGEST))}
    items.sort(key=lambda item: order.get(item.path.stem, 0))
    for item in items:
        if item.get_closest_marker("faults") is None:
            continue
        item.add_marker(pytest.mark.timeout(_MOST_S))
        is_shown_before = _SECOND in item.name and item.nodeid.replace(_SECOND, _FIRST) in known
        if is_shown_before and not item.name.startswith(_DIFFER):
            item.add_marker(pytest.mark.long)


@pytest.fixture(params=STAGES)
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, s3_process: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    """A stage of this test's own on the servers of all."""
    from mlflow import MlflowClient

    server, driver = STAGES[request.param]
    uri: str = request.getfixturevalue(server)
    credentials = {} if server == "proxying_server" else s3_process.environment
    for name, value in {**credentials, "MLFLOW_TRACKING_URI": uri}.items():
        monkeypatch.setenv(name, value)
    return Stage(
        client=MlflowClient(uri, uri),
        storage=s3_process,
        jobs_uri=new_job_database(driver, tmp_path, request).uri,
        folder=tmp_path,
        credentials=credentials,
    )


@pytest.fixture(scope="module")
def shared_stage(proxying_server: str, s3_process: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage for all tests of a module, on the server that writes artifacts itself."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("stage")
    return Stage(
        client=MlflowClient(proxying_server, proxying_server),
        storage=s3_process,
        jobs_uri=f"sqlite:///{folder / 'jobs.db'}",
        folder=folder,
        credentials={},
    )
