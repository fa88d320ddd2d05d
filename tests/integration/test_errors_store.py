"""Whoever only reads makes no store: what is asked about one that does not exist is not answered with zeros."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from harness.command_line import interp

import interp_pipeline
from interp_pipeline.errors import UsageError
from mlflow_plugin.jobs import JobTable

if TYPE_CHECKING:
    from pathlib import Path

    from harness.loan_store import LoanStore

READING = (
    "status",
    "status --json",
    "reconcile",
    "explain models:/loans/1",
    "compare models:/loans/1 models:/loans/2",
    "webhook list",
)


@pytest.mark.parametrize("command", READING)
@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_a_database_that_does_not_exist_is_not_made(command: str, scheme: str, tmp_path: Path) -> None:
    uri = f"{scheme}:///{tmp_path / 'folder' / 'mlflow.db'}"
    says = f"there is no database at {uri}; check the path, or give another --tracking-uri"
    interp(f"{command} --tracking-uri {uri}").require_error(2, says)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_made_to_load_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlflow.get_tracking_uri", lambda: f"sqlite:///{tmp_path / 'folder' / 'mlflow.db'}")
    with pytest.raises(UsageError, match="there is no database at"):
        interp_pipeline.load("models:/loans/1")
    assert list(tmp_path.iterdir()) == []


def test_a_job_table_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'folder' / 'jobs.db'}"
    says = r"there is no job table at sqlite:///.*/folder/jobs\.db: a worker makes it when it starts"
    with pytest.raises(UsageError, match=says):
        JobTable.open(uri, making=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "jobs.db").touch()
    with pytest.raises(UsageError, match=says):
        JobTable.open(uri, making=False)
    assert (tmp_path / "folder" / "jobs.db").stat().st_size == 0
    JobTable.open(uri).close()
    with closing(JobTable.open(uri, making=False)) as table:
        assert sum(table.counts().values()) == 0


def test_status_says_that_no_worker_has_been_there(
    loan_store: LoanStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.delenv("INTERP_JOBS_URI", raising=False)
    before = interp(f"status --json --tracking-uri {loan_store.uri}")
    assert "there is no job table" in before.stderr
    assert not state.exists()
    interp(f"reconcile --tracking-uri {loan_store.uri}").require_done()
    after = interp(f"status --json --tracking-uri {loan_store.uri}")
    assert "there is no job table" not in after.stderr
    found = [json.loads(outcome.require_done()) for outcome in (before, after)]
    assert list(found[0]) == list(found[1])
    assert list(found[0]["counts"]) == list(found[1]["counts"])
    assert set(found[0]["counts"].values()) == {0}
    monkeypatch.setenv("INTERP_JOBS_URI", f"sqlite:///{state}/elsewhere.db")
    interp(f"status --tracking-uri {loan_store.uri}").require_error(2, "elsewhere.db: a worker makes it when it")
