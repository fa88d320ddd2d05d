"""A storage that is broken, busy, silent, or sends half of a file: versions wait for it, and nothing dies of it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from harness.fault_checks import check_explained, ran
from harness.fault_stage import owner_of
from harness.faulty_storage import faulty_storage
from harness.figures import figure
from harness.small_disk import SmallDisk
from harness.workers import eventually, register_forest, worker_process

if TYPE_CHECKING:
    from harness.fault_stage import Stage
    from harness.faulty_storage import Failure
    from harness.workers import WorkerProcess

    from mlflow_plugin.jobs import Job

pytestmark = [
    pytest.mark.faults,
    pytest.mark.parametrize("stage", ["direct-postgresql"], indirect=True),  # workers talk to the storage themselves
]

FETCHING = r"(GET|HEAD) /[^?]*/models/m-"  # files, not lists of them: those name their folder behind the ?
UPLOADING = r"PUT /[^?]*/artifacts/explanations/"
STEP_BYTES = 16384  # less than any of the things that are written to disk one after another
ROOM_BYTES = 3 * 2**20


def hurried(stage: Stage, tries: int) -> Stage:
    """The stage, with workers whose S3 client asks so many times instead of five, each time later."""
    return replace(stage, credentials={**stage.credentials, "AWS_MAX_ATTEMPTS": str(tries)})


def await_wait(stage: Stage, uri: str, why: str, worker: WorkerProcess) -> Job:
    """Wait until a version waits, for a reason that begins like this."""

    def waits() -> bool:
        job = stage.jobs().get(uri)
        return job is not None and job.state == "pending" and (job.error or "").startswith(why)

    eventually(waits, said_by=worker)
    job = stage.jobs()[uri]
    assert job.error_class in {"TrackingError", "RefusedError"}
    assert job.crashes == 0
    return job


def await_failure(stage: Stage, uri: str, failures: int, worker: WorkerProcess) -> Job:
    """Wait until a version waits because it failed more often than that, and each time for reasons that pass."""

    def failed() -> bool:
        job = stage.jobs().get(uri)
        if job is None or job.state == "running":
            return False
        return job.state != "pending" or job.failures > failures

    eventually(failed, said_by=worker)
    job = stage.jobs()[uri]
    assert (job.state, job.error_class, job.crashes) == ("pending", "TrackingError", 0), job.error
    return job


def check_recovered(stage: Stage, uris: list[str], workers: list[WorkerProcess], since: float) -> None:
    """All are explained, each was computed once or, where uploading failed, again; no worker died of it."""
    stage.await_done(uris, said_by=workers[0])
    figure("9. explained after the storage recovered", time.monotonic() - since, "s")
    for uri in uris:
        check_explained(stage, uri)
        assert (stage.jobs()[uri].crashes, stage.jobs()[uri].lapses) == (0, 0)
    keys = {job.key for job in stage.jobs().values()}
    eventually(lambda: sorted(ran(workers)) == sorted(keys), said_by=workers[0])
    assert all(worker.process.poll() is None for worker in workers)


def test_a_storage_that_fails_is_waited_for(stage: Stage) -> None:
    stage = hurried(stage, 2)
    failures: tuple[Failure, ...] = ("500", "503", "403", "cut", "short")
    with faulty_storage(stage.storage.endpoint_url) as storage, stage.worker(storage=storage.uri) as worker:
        for number, failure in enumerate(failures, start=1):
            storage.fail(failure, FETCHING)
            uri = register_forest(stage.client, stage.name, seed=number)
            await_wait(stage, uri, f"downloading {uri}: ", worker)
            assert storage.struck
            version = stage.client.get_model_version(stage.name, str(number))
            assert version.tags["interp.status"] == "pending"
            assert version.tags["interp.error"].startswith(f"downloading {uri}: ")
            assert not [path for path in stage.objects(version.run_id) if "/explanations/" in path]
            storage.fail("cut" if failure == "short" else failure, UPLOADING)
            job = await_wait(stage, uri, f"writing artifacts of run {version.run_id}: ", worker)
            assert storage.struck
            assert job.failures >= 2
            since = time.monotonic()
            storage.mend()
            check_recovered(stage, [uri], [worker], since)


def test_a_storage_that_says_nothing_is_given_up_and_asked_again(stage: Stage) -> None:
    stage = hurried(stage, 1)
    uris = [register_forest(stage.client, stage.name, seed=seed) for seed in range(2)]
    versions = [stage.client.get_model_version(stage.name, str(number)) for number in (1, 2)]
    with faulty_storage(stage.storage.endpoint_url) as storage, contextlib.ExitStack() as ending:
        model = versions[0].source.removeprefix("models:/")
        storage.fail("silence", rf"HEAD /[^?]*/{model}/artifacts/model.skops|PUT /[^?]*/{versions[1].run_id}/")
        workers = [ending.enter_context(stage.worker(storage=storage.uri)) for _ in range(2)]
        eventually(lambda: [stage.state(uri) for uri in uris] == ["running"] * 2, said_by=workers[0])
        await_wait(stage, uris[0], f"downloading {uris[0]}: ", workers[0])
        await_wait(stage, uris[1], f"writing artifacts of run {versions[1].run_id}: ", workers[1])
        since = time.monotonic()
        storage.mend()
        check_recovered(stage, uris, workers, since)


def test_a_full_disk_is_waited_for(stage: Stage) -> None:
    folder = stage.folder / "small"
    folder.mkdir()
    disk = SmallDisk(folder)
    with worker_process(
        stage.folder,
        stage.client.tracking_uri,
        jobs_uri=stage.jobs_uri,
        config=stage.config(retry_after_s=0.5, retry_at_most_s=0.5),
        environment={**stage.credentials, **disk.environment},
        within=disk.within,
    ) as worker:
        eventually(lambda: bool(owner_of(worker)), said_by=worker)
        disk.leave(worker, 0)
        uri = register_forest(stage.client, stage.name)
        failures, reasons = 0, []
        for free in range(STEP_BYTES, 13 * STEP_BYTES, STEP_BYTES):  # it fills up here, then there
            job = await_failure(stage, uri, failures, worker)
            failures, reasons = job.failures, [*reasons, str(job.error)]
            disk.leave(worker, free)
        await_failure(stage, uri, failures, worker)
        since = time.monotonic()
        disk.leave(worker, ROOM_BYTES)
        check_recovered(stage, [uri], [worker], since)
    for reason in (f"downloading {uri}: ", "there is hardly any room for temporary files", "writing artifacts of run "):
        assert any(each.startswith(reason) for each in reasons), reasons
