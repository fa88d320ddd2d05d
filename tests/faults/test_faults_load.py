"""Many registrations at once, and many versions in one scan: none is lost, and memory stays flat."""

from __future__ import annotations

import collections
import json
import re
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests
from harness.command_line import interp_process
from harness.fault_checks import ran
from harness.fault_stage import Stage, processes_of
from harness.figures import figure
from harness.many_versions import register_at_once, sources, write_versions
from harness.process import free_ports
from harness.tracking_server import tracking_server
from harness.workers import eventually, statuses
from prometheus_client.parser import text_string_to_metric_families

from mlflow_plugin.jobs.job import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.postgres import Postgres
    from harness.s3 import S3Server
    from harness.workers import WorkerProcess

pytestmark = pytest.mark.faults

CLIENTS = 8
LOOK_EVERY_S = 1.0
LASTS = 1000  # registrations that take long enough to tell memory that grows from memory that fills up
SEEN = {"published": "done", "failed": "failed", "skipped": "skipped", "gone": "failed"}  # on the version, by state


@pytest.fixture(scope="module")
def registry(postgres: Postgres) -> str:
    """Database of a server that only these tests use: what they register would slow down all others."""
    return postgres.new_database()


@pytest.fixture(scope="module")
def server(registry: str, s3_process: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """That server. Its clients write artifacts to S3 themselves."""
    with tracking_server(
        tmp_path_factory.mktemp("mlflow"),
        store=registry,
        artifacts=f"s3://{s3_process.bucket}/load",
        proxied=False,
        workers=2,
        environment=s3_process.environment,
    ) as uri:
        yield uri


@pytest.fixture
def stage(server: str, s3: S3Server, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage on that server, with its job table in PostgreSQL."""
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    return Stage(
        client=MlflowClient(server, server),
        storage=s3,
        jobs_uri=postgres.new_database().replace("psycopg2", "psycopg"),
        folder=tmp_path,
        credentials=s3.environment,
    )


class Memory:
    """Resident memory of a worker, and of its fork server if it has one yet, in MB, once a second."""

    def __init__(self, worker: WorkerProcess) -> None:
        self._samples: dict[psutil.Process, list[float]] = {
            process: [] for process in (psutil.Process(worker.pid), *processes_of(worker))
        }

    def look(self) -> None:
        for process, samples in self._samples.items():
            samples.append(process.memory_info().rss / 1e6)

    def check_flat(self) -> None:
        """The last quarter of the time takes no more than the second one, within a tenth."""
        for name, samples in zip(("a worker", "a fork server"), self._samples.values(), strict=False):
            quarter = len(samples) // 4
            before, after = statistics.median(samples[quarter : 2 * quarter]), statistics.median(samples[-quarter:])
            figure(f"7. memory of {name}, second quarter of 1,000 registrations", before, "MB")
            figure(f"7. memory of {name}, last quarter", after, "MB")
            assert after < 1.1 * before


def shown(port: int) -> dict[str, int]:
    """Number of jobs by state, as a worker's metrics have it."""
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=20)
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    return {sample.labels["state"]: int(sample.value) for sample in families["interp_jobs"].samples}


def status(stage: Stage) -> dict[str, Any]:
    """What ``interp status --json`` says."""
    command = f"status --json --tracking-uri {stage.client.tracking_uri}"
    found: dict[str, Any] = json.loads(interp_process(command, {"INTERP_JOBS_URI": stage.jobs_uri}).require_done())
    return found


@pytest.mark.parametrize("at_once", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_registrations_at_once(at_once: int, stage: Stage) -> None:
    ports = free_ports(2)
    chosen = sources(stage.client, stage.name)
    with (
        stage.worker(listen=f"127.0.0.1:{ports[0]}", lease_s=30, scan_every_s=10) as one,
        stage.worker(listen=f"127.0.0.1:{ports[1]}", lease_s=30, scan_every_s=10) as other,
    ):
        workers = [one, other]
        stage.await_done([f"models:/{chosen[0].name}/1"], said_by=one)
        memory = [Memory(worker) for worker in workers]
        began = time.monotonic()
        register_at_once(stage.client.tracking_uri, chosen, at_once - 1, CLIENTS)
        figure(f"7. {at_once} registrations by {CLIENTS} clients", time.monotonic() - began, "s")

        next_look = 0.0  # who asks more often takes the time from the workers

        def ended() -> bool:
            nonlocal next_look
            if time.monotonic() < next_look:
                return False
            next_look = time.monotonic() + LOOK_EVERY_S
            counts = shown(ports[0])
            for each in memory:
                each.look()
            return sum(counts.values()) == at_once and not any(counts[state] for state in OPEN)

        eventually(ended, 1000, said_by=one)
        figure(f"7. all of {at_once} registrations brought to an end by 2 workers", time.monotonic() - began, "s")
        jobs = stage.jobs()
        assert sorted(jobs) == sorted(statuses(stage.client))
        assert len(jobs) == at_once
        expected = {each.name: each.state for each in chosen}
        assert {uri: job.state for uri, job in jobs.items()} == {uri: expected[job.name] for uri, job in jobs.items()}
        assert statuses(stage.client) == {uri: SEEN[job.state] for uri, job in jobs.items()}
        counts = dict(collections.Counter(job.state for job in jobs.values()))
        for found in (status(stage)["counts"], shown(ports[0]), shown(ports[1])):
            assert {state: count for state, count in found.items() if count} == counts
            assert sum(found.values()) == at_once
        once = [
            key for outcome in ("computed", "adopted", "failed", "skipped", "gone") for key in ran(workers, outcome)
        ]
        assert sorted(once) == sorted(job.key for job in jobs.values())
        assert len(ran(workers)) == 1
        if at_once >= LASTS:
            for each in memory:
                each.check_flat()
        assert [worker.stop() for worker in workers] == [0, 0]


def scan(stage: Stage) -> tuple[str, float]:
    """What ``interp reconcile`` says, and the time it says it took, in s."""
    config = stage.folder / "scan.toml"
    config.write_text(stage.config(), encoding="utf-8")
    command = f"reconcile --config {config} --tracking-uri {stage.client.tracking_uri}"
    said = interp_process(command, {"INTERP_JOBS_URI": stage.jobs_uri}).require_done()
    found = re.fullmatch(r"(.*) \(([0-9.]+) s\)", said)
    assert found is not None, said
    return found[1], float(found[2])


@pytest.mark.parametrize("where", ["embedded", "server"])
@pytest.mark.parametrize(("models", "versions"), [(50, 30), pytest.param(100, 100, marks=pytest.mark.long)])
def test_versions_are_scanned_and_none_is_missed(
    where: str, models: int, versions: int, stage: Stage, registry: str, tmp_path: Path
) -> None:
    if where == "embedded":
        from mlflow import MlflowClient

        registry = f"sqlite:///{tmp_path / 'mlflow.db'}"
        stage = replace(stage, client=MlflowClient(registry, registry), jobs_uri=f"sqlite:///{tmp_path / 'jobs.db'}")
    stage.client.create_registered_model(stage.name)
    stage.client.create_model_version(stage.name, "s3://elsewhere/model", await_creation_for=0)
    write_versions(registry, stage.name, models, versions)
    count = models * versions + 1
    said, first_s = scan(stage)
    assert f"{count} count: {count} jobs are new, 0 opened again, 0 replaced, 0 gone" in said
    said, again_s = scan(stage)
    assert f"{count} count: 0 jobs are new, 0 opened again, 0 replaced, 0 gone" in said
    figure(f"7. first scan of {count} versions, {where}", first_s, "s")
    figure(f"7. later scan of {count} versions, {where}", again_s, "s")
    expected = {f"models:/{stage.name}-{model}/{n + 1}" for model in range(models) for n in range(versions)}
    with stage.table() as table:
        jobs = table.select(OPEN, count + 1)
    assert {f"models:/{job.name}/{job.version}" for job in jobs} == expected | {f"models:/{stage.name}/1"}
    assert len(jobs) == count == len({job.key for job in jobs})
    assert status(stage)["counts"]["pending"] == count
