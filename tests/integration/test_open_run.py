"""A run that is open while something is done: whose child it is, how it ends, and what is active afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlflow
import pytest
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from interp_pipeline.tracking.server.open_run import open_run
from interp_pipeline.tracking.server.session import Session, connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _of_process(uri: str) -> Session:
    mlflow.set_tracking_uri(uri)
    return connect()


_ROADS = pytest.mark.parametrize("road", [_of_process, connect], ids=["the process's own server", "another server"])


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """Of an empty store."""
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@_ROADS
def test_runs_within_runs(uri: str, road: Callable[[str], Session]) -> None:
    session = road(uri)
    with open_run(session, "outer") as outer, open_run(session, "inner") as inner:
        assert session.client.get_run(inner).info.status == "RUNNING"
    with open_run(session, "later") as later:
        pass
    runs = {run_id: session.client.get_run(run_id) for run_id in (outer, inner, later)}
    assert [run.data.tags.get(MLFLOW_PARENT_RUN_ID) for run in runs.values()] == [None, outer, None]
    assert [run.info.run_name for run in runs.values()] == ["outer", "inner", "later"]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


@_ROADS
def test_a_run_in_which_something_fails(uri: str, road: Callable[[str], Session]) -> None:
    session = road(uri)
    with pytest.raises(KeyError), open_run(session, "broken") as run_id:
        raise KeyError
    assert session.client.get_run(run_id).info.status == "FAILED"
    assert mlflow.active_run() is None
    with open_run(session, "next") as after:
        assert MLFLOW_PARENT_RUN_ID not in session.client.get_run(after).data.tags


def test_another_server_is_not_the_active_runs(uri: str, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(uri)
    session = connect(f"sqlite:///{tmp_path / 'other.db'}")
    with mlflow.start_run(), open_run(session, "elsewhere") as run_id:
        assert MLFLOW_PARENT_RUN_ID not in session.client.get_run(run_id).data.tags
