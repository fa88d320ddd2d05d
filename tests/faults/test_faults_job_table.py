"""The job table locked, lost, replaced by an old copy, or its database stopped: nothing dies, nothing is done twice."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from harness.command_line import interp_process
from harness.fault_checks import await_ran, check_explained, ran
from harness.fault_stage import LEASE_S, await_compute, children_of_fork_server
from harness.figures import figure
from harness.job_databases import JobDatabase
from harness.postgres import postgres_server
from harness.process import free_ports
from harness.slow_model import register_slow
from harness.workers import HANGS_S, eventually, register_forest, worker_process
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.fault_stage import Stage
    from harness.workers import WorkerProcess

pytestmark = pytest.mark.faults

TABLES = ("interp_jobs", "interp_notes", "interp_owners", "interp_scans")
ONLY_POSTGRESQL = pytest.mark.parametrize("stage", ["direct-postgresql"], indirect=True)


def file_of(stage: Stage) -> Path | None:
    """The file a job table lies in; None: it lies in PostgreSQL."""
    url = make_url(stage.jobs_uri)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


@contextlib.contextmanager
def locked(stage: Stage) -> Iterator[None]:
    """Keep the table for ourselves, as a program that was stopped in the middle of a transaction does."""
    file = file_of(stage)
    if file is not None:
        with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")
    else:
        with create_engine(stage.jobs_uri, poolclass=NullPool).begin() as other:
            other.execute(text(f"LOCK TABLE {', '.join(TABLES)} IN ACCESS EXCLUSIVE MODE"))
            yield


def lose(stage: Stage) -> None:
    """Delete the table behind its workers' backs."""
    file = file_of(stage)
    if file is not None:
        for each in file.parent.glob(f"{file.name}*"):
            each.unlink()
    else:
        JobDatabase(uri=stage.jobs_uri).sql(f"DROP TABLE {', '.join(TABLES)}")


def copy(stage: Stage) -> None:
    """Keep a copy of the jobs as they are now. No worker is running yet."""
    file = file_of(stage)
    if file is not None:
        shutil.copy(file, file.with_suffix(".old"))
    else:
        JobDatabase(uri=stage.jobs_uri).sql("CREATE TABLE old AS TABLE interp_jobs")


def restore(stage: Stage) -> None:
    """Put the copy in place of the jobs."""
    file = file_of(stage)
    if file is not None:
        file.with_suffix(".old").replace(file)
    else:
        engine = create_engine(stage.jobs_uri, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM interp_jobs"))
            connection.execute(text("INSERT INTO interp_jobs SELECT * FROM old"))


def says(worker: WorkerProcess, words: str, since: int = 0) -> bool:
    """Whether a worker has logged something since so many lines."""
    return any(words in event["event"] for event in worker.events()[since:])


def explanations(stage: Stage) -> dict[str, object]:
    """Digest and time of every file of every explanation, as the storage has them."""
    runs = [version.run_id for version in stage.client.search_model_versions(f"name = '{stage.name}'")]
    found = [stage.objects(run).items() for run in runs]
    return {path: state for items in found for path, state in items if "/explanations/" in path}


def test_a_locked_table_is_waited_for(stage: Stage) -> None:
    (port,) = free_ports(1)
    with stage.worker(listen=f"127.0.0.1:{port}", lease_s=LEASE_S) as worker:
        uri = register_slow(stage.client, stage.name, stage.folder, seconds=3)
        (child,) = children_of_fork_server(worker, await_compute(worker))
        with locked(stage):
            began = time.monotonic()
            eventually(lambda: says(worker, "the lease could not be renewed"), said_by=worker)
            eventually(lambda: says(worker, "looking again in"), said_by=worker)
            assert not child.is_running()
            assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=HANGS_S).ok
            assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=HANGS_S).status_code == 503
            figure("9. the job table was locked for", time.monotonic() - began, "s")
        since = time.monotonic()
        stage.await_done([uri], said_by=worker)
        figure("9. explained after the lock on the job table", time.monotonic() - since, "s")
        check_explained(stage, uri)
        job = stage.jobs()[uri]
        assert (job.crashes, job.failures) == (0, 0)
        await_ran(worker, "computed", job.key)
        assert worker.stop() == 0


def test_a_lost_table_or_an_old_copy_recomputes_nothing(stage: Stage) -> None:
    uris = [register_forest(stage.client, stage.name, seed=seed) for seed in range(3)]
    config = stage.folder / "interp.toml"
    config.write_text(stage.config(), encoding="utf-8")
    command = f"reconcile --config {config} --tracking-uri {stage.client.tracking_uri}"
    interp_process(command, {"INTERP_JOBS_URI": stage.jobs_uri}).require_done()
    assert {job.state for job in stage.jobs().values()} == {"pending"}
    copy(stage)
    with stage.worker() as worker:

        def adopted(times: int) -> bool:
            return len(ran([worker], "adopted")) == times

        stage.await_done(uris, said_by=worker)
        keys = sorted(job.key for job in stage.jobs().values())
        eventually(lambda: sorted(ran([worker])) == keys, said_by=worker)
        published = explanations(stage)
        since = time.monotonic()
        restore(stage)
        eventually(lambda: adopted(3), said_by=worker)
        figure("9. adopted after an old copy of the job table: 3 versions", time.monotonic() - since, "s")
        since = time.monotonic()
        lose(stage)
        eventually(lambda: adopted(6), said_by=worker)
        figure("9. adopted after the job table was lost: 3 versions", time.monotonic() - since, "s")
        slow = register_slow(stage.client, stage.name, stage.folder, seconds=3)
        await_compute(worker)
        lose(stage)  # in the middle of a computation, which nobody knows of any more
        stage.await_done([*uris, slow], said_by=worker)
        eventually(lambda: adopted(9), said_by=worker)
        assert sorted(ran([worker])) == sorted([*keys, stage.jobs()[slow].key])
        assert {path: explanations(stage)[path] for path in published} == published
        for uri in (*uris, slow):
            check_explained(stage, uri)
        assert worker.stop() == 0
    figure("9. computed again after the job table was lost", len(ran([worker])) - 4, "versions")


@ONLY_POSTGRESQL
def test_a_database_that_is_stopped_is_waited_for(stage: Stage) -> None:
    with postgres_server() as own:
        stage = replace(stage, jobs_uri=own.new_database())
        own.server.stop()
        with worker_process(
            stage.folder,
            stage.client.tracking_uri,
            jobs_uri=stage.jobs_uri,
            config=stage.config(lease_s=LEASE_S),
            environment=stage.credentials,
        ) as worker:
            try:
                eventually(lambda: says(worker, "asking again in"), said_by=worker)
            finally:
                own.server.ensure_postgres_running()
            uri = register_slow(stage.client, stage.name, stage.folder, seconds=3)
            await_compute(worker)
            before = len(worker.events())
            own.server.stop()
            try:
                eventually(lambda: says(worker, "the lease could not be renewed", before), said_by=worker)
                eventually(lambda: says(worker, "looking again in", before), said_by=worker)
            finally:
                since = time.monotonic()
                own.server.ensure_postgres_running()
            stage.await_done([uri], said_by=worker)
            figure("9. explained after the job table's server came back", time.monotonic() - since, "s")
            check_explained(stage, uri)
            job = stage.jobs()[uri]
            assert job.crashes == 0
            await_ran(worker, "computed", job.key)
            assert worker.stop() == 0
