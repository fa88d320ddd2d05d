"""One attempt at one job, step by step: what stands where after each, and what a lost lease or server leaves."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from harness.server_in_memory import WRITES
from harness.worker_parts import NAME

from interp_pipeline.errors import GoneError, ModelProcessError, NoDataError, TrackingError
from interp_pipeline.tracking import layout
from mlflow_plugin.sandbox import Cancelled
from mlflow_plugin.worker.attempt import Attempt
from mlflow_plugin.worker.lease import Lease, LeaseLostError
from mlflow_plugin.worker.retry import NotYetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.worker_parts import Parts

    from mlflow_plugin.jobs import Job

_MANIFEST = f"{layout.explanation_root('model')}/{layout.MANIFEST}"


def run(parts: Parts, job: Job, *, cancelled: Callable[[], bool] = lambda: False) -> str:
    """Work on a job once, with a lease that no thread renews meanwhile."""
    with Lease(parts.tools.table, job, lease_s=3600, heartbeat_s=600) as lease:
        return Attempt(parts.tools, job, lease, cancelled).run()


def status(parts: Parts) -> str | None:
    """What the version says."""
    found: str | None = parts.server.version(NAME).tags.get(layout.TAG_STATUS)
    return found


def has_manifest(parts: Parts) -> bool:
    """Whether an explanation in some run counts."""
    return any(path.endswith(_MANIFEST) for path in parts.artifacts())


def check_explained(parts: Parts) -> None:
    assert (parts.job().state, status(parts)) == ("published", "done")
    assert has_manifest(parts)
    assert layout.TAG_ERROR not in parts.server.version(NAME).tags


@pytest.mark.parametrize("with_run", [True, False], ids=["own run", "run made"])
def test_the_steps_come_in_an_order_that_a_crash_at_any_moment_allows(parts: Parts, *, with_run: bool) -> None:
    if not with_run:
        parts.server.version(NAME).run_id = ""
    seen: list[tuple[str, str | None, bool, int]] = []

    def look(step: str) -> None:
        if step in {"compute", "draw", "finish", "log_artifacts"}:
            seen.append((step, status(parts), has_manifest(parts), len(parts.artifacts())))

    parts.sandbox.computing = lambda: look("compute")
    parts.drawer.drawing = lambda: look("draw")
    parts.server.before = parts.table.before = look
    assert run(parts, parts.claim()) == "computed"
    assert seen == [
        ("compute", "running", False, 0),
        ("draw", "running", False, 0),
        ("log_artifacts", "running", False, 0),
        ("log_artifacts", "running", False, 1),
        ("log_artifacts", "running", False, 2),  # the manifest, last of the files
        ("log_artifacts", "running", True, 3),  # the pictures that the run shows
        ("finish", "done", True, 3),
    ]
    check_explained(parts)


def test_what_is_there_already_is_adopted_and_computed_never_again(parts: Parts) -> None:
    run(parts, parts.claim())
    parts.table.reopen([parts.job().key])
    parts.server.version(NAME).tags[layout.TAG_STATUS] = "failed"  # whatever was said meanwhile
    assert run(parts, parts.claim("another")) == "adopted"
    assert parts.sandbox.runs == 1
    check_explained(parts)


def test_what_somebody_made_while_it_was_computed_is_adopted(parts: Parts) -> None:
    job = parts.claim()

    def beside() -> None:
        parts.sandbox.computing = lambda: None
        run(parts, job)
        parts.table.reopen([job.key])
        parts.table.claim("one", 3600)

    parts.sandbox.computing = beside
    with pytest.raises(LeaseLostError):  # another attempt has it: what it found is adopted, and finished by that one
        run(parts, job)
    assert parts.sandbox.runs == 2
    assert parts.job().state == "running"
    assert has_manifest(parts)
    assert status(parts) == "done"


def test_of_a_version_that_is_gone_nothing_is_computed(parts: Parts) -> None:
    job = parts.claim()
    parts.server.delete_model_version(NAME, "1")
    with pytest.raises(GoneError, match="no registered model 'credit'"):
        run(parts, job)
    assert parts.sandbox.runs == 0


def test_a_version_that_was_registered_anew_has_a_job_of_its_own(parts: Parts) -> None:
    job = parts.claim()
    parts.server.version(NAME).creation_timestamp += 1
    before = parts.server.writes
    with pytest.raises(GoneError, match="was deleted and registered again; the new one has a job of its own"):
        run(parts, job)
    assert parts.server.writes == before


def test_what_was_named_for_it_since_the_claim_is_another_job(parts: Parts) -> None:
    job = parts.claim()
    tags = parts.server.version(NAME).tags
    rows = Path(tags[layout.TAG_ROWS])
    tags[layout.TAG_ROWS] = str(shutil.copy(rows, rows.with_name("others.csv")))
    with pytest.raises(GoneError, match="what it is to be explained with was changed; that is another job"):
        run(parts, job)
    assert parts.sandbox.runs == 0


def test_a_version_that_is_deleted_while_it_is_computed_gets_no_file(parts: Parts) -> None:
    parts.sandbox.computing = lambda: parts.server.delete_model_version(NAME, "1")
    with pytest.raises(GoneError, match="was deleted while it was explained"):
        run(parts, parts.claim())
    assert parts.artifacts() == {}


@pytest.mark.parametrize(
    ("state", "failures", "error"),
    [("RUNNING", 0, NotYetError), ("RUNNING", 8, NoDataError), ("FINISHED", 0, NoDataError)],
)
def test_data_are_waited_for_while_its_run_goes_on_but_not_for_ever(
    parts: Parts, state: str, failures: int, error: type[Exception]
) -> None:
    version = parts.server.version(NAME)
    del version.tags[layout.TAG_ROWS], version.tags[layout.TAG_BACKGROUND]
    parts.scan()  # it is another job without them
    parts.server.get_run(version.run_id).info.status = state
    parts.database.sql("UPDATE interp_jobs SET failures = :n", n=failures)
    with pytest.raises(error) as caught:
        run(parts, parts.claim())
    assert type(caught.value) is error
    assert parts.sandbox.runs == 0


def test_a_process_that_dies_for_want_of_room_is_not_blamed(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    def die() -> None:
        msg = "it was ended by SIGBUS"
        raise ModelProcessError(msg, kind="crashed")

    parts.sandbox.computing = die
    job = parts.claim()
    with pytest.raises(ModelProcessError, match="SIGBUS"):
        run(parts, job)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2**20}))
    with pytest.raises(TrackingError, match=r"hardly any room .* 1.0 MiB .* \(it was ended by SIGBUS"):
        run(parts, job)


@pytest.mark.parametrize("at", ["compute", "draw"])
def test_told_to_stop_it_ends_there_and_nothing_is_written(parts: Parts, at: str) -> None:
    told: list[str] = []
    parts.sandbox.computing = lambda: told.append("compute")
    parts.drawer.drawing = lambda: told.append("draw")
    with pytest.raises(Cancelled):
        run(parts, parts.claim(), cancelled=lambda: at in told)
    assert told[-1] == at
    assert parts.artifacts() == {}
    assert status(parts) == "running"  # the worker says what becomes of it


@pytest.mark.parametrize(
    ("nth", "before"),
    [
        (1, "it says that it runs"),
        (2, "a run is made"),
        (3, "it is written"),
        (4, "the first file"),
        (5, "the second file"),
        (6, "the manifest"),
        (7, "it is led to"),
    ],
)
def test_once_the_lease_is_lost_nothing_more_is_written(parts: Parts, nth: int, before: str) -> None:
    """Just before each of the moments at which the table is asked."""
    del before  # a name for the moment
    left: list[int] = []
    asked = 0

    def lose(name: str) -> None:
        nonlocal asked
        asked += name == "holds"
        if asked == nth and not left:
            parts.take_away()
            left.append(parts.server.writes)

    job = parts.claim()
    parts.table.before = lose
    with pytest.raises(LeaseLostError, match="was taken over by another worker"):
        run(parts, job)
    assert left == [parts.server.writes]
    assert status(parts) != "done"
    assert parts.job().owner == "another"


@pytest.mark.parametrize(
    ("nth", "at", "computed", "then"),
    [
        (1, "the tag that it runs", 1, "computed"),
        (3, "the first file", 2, "computed"),
        (5, "the manifest", 2, "computed"),
        (6, "the metrics", 1, "adopted"),
        (8, "the pictures", 1, "adopted"),
        (13, "the description", 1, "adopted"),
        (17, "the tag that it is done", 1, "adopted"),
    ],
)
def test_where_the_server_dies_the_next_attempt_makes_it_whole(
    parts: Parts, nth: int, at: str, computed: int, then: str
) -> None:
    """Half of an explanation never counts, and what is whole but not led to is adopted."""
    del at  # a name for the moment
    written = 0

    def die(name: str) -> None:
        nonlocal written
        written += name in WRITES
        if written >= nth:
            msg = "Connection refused"
            raise requests.exceptions.ConnectionError(msg)

    job = parts.claim()
    parts.server.before = die
    with pytest.raises(TrackingError, match="Connection refused"):
        run(parts, job)
    assert parts.job().state == "running"
    assert status(parts) != "done"
    parts.server.before = lambda _name: None
    assert run(parts, job) == then
    assert parts.sandbox.runs == computed
    check_explained(parts)
