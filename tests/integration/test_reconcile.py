"""The scan: what is registered against what has a job, on a real registry."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from harness.sessions import session_of

from mlflow_plugin.jobs import JobTable
from mlflow_plugin.reconcile import reconcile, take_notes
from mlflow_plugin.settings import SelectSettings, Settings
from mlflow_plugin.version_tags import mend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow import MlflowClient


@pytest.fixture
def client(tmp_path: Path) -> MlflowClient:
    """An empty registry."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return MlflowClient(uri, uri)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[JobTable]:
    """An empty job table."""
    opened = JobTable.open(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield opened
    opened.close()


def register(client: MlflowClient, name: str, **tags: str) -> int:
    """A version without files: a scan looks at none."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return int(client.create_model_version(name, f"/models/{name}", tags=tags).version)


def scan(client: MlflowClient, table: JobTable, **options: Any) -> tuple[int, int, int]:
    """How many jobs a scan adds, opens again and drops."""
    found = reconcile(session_of(client), table, Settings(**options))
    return found.added, found.reopened, found.replaced + found.retired


def finish(client: MlflowClient, table: JobTable, state: Any, *, tagging: bool = True) -> list[str]:
    """Bring all due jobs to this end, as a worker would; their versions."""
    done = []
    while job := table.claim("test", 60):
        assert table.finish(job, state, error_class=None if state == "published" else "ModelError")
        if tagging:
            status = "done" if state == "published" else state
            for key, value in {"interp.status": status, "interp.key": job.key}.items():
                client.set_model_version_tag(job.name, str(job.version), key, value)
        done.append(f"{job.name}/{job.version}")
    return sorted(done)


def test_every_version_gets_one_job_and_keeps_it(client: MlflowClient, table: JobTable) -> None:
    for name in ("credit", "wine", "wine"):
        register(client, name)
    assert scan(client, table) == (3, 0, 0)
    assert scan(client, table) == (0, 0, 0)
    assert finish(client, table, "published") == ["credit/1", "wine/1", "wine/2"]
    assert scan(client, table) == (0, 0, 0)
    register(client, "wine")
    assert scan(client, table) == (1, 0, 0)
    assert finish(client, table, "failed") == ["wine/3"]
    assert scan(client, table) == (0, 0, 0)
    assert table.counts()["published"] == 3


def test_a_published_job_whose_version_does_not_show_it_is_opened_again(client: MlflowClient, table: JobTable) -> None:
    register(client, "credit")
    scan(client, table)
    finish(client, table, "published", tagging=False)
    assert scan(client, table) == (0, 1, 0)
    finish(client, table, "published")
    assert scan(client, table) == (0, 0, 0)
    client.delete_model_version_tag("credit", "1", "interp.status")
    assert scan(client, table) == (0, 1, 0)


def _said(client: MlflowClient, name: str) -> tuple[str | None, str | None, str | None]:
    tags = client.get_model_version(name, "1").tags
    return tags.get("interp.status"), tags.get("interp.error"), tags.get("interp.key")


def test_versions_that_say_what_is_no_longer_so_are_put_right(client: MlflowClient, table: JobTable) -> None:
    """The server was out of reach when their worker had something to say, and the table alone knows."""
    states = {"pending": "pending", "failed": "failed", "skipped": "skipped", "gone": "failed"}
    for state in states:
        for said in ("running", "pending", "failed", "skipped"):
            register(client, f"{state} {said}", **{"interp.status": said})
        register(client, f"{state} nothing")
    assert reconcile(session_of(client), table, Settings()).mended == 0  # no job was known before
    keys = {}
    while job := table.claim("test", 60):
        state: Any = job.name.partition(" ")[0]
        reason = {"error_class": "TrackingError", "error": "no server answers"}
        kept = (
            table.postpone(job, 900, crashed=False, **reason)
            if state == "pending"
            else table.finish(job, state, **reason)
        )
        assert kept
        keys[job.name] = job.key
    assert reconcile(session_of(client), table, Settings()).mended == 15
    for name, key in keys.items():
        state, said = name.split()
        if (state, said) == ("pending", "nothing"):  # a new version says nothing before its turn has come
            assert _said(client, name) == (None, None, None)
        elif states[state] == said:
            assert _said(client, name) == (said, None, None)
        else:
            assert _said(client, name) == (states[state], "no server answers", key)
    assert reconcile(session_of(client), table, Settings()).mended == 0


def test_what_is_done_or_being_worked_on_is_left_alone(client: MlflowClient, table: JobTable) -> None:
    register(client, "credit", **{"interp.status": "pending"})
    scan(client, table)
    known = table.states()
    job = table.claim("test", 60)
    assert job is not None
    assert reconcile(session_of(client), table, Settings()).mended == 0  # its worker says so when it begins
    assert mend(client, table, known, {job.key: {"interp.status": "running"}}) == 0  # claimed since it was read
    assert table.release(job)
    client.set_model_version_tag("credit", "1", "interp.status", "done")  # by hand, or copied with the version
    assert reconcile(session_of(client), table, Settings()).mended == 0
    assert _said(client, "credit")[0] == "done"


def test_what_somebody_explained_by_hand_is_found(client: MlflowClient, table: JobTable) -> None:
    register(client, "credit")
    scan(client, table)
    finish(client, table, "failed")
    client.set_model_version_tag("credit", "1", "interp.status", "done")
    client.set_model_version_tag("credit", "1", "interp.key", "of other options")
    assert scan(client, table) == (0, 1, 0)
    finish(client, table, "published")
    assert scan(client, table) == (0, 0, 0)


def test_a_copied_done_tag_counts_for_nothing(client: MlflowClient, table: JobTable) -> None:
    register(client, "credit")
    scan(client, table)
    finish(client, table, "published")
    client.copy_model_version("models:/credit/1", "copy")
    assert client.get_model_version("copy", "1").tags["interp.status"] == "done"
    assert scan(client, table) == (1, 0, 0)
    assert finish(client, table, "published") == ["copy/1"]


def test_a_version_that_was_deleted_and_registered_again_is_another_one(client: MlflowClient, table: JobTable) -> None:
    register(client, "credit")
    scan(client, table)
    finish(client, table, "published")
    client.delete_registered_model("credit")
    assert scan(client, table) == (0, 0, 1)
    assert register(client, "credit") == 1
    assert scan(client, table) == (1, 0, 0)
    assert finish(client, table, "published") == ["credit/1"]
    assert table.counts()["gone"] == 1


def test_a_renamed_model_is_another_one(client: MlflowClient, table: JobTable) -> None:
    register(client, "credit")
    scan(client, table)
    finish(client, table, "published")
    client.rename_registered_model("credit", "loans")
    assert scan(client, table) == (1, 0, 1)
    assert finish(client, table, "published") == ["loans/1"]


def test_another_configuration_or_background_is_another_job(client: MlflowClient, table: JobTable) -> None:
    register(client, "credit")
    scan(client, table)
    finish(client, table, "published")
    assert scan(client, table, explain={"rows": 50}) == (1, 0, 1)
    finish(client, table, "published")
    client.set_model_version_tag("credit", "1", "interp.background", "s3://tables/credit.csv")
    assert scan(client, table, explain={"rows": 50}) == (1, 0, 1)
    finish(client, table, "published")
    client.delete_model_version_tag("credit", "1", "interp.background")
    client.set_registered_model_tag("credit", "interp.rows", "s3://tables/rows.csv")
    assert scan(client, table, explain={"rows": 50}) == (1, 0, 1)
    assert len(table.states()) == table.counts()["pending"] == 1  # one version, one job


def test_what_a_worker_found_gone_stays_so_and_what_was_dropped_comes_back(
    client: MlflowClient, table: JobTable
) -> None:
    register(client, "credit")
    register(client, "wine")
    only_wine = SelectSettings(models=("wine",))
    assert scan(client, table) == (2, 0, 0)
    assert scan(client, table, select=only_wine) == (0, 0, 1)
    assert scan(client, table) == (0, 1, 0)
    finish(client, table, "gone")
    assert scan(client, table) == (0, 0, 0)


@pytest.mark.parametrize(
    ("select", "chosen"),
    [
        ({}, ["credit-a/1", "credit-a/2", "credit-b/1", "wine/1"]),
        ({"models": ("credit-*",)}, ["credit-a/1", "credit-a/2", "credit-b/1"]),
        ({"models": ("credit-*", "wine"), "exclude": ("*-b",)}, ["credit-a/1", "credit-a/2", "wine/1"]),
        ({"tags": ("stage",)}, ["credit-a/2", "credit-b/1"]),
        ({"tags": ("stage=production",)}, ["credit-a/2"]),
        ({"newest": 1}, ["credit-a/2", "credit-b/1", "wine/1"]),
    ],
    ids=["all", "names", "exclude", "tag", "tag and value", "newest"],
)
def test_which_versions_count(client: MlflowClient, table: JobTable, select: Any, chosen: list[str]) -> None:
    register(client, "credit-a")
    register(client, "credit-a", stage="production")
    register(client, "credit-b", stage="test")
    register(client, "wine")
    reconcile(session_of(client), table, Settings(select=dataclasses.replace(SelectSettings(), **select)))
    assert finish(client, table, "published") == chosen


def test_notes_become_jobs_only_of_versions_that_exist_and_count(client: MlflowClient, table: JobTable) -> None:
    register(client, "credit")
    register(client, "wine")
    settings = Settings(select=SelectSettings(exclude=("wine",)))
    for _ in range(50):
        table.note("credit", 1)
    table.note("credit", 7)
    table.note("example_model", 1)
    table.note("wine", 1)
    table.note("credit", 1, "another-workspace")
    assert take_notes(session_of(client), table, settings) == 1
    assert take_notes(session_of(client), table, settings) == 0
    assert scan(client, table, select=settings.select) == (0, 0, 0)
    assert finish(client, table, "published") == ["credit/1"]
