"""A stage for faults: a real server and storage, a job table, versions to explain, and workers to do anything to."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
import tomllib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from harness.sessions import session_of, version_of
from harness.severed_line import severed_line
from harness.workers import HANGS_S, QUICK, eventually, statuses, worker_process

from interp_pipeline.config import ExplainConfig
from mlflow_plugin.jobs import JobTable
from mlflow_plugin.jobs.job import STATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.s3 import S3Server
    from harness.severed_line import How, SeveredLine
    from harness.workers import WorkerProcess
    from mlflow import MlflowClient

    from mlflow_plugin.jobs import Job

__all__ = [
    "LEASE_S",
    "POLL_S",
    "Stage",
    "await_compute",
    "children_of_fork_server",
    "holder_first",
    "owner_of",
    "processes_of",
    "seconds_until_gone",
]

# Where a test waits until a lease has run out. Who gets no time of a busy machine for so long loses it too.
LEASE_S = 8.0
POLL_S = 0.2
_TIMES = {"lease_s": 30.0, "heartbeat_s": 1.0, "scan_every_s": 1.0, "poll_s": POLL_S}
_PATIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "300"}  # a request that is held back must not end by itself


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where one test plays. Its workers see the versions whose model's name begins with ``name``, and no others."""

    client: MlflowClient
    storage: S3Server
    jobs_uri: str
    folder: Path
    credentials: Mapping[str, str]  # what workers need to write artifacts; empty: the server does it for them
    name: str = field(default_factory=lambda: f"fault-{uuid.uuid4().hex[:8]}")

    @property
    def temporary(self) -> Path:
        """The folder for temporary files of all its workers."""
        return self.folder / "temporary"

    def config(self, *, max_seconds: float | None = None, **worker: float) -> str:
        """A configuration file; the worker's settings as given, and otherwise quick."""
        sections: dict[str, Any] = tomllib.loads(QUICK) | {"select": {"models": [f"{self.name}*"]}}
        sections["worker"] |= {**_TIMES, **worker}
        if max_seconds is not None:
            sections.setdefault("sandbox", {})["max_seconds"] = max_seconds
        lines = [
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in section.items())
            for name, section in sections.items()
        ]
        return "\n".join(lines)

    @contextlib.contextmanager
    def worker(
        self,
        *,
        server: str | None = None,
        storage: str | None = None,
        within: Sequence[str] = (),
        **settings: float,
    ) -> Iterator[WorkerProcess]:
        """Run a worker for the length of the block; it is at work as soon as the block begins.

        Args:
            server: address of the tracking server, where it is to be reached through a line of the test's.
            storage: address of the S3 storage, likewise.
            within: a command that runs the worker in surroundings of its own.
            settings: of ``[worker]``, and ``max_seconds`` of ``[sandbox]``.
        """
        with self._starting(server, storage, settings, within) as worker:
            await_start(worker)
            yield worker

    @contextlib.contextmanager
    def workers(self, count: int, **settings: float) -> Iterator[list[WorkerProcess]]:
        """Run several workers, which start at the same time."""
        with contextlib.ExitStack() as stack:
            workers = [stack.enter_context(self._starting(None, None, settings)) for _ in range(count)]
            for worker in workers:
                await_start(worker)
            yield workers

    def _starting(
        self, server: str | None, storage: str | None, settings: Mapping[str, float], within: Sequence[str] = ()
    ) -> contextlib.AbstractContextManager[WorkerProcess]:
        self.temporary.mkdir(exist_ok=True)
        environment = {**_PATIENT, **self.credentials, "TMPDIR": str(self.temporary)}
        if storage is not None:
            environment |= {"AWS_ENDPOINT_URL_S3": storage, "MLFLOW_S3_ENDPOINT_URL": storage}
        return worker_process(
            self.folder,
            server or self.client.tracking_uri,
            jobs_uri=self.jobs_uri,
            config=self.config(**settings),
            environment=environment,
            within=within,
        )

    @contextlib.contextmanager
    def artifact_line(self, at: bytes, how: How) -> Iterator[tuple[SeveredLine, dict[str, str]]]:
        """A line on the way that artifacts take; with it, what makes a worker take this way."""
        target = self.storage.endpoint_url if self.credentials else str(self.client.tracking_uri)
        with severed_line(target, at, how) as line:
            yield line, {"storage" if self.credentials else "server": line.uri}

    @contextlib.contextmanager
    def server_line(self, at: bytes, how: How) -> Iterator[tuple[SeveredLine, dict[str, str]]]:
        """A line to the tracking server, likewise."""
        with severed_line(str(self.client.tracking_uri), at, how) as line:
            yield line, {"server": line.uri}

    @contextlib.contextmanager
    def table(self) -> Iterator[JobTable]:
        """The job table, seen from the test."""
        table = JobTable.open(self.jobs_uri)
        try:
            yield table
        finally:
            table.close()

    def jobs(self) -> dict[str, Job]:
        """All jobs by the URI of their version; the latest, where a version has had several."""
        with self.table() as table:
            return {f"models:/{job.name}/{job.version}": job for job in reversed(table.select(STATES, 10_000))}

    def uris(self) -> list[str]:
        """All versions of this stage."""
        versions = self.client.search_model_versions(f"name LIKE '{self.name}%'", max_results=1000)
        return sorted(f"models:/{each.name}/{each.version}" for each in versions)

    def state(self, uri: str) -> str:
        """State of a version's job; empty: it has none yet."""
        job = self.jobs().get(uri)
        return "" if job is None else job.state

    def await_state(self, uri: str, state: str, *, said_by: WorkerProcess) -> Job:
        """Wait until a job is in a state."""
        eventually(lambda: self.state(uri) == state, said_by=said_by)
        return self.jobs()[uri]

    def await_attempt(self, uri: str, attempt: int, *, said_by: WorkerProcess) -> Job:
        """Wait until a job was claimed so many times, or more often."""
        eventually(lambda: self.jobs()[uri].attempt >= attempt, said_by=said_by)
        return self.jobs()[uri]

    def await_done(self, uris: Sequence[str], within_s: float = HANGS_S, *, said_by: WorkerProcess) -> None:
        """Wait until versions say that they are explained, and their jobs are finished."""
        wanted = set(uris)

        def all_done() -> bool:
            done = {uri for uri, status in statuses(self.client, self.name).items() if status == "done"}
            return wanted <= done and all(self.jobs()[uri].state == "published" for uri in wanted)

        eventually(all_done, within_s, every_s=0.3, said_by=said_by)

    def objects(self, run_id: str) -> dict[str, tuple[str, Any]]:
        """Digest and time of every artifact of a run, as the storage itself has them."""
        pages = self.storage.client.get_paginator("list_objects_v2").paginate(Bucket=self.storage.bucket)
        return {
            entry["Key"]: (entry["ETag"], entry["LastModified"])
            for page in pages
            for entry in page.get("Contents", [])
            if f"/{run_id}/" in entry["Key"]
        }

    def undisturbed(self, uri: str) -> dict[str, bytes]:
        """The files of an explanation to which nothing happened, by path; made here and published nowhere."""
        from interp_pipeline.progress import SilentProgress
        from interp_pipeline.stages.compute import compute
        from interp_pipeline.stages.fetch import fetch
        from interp_pipeline.stages.render import render

        options = tomllib.loads(QUICK)["explain"]
        config, progress = ExplainConfig.from_mapping(options), SilentProgress()
        with tempfile.TemporaryDirectory() as folder:
            fetched = fetch(
                session_of(self.client),
                version_of(self.client, uri),
                config,
                Path(folder),
                data=None,
                progress=progress,
            )
            computed = compute(fetched, config, progress)
        return dict(render(fetched, computed, config, progress))


def await_start(worker: WorkerProcess) -> None:
    """Wait until a worker looks for work."""
    eventually(lambda: bool(owner_of(worker)), said_by=worker)


def owner_of(worker: WorkerProcess) -> str:
    """The name by which the job table knows a worker; empty: it does not work yet."""
    return next((event["owner"] for event in worker.events() if "owner" in event), "")


def holder_first(stage: Stage, uri: str, workers: Sequence[WorkerProcess]) -> list[WorkerProcess]:
    """The workers, once one of them has the job, and that one first."""
    owner = stage.await_state(uri, "running", said_by=workers[0]).owner
    return sorted(workers, key=lambda worker: owner_of(worker) != owner)


def processes_of(worker: WorkerProcess) -> list[psutil.Process]:
    """The worker's fork server with its child, and the process that draws, as far as they live."""
    return psutil.Process(worker.pid).children(recursive=True)


def await_compute(worker: WorkerProcess) -> list[psutil.Process]:
    """Wait until a child of the fork server runs; all processes of the worker at that moment."""
    found: list[psutil.Process] = []

    def computes() -> bool:
        found[:] = processes_of(worker)
        return bool(children_of_fork_server(worker, found))

    eventually(computes, said_by=worker)
    return found


def children_of_fork_server(worker: WorkerProcess, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that are a fork of a child of the worker: no program of their own, which a library may start."""
    found = []
    for process in processes:
        try:
            parent = process.parent()
            is_below = parent is not None and parent.pid != worker.pid
            if is_below and process.cmdline() == parent.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue  # it has ended since the list was made
    return found


def seconds_until_gone(processes: Sequence[psutil.Process]) -> float:
    """How long processes run after this call; it fails where one goes on."""
    started = time.monotonic()
    eventually(lambda: not any(_runs(process) for process in processes))
    return time.monotonic() - started


def _runs(process: psutil.Process) -> bool:
    """Whether it does anything: one that has ended stays in the list until whoever inherited it takes note."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
