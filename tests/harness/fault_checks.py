"""What must hold after any fault: every version has one explanation, whole, the right one, and is led to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.workers import eventually, explained

from interp_pipeline.tracking import layout
from interp_pipeline.tracking.runs import manifest
from interp_pipeline.tracking.runs.artifacts import list_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.fault_stage import Stage
    from harness.workers import WorkerProcess

__all__ = ["await_ran", "check_explained", "check_same_numbers", "ran"]


def check_explained(stage: Stage, uri: str) -> str:
    """One manifest that verifies, one run, status done, a finished job, and all of them of one key.

    Returns:
        The run in which the explanation lies.
    """
    name, number = uri.removeprefix("models:/").rsplit("/", 1)
    version, job = stage.client.get_model_version(name, number), stage.jobs()[uri]
    assert job.state == "published", (job.error_class, job.error)
    assert version.tags[layout.TAG_STATUS] == "done"
    assert version.tags[layout.TAG_KEY] == job.key
    record, run_id = explained(stage.client, uri), version.tags[layout.TAG_RUN_ID]
    assert record["key"] == job.key
    assert record["model"]["run_id"] == run_id
    files = list_files(stage.client, run_id, "")
    assert [path for path in files if path.endswith(layout.MANIFEST)] == [
        f"{layout.explanation_root('model')}/{layout.MANIFEST}"
    ]
    runs = stage.client.search_runs(["0"], f"tags.`{layout.TAG_EXPLAINED_MODEL}` = '{uri}'")
    assert [run.info.run_id for run in runs] == [version.run_id or run_id]
    assert runs[0].info.status == "FINISHED"
    return run_id


def check_same_numbers(stage: Stage, uri: str) -> None:
    """Every file is, byte for byte, that of an explanation to which nothing happened."""
    undisturbed = {path: manifest.digest(content) for path, content in stage.undisturbed(uri).items()}
    found = explained(stage.client, uri)["files"]
    tables = {path for path in found if path.endswith((".parquet", ".json"))}
    assert tables
    assert {path: found[path] for path in tables} == {path: undisturbed[path] for path in tables}


def ran(workers: Sequence[WorkerProcess], outcome: str = "computed") -> list[str]:
    """The keys that these workers said they had explained or adopted, one for each time they said so."""
    return [event["key"] for worker in workers for event in worker.events() if event.get("outcome") == outcome]


def await_ran(worker: WorkerProcess, outcome: str, key: str) -> None:
    """Wait until a worker has said how it came to an explanation; it says so when all is done."""
    eventually(lambda: ran([worker], outcome) == [key], said_by=worker)
