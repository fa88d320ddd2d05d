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

_SECOND = "direct-postgresql"
# What a signal does to a worker hardly depends on where artifacts and jobs lie.
_LONG_ON_THE_SECOND = {"test_faults_signals": "", "test_faults_kill": "test_at_ten_random_moments"}
_LONGEST = ("kill", "load", "signals", "many_workers", "job_table", "tracking_server", "storage")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first: else the last one to be begun is waited for by idle processes.

    What shows on the second stage what it showed on the first is marked as long.
    """
    order = {f"test_faults_{name}": place for place, name in enumerate(_LONGEST, -len(_LONGEST))}
    items.sort(key=lambda item: order.get(item.path.stem, 0))
    for item in items:
        beginning = _LONG_ON_THE_SECOND.get(item.path.stem)
        if beginning is not None and item.name.startswith(beginning) and f"[{_SECOND}" in item.name:
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
