"""The tracking server ends, answers 500 or hangs, whatever a worker is at: nothing is lost, and no attempt counts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from harness.fault_checks import check_explained
from harness.fault_stage import Stage
from harness.faulty_server import faulty_server
from harness.figures import figure
from harness.process import free_ports
from harness.slow_model import register_slow
from harness.tracking_server import tracking_server
from harness.workers import eventually, register_forest, statuses, worker_process

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator
    from pathlib import Path

    from harness.faulty_server import FaultyServer, Outage
    from harness.postgres import Postgres
    from harness.s3 import S3Server
    from harness.workers import WorkerProcess

pytestmark = pytest.mark.faults

_IMPATIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "8"}  # s; or tests would wait long for a server that hangs
_GAVE_UP = "looking again in"
_NOT_THERE = "no MLflow server answers"

# The first request of a worker's that fails, by what the worker is at.
_MOMENTS = {
    "idle": "",
    "fetch": "GET .*/artifacts/.*MLmodel",
    "upload": "PUT .*/explanations/",
    "announcement": "POST .*/runs/log-batch",
}
_SOON = [  # every way to fail, and every kind of call
    ("answers 500", "idle"),
    ("refuses", "fetch"),
    ("hangs", "upload"),
    ("answers 404", "upload"),
    ("answers 403", "announcement"),
]
_OUTAGES = [
    *(("refuses", moment) for moment in ("fetch", "upload")),
    *((outage, moment) for outage in ("answers 500", "hangs") for moment in _MOMENTS),
    *((outage, moment) for outage in ("answers 401", "answers 403") for moment in ("idle", "fetch", "announcement")),
    *(("answers 404", moment) for moment in ("idle", "upload", "announcement")),  # of a file it means: deleted
]
_PLAYED = [pytest.param(*each, marks=() if each in _SOON else pytest.mark.long) for each in _OUTAGES]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Two workers behind a line that can fail; the stage's own client stands beside it."""

    stage: Stage
    line: FaultyServer
    workers: tuple[WorkerProcess, WorkerProcess]

    def said(self, what: str) -> int:
        """How often the workers have logged something."""
        return sum(what in event["event"] for worker in self.workers for event in worker.events())


@pytest.fixture(scope="module")
def scene(shared_stage: Stage) -> Iterator[Scene]:
    """One for all outages: the workers live through every one of them."""
    stage = shared_stage
    folder, config = stage.folder, stage.config()
    with (
        faulty_server(str(stage.client.tracking_uri)) as line,
        worker_process(folder, line.uri, config=config, environment=_IMPATIENT) as one,
        worker_process(folder, line.uri, config=config, environment=_IMPATIENT) as other,
    ):
        yield Scene(stage=stage, line=line, workers=(one, other))
        line.mend()
        assert [worker.stop() for worker in (one, other)] == [0, 0]


@pytest.mark.parametrize(("outage", "moment"), _PLAYED, ids=lambda words: words.replace(" ", "-"))
def test_an_outage_burns_no_attempt(outage: Outage, moment: str, scene: Scene) -> None:
    stage, line = scene.stage, scene.line
    name = f"{stage.name}-{outage.replace(' ', '-')}-{moment}"
    eventually(lambda: scene.said("started") == 2, said_by=scene.workers[0])
    given_up = scene.said(_GAVE_UP)
    line.fail(outage, _MOMENTS[moment])
    if moment == "idle":
        eventually(lambda: scene.said(_GAVE_UP) > given_up + 2, said_by=scene.workers[0])
        uri = register_forest(stage.client, name)
    else:
        uri = register_forest(stage.client, name)
        eventually(lambda: line.reached.is_set() and stage.jobs()[uri].failures > 0, said_by=scene.workers[0])
        job = stage.jobs()[uri]
        assert (job.crashes, job.lapses) == (0, 0)
        assert job.state in {"pending", "running"}
    assert statuses(stage.client)[uri] != "done"
    assert all(worker.process.poll() is None for worker in scene.workers)
    mended = time.monotonic()
    line.mend()
    stage.await_done([uri], said_by=scene.workers[0])
    figure(f"explained after the tracking server, which {outage} in {moment}, is well", time.monotonic() - mended, "s")
    job = stage.jobs()[uri]
    assert (job.crashes, job.lapses) == (0, 0)
    check_explained(stage, uri)


def test_a_server_that_comes_late_ends_and_comes_back(s3_process: S3Server, postgres: Postgres, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    (port,) = free_ports(1)
    uri, store = f"http://127.0.0.1:{port}", postgres.new_database()

    def server() -> contextlib.AbstractContextManager[str]:
        artifacts, environment = f"s3://{s3_process.bucket}/{port}", s3_process.environment
        return tracking_server(tmp_path, store=store, artifacts=artifacts, port=port, environment=environment)

    stage = Stage(
        client=MlflowClient(uri, uri),
        storage=s3_process,
        jobs_uri=f"sqlite:///{tmp_path / 'jobs.db'}",
        folder=tmp_path,
        credentials={},
    )
    with worker_process(tmp_path, uri, config=stage.config(), environment=_IMPATIENT) as worker:
        eventually(lambda: any(_NOT_THERE in event["event"] for event in worker.events()), said_by=worker)
        with server():
            first = register_slow(stage.client, stage.name, tmp_path)
            there = time.monotonic()
            stage.await_done([first], said_by=worker)
            figure("explained by a worker that was there before its server", time.monotonic() - there, "s")
            second = register_slow(stage.client, stage.name, tmp_path, seconds=3)
            eventually(lambda: statuses(stage.client)[second] == "running", said_by=worker)
        eventually(lambda: stage.jobs()[second].failures > 0, said_by=worker)
        with server():
            back = time.monotonic()
            stage.await_done([first, second], said_by=worker)
            figure("explained after the tracking server ended and came back", time.monotonic() - back, "s")
            assert [(job.crashes, job.lapses) for job in stage.jobs().values()] == [(0, 0), (0, 0)]
            check_explained(stage, second)
        assert worker.stop() == 0
