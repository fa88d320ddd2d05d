"""Models that harm whoever runs them, registered among good ones: each hurts its own process and nothing else.

One of each kind: all of them, without a worker, are in ``tests/integration/test_sandbox_endings.py``.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from harness.fault_stage import processes_of
from harness.figures import figure
from harness.hostile_endings import ENDINGS
from harness.hostile_models import ANSWERS, copies_its_files, starts_a_process
from harness.hostile_versions import register_hostile
from harness.workers import eventually, explained, register_forest, worker_process

from interp_pipeline.tracking import layout
from mlflow_plugin.sandbox.landlock import abi_version
from mlflow_plugin.sandbox.layers import ALWAYS, BY_KERNEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.fault_stage import Stage
    from harness.workers import WorkerProcess

    from mlflow_plugin.jobs import Job

pytestmark = pytest.mark.faults

_SANDBOX = '[sandbox]\nmode = "required"\nmax_memory_gb = 1\n'
_FLAT_MIB = 48  # of memory that a worker may take for a while: its libraries fill buffers of their own

# What is said on the version, by model.
_DIES = {
    "allocates_without_end": ("out_of_memory", "memory", "raise max_memory_gb"),
    "segfaults": ("crashed", "was ended by SIGSEGV (it printed last: going down)", "register one that does"),
    "prints_a_gigabyte": ("crashed", "ended with exit code 4 (it printed last: the end)", "register one that does"),
}
_CANNOT = {
    "starts_a_process": "[Errno 1] Operation not permitted, line .* (where a worker explains it, a model can start no",
    "answers_nan": "the model's answer for row .* is not a finite number; give rows it can answer, or fill the values",
}
_BESIDE = {each.__name__: each for each in (copies_its_files, starts_a_process)} | ANSWERS
_IS_EXPLAINED = ("copies_its_files", "forest", "forest afterwards")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What became of a store of good and bad models."""

    stage: Stage
    uris: Mapping[str, str]  # by what the model does
    workers: tuple[WorkerProcess, WorkerProcess]
    servers: tuple[set[int], set[int]]  # fork servers of the workers, before the first bad model and after the last
    grown_mib: tuple[float, float]  # how far the memory of each worker went above what it was before
    left: list[str]  # what lies in the workers' temporary folders

    def job(self, what: str) -> Job:
        """How it ended for the model that does this."""
        return self.stage.jobs()[self.uris[what]]

    def tags(self, what: str) -> dict[str, str]:
        """What its version says."""
        name, number = self.uris[what].removeprefix("models:/").rsplit("/", 1)
        return dict(self.stage.client.get_model_version(name, number).tags)


@pytest.fixture(scope="module")
def seen(shared_stage: Stage) -> Iterator[Seen]:
    """Two workers explain good models, then hostile ones with a good one in between, then a good one again."""
    stage = shared_stage
    server, folder = str(stage.client.tracking_uri), stage.folder
    temporary = folder / "temporary"
    temporary.mkdir()
    options = {"config": stage.config() + _SANDBOX, "environment": {"TMPDIR": str(temporary)}}
    with (
        worker_process(folder, server, **options) as one,
        worker_process(folder, server, **options) as other,
    ):
        uris = {
            "forest": register_forest(stage.client, f"{stage.name}-forest"),
            "copies_its_files": _register(stage, "copies_its_files"),
        }
        stage.await_done(list(uris.values()), said_by=one)
        servers_before = _servers(one, other)
        before = [_reset_peak_mib(worker) for worker in (one, other)]
        started = time.monotonic()
        uris |= {what: _register(stage, what) for what in (*_DIES, *_CANNOT)}
        ended = {"failed", "published"}
        eventually(lambda: all(stage.state(uri) in ended for uri in uris.values()), said_by=one)
        figure("5 hostile models, 3 of them tried three times, came to their end", time.monotonic() - started, "s")
        grown = [_peak_mib(worker) - mib for worker, mib in zip((one, other), before, strict=True)]
        uris["forest afterwards"] = register_forest(stage.client, f"{stage.name}-forest-afterwards", seed=1)
        stage.await_done([uris["forest afterwards"]], said_by=one)
        yield Seen(
            stage=stage,
            uris=uris,
            workers=(one, other),
            servers=(servers_before, _servers(one, other)),
            grown_mib=(grown[0], grown[1]),
            left=sorted(path.name for path in temporary.glob("interp-worker-*/[!.]*")),
        )
        assert [worker.stop() for worker in (one, other)] == [0, 0]
        assert list(temporary.iterdir()) == []


def _register(stage: Stage, what: str) -> str:
    behave = {**ENDINGS, **_BESIDE}[what]
    return register_hostile(stage.client, f"{stage.name}-{what}", behave, stage.folder)


def _servers(*workers: WorkerProcess) -> set[int]:
    """The fork servers of workers; nothing else runs below these."""
    return {process.pid for worker in workers for process in processes_of(worker)}


def _reset_peak_mib(worker: WorkerProcess) -> float:
    """Memory of a worker now, from which on its peak counts."""
    Path(f"/proc/{worker.pid}/clear_refs").write_text("5", encoding="ascii")
    return psutil.Process(worker.pid).memory_info().rss / 2**20


def _peak_mib(worker: WorkerProcess) -> float:
    status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


@pytest.mark.parametrize("what", _DIES)
def test_one_that_dies_is_tried_three_times(what: str, seen: Seen) -> None:
    check_tried_three_times(seen.job(what), seen.tags(what), *_DIES[what])


@pytest.mark.parametrize("stage", ["proxied-sqlite"], indirect=True)
def test_one_that_never_ends_is_tried_three_times(stage: Stage) -> None:
    """With less time than a good model would need on a busy machine, so that it has a worker of its own."""
    uri = _register(stage, "ignores_sigterm")
    with stage.worker(max_seconds=3) as worker:
        job = stage.await_state(uri, "failed", said_by=worker)
        assert worker.stop() == 0
    name, number = uri.removeprefix("models:/").rsplit("/", 1)
    tags = stage.client.get_model_version(name, number).tags
    words = "was ended: it had not finished after 3 s"
    check_tried_three_times(job, tags, "out_of_time", words, "raise max_seconds")


def check_tried_three_times(job: Job, tags: Mapping[str, str], kind: str, words: str, advice: str) -> None:
    """The job failed, and the version says of what and what to do."""
    assert (job.state, job.error_class, job.crashes + 1, job.lapses) == ("failed", kind, 3, 0)
    assert tags[layout.TAG_STATUS] == "failed"
    assert words in tags[layout.TAG_ERROR]
    assert ", at each of the last 3 attempts; " in tags[layout.TAG_ERROR]
    assert advice in tags[layout.TAG_ERROR]


@pytest.mark.parametrize("what", _CANNOT)
def test_one_that_cannot_be_explained_is_tried_once(what: str, seen: Seen) -> None:
    job, tags = seen.job(what), seen.tags(what)
    assert (job.state, job.attempt, job.crashes) == ("failed", 1, 0)
    assert tags[layout.TAG_STATUS] == "failed"
    words = re.escape(_CANNOT[what]).replace(r"\.\*", ".*")
    assert re.search(words, tags[layout.TAG_ERROR]), tags[layout.TAG_ERROR]
    assert seen.uris[what] in tags[layout.TAG_ERROR]


@pytest.mark.parametrize("what", _IS_EXPLAINED)
def test_the_others_are_explained(what: str, seen: Seen) -> None:
    job, tags = seen.job(what), seen.tags(what)
    assert (job.state, job.attempt, tags[layout.TAG_STATUS]) == ("published", 1, "done")
    manifest = explained(seen.stage.client, seen.uris[what])
    assert manifest["key"] == job.key
    assert manifest["sandbox"] == {
        "layers": dict.fromkeys((*ALWAYS, *BY_KERNEL), True),
        "landlock_abi": abi_version(),
    }


def test_the_workers_noticed_nothing(seen: Seen) -> None:
    assert [worker.process.poll() for worker in seen.workers] == [None, None]
    assert seen.servers[0] == seen.servers[1]
    figure("memory a worker takes for hostile models, at its peak", max(seen.grown_mib), "MiB")
    assert max(seen.grown_mib) < _FLAT_MIB
    assert len(seen.left) == 2  # each has its sandbox's folder
    assert all(name.startswith("interp-sandbox-") for name in seen.left)
