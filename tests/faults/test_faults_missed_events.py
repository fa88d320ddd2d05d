"""Registrations, copies, deletions and renamings that no door tells of: one scan finds all, and explains none twice."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from harness.command_line import interp
from harness.fault_checks import ran
from harness.fault_stage import Stage
from harness.figures import figure
from harness.tracking_server import tracking_server
from harness.workers import explained, register_forest, statuses

from interp_pipeline.tracking import layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.postgres import Postgres
    from harness.s3 import S3Server
    from harness.workers import WorkerProcess
    from mlflow import MlflowClient

pytestmark = pytest.mark.faults

_ONCE = 3600.0  # s between scans: in a test there is the first one alone
_LOGGED, _EACH = 5, 20  # logged models, and versions registered of each


def register_again(client: MlflowClient, uri: str, name: str, **tags: str) -> str:
    """Register the logged model of a version once more, under this name; its URI."""
    from mlflow.exceptions import MlflowException

    known, number = uri.removeprefix("models:/").rsplit("/", 1)
    version = client.get_model_version(known, number)
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    again = client.create_model_version(
        name, version.source, version.run_id, tags=tags, model_id=version.source.removeprefix("models:/")
    )
    return f"models:/{name}/{again.version}"


def scan(stage: Stage) -> tuple[int, int, int]:
    """Compare registry and job table once; how many jobs are new, opened again and gone."""
    file = stage.folder / "scan.toml"
    file.write_text(stage.config(), encoding="utf-8")
    said = interp(f"reconcile --tracking-uri {stage.client.tracking_uri} --config {file}").require_done()
    numbers = re.search(r"(\d+) jobs are new, (\d+) opened again, 0 replaced, (\d+) gone", said)
    assert numbers is not None, said
    new, again, gone = (int(number) for number in numbers.groups())
    return new, again, gone


def check_each_once(stage: Stage, uris: Sequence[str], workers: Sequence[WorkerProcess]) -> Counter[str]:
    """Every version is led to an explanation of its own key that verifies, and came to it once; how they came to it."""
    jobs, done = stage.jobs(), statuses(stage.client)
    for uri in uris:
        name, number = uri.removeprefix("models:/").rsplit("/", 1)
        assert done[uri] == "done"
        assert stage.client.get_model_version(name, number).tags[layout.TAG_KEY] == jobs[uri].key
    found = {outcome: ran(workers, outcome) for outcome in ("computed", "adopted")}
    keys = Counter(key for each in found.values() for key in each)
    assert {uri: keys[jobs[uri].key] for uri in uris} == dict.fromkeys(uris, 1)
    return Counter({outcome: len(each) for outcome, each in found.items()})


@pytest.mark.parametrize("stage", ["direct-postgresql"], indirect=True)
def test_a_hundred_registrations_that_nobody_tells_of(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The versions of one logged model share one explanation: the first is computed, all others lead to it."""
    monkeypatch.setenv("INTERP_JOBS_URI", stage.jobs_uri)
    firsts = [register_forest(stage.client, f"{stage.name}-{i}", seed=i) for i in range(_LOGGED)]
    again = [register_again(stage.client, uri, uri.split("/")[1]) for uri in firsts for _ in range(_EACH - 1)]
    uris = [*firsts, *again]
    assert len(uris) == 100
    started = time.monotonic()
    with stage.workers(2, scan_every_s=_ONCE) as workers:
        stage.await_done(uris, 500, said_by=workers[0])
        figure(
            "100 registrations without a door explained after one scan, by 2 workers", time.monotonic() - started, "s"
        )
        scans = [
            event["added"] for worker in workers for event in worker.events() if event["event"].startswith("scan:")
        ]
        assert scans == [100]
        came = check_each_once(stage, uris, workers)
    assert _LOGGED <= came["computed"] <= 2 * _LOGGED  # both workers may begin with the same model
    for uri in firsts:
        assert explained(stage.client, uri)["model"]["name"] == uri.split("/")[1]
    assert scan(stage) == (0, 0, 0)


def test_what_no_event_tells_of(
    s3_process: S3Server, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    store, jobs_uri = postgres.new_database(), f"sqlite:///{tmp_path / 'jobs.db'}"
    monkeypatch.setenv("INTERP_JOBS_URI", jobs_uri)
    with tracking_server(
        tmp_path, store=store, artifacts=f"s3://{s3_process.bucket}/{tmp_path.name}", environment=s3_process.environment
    ) as server:
        client, beside = MlflowClient(server, server), MlflowClient(server, store)
        stage = Stage(client=client, storage=s3_process, jobs_uri=jobs_uri, folder=tmp_path, credentials={})
        name = stage.name
        before = [register_forest(client, f"{name}-{what}", seed=i) for i, what in enumerate(("copied", "kept"))]
        before += [register_again(client, before[1], f"{name}-{what}") for what in ("recreated", "replaced", "renamed")]
        with stage.workers(2, scan_every_s=_ONCE) as workers:
            stage.await_done(before, said_by=workers[0])
            tags = client.get_model_version(f"{name}-copied", "1").tags
            client.copy_model_version(before[0], f"{name}-copy")
            for what in ("recreated", "replaced"):
                client.delete_registered_model(f"{name}-{what}")
            register_again(client, before[1], f"{name}-recreated", **tags)  # with tags that are of another version
            register_forest(client, f"{name}-replaced", seed=7)
            client.rename_registered_model(f"{name}-renamed", f"{name}-other-name")
            register_again(beside, before[0], f"{name}-in-the-database")
            whats = ("copy", "recreated", "replaced", "other-name", "in-the-database")
            after = [f"models:/{name}-{what}/1" for what in whats]
            began = time.monotonic()
            assert scan(stage) == (5, 0, 3)
            stage.await_done(after, said_by=workers[0])
            figure("what no event tells of explained after a scan", time.monotonic() - began, "s")
            came = check_each_once(stage, [*before[:2], *after], workers)
        assert came["adopted"] >= 3  # recreated, renamed and the one in the database share what was computed before
        sources = {uri: client.get_model_version(*uri.removeprefix("models:/").split("/")).source for uri in after}
        assert {uri: explained(client, uri)["model"]["source"] for uri in after} == sources
        assert scan(stage) == (0, 0, 0)
        assert stage.jobs().keys() >= {*before, *after}
        assert len(ran(workers)) + len(ran(workers, "adopted")) == len(before) + len(after)
