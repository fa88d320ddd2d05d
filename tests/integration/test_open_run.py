"""A run that is open while something is done: whose child it is, how it ends, and what is active afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import TYPE_CHECKING

import mlflow
import pytest
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from interp_pipeline.tracking.server.open_run import open_run
from interp_pipeline.tracking.server.process_setting import lent_to
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


def test_who_connects_while_the_setting_is_lent_gets_the_process_s_own_server(uri: str, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(uri)
    other = connect(f"sqlite:///{tmp_path / 'other.db'}")
    with ThreadPoolExecutor(1) as pool:
        with lent_to(other):
            assert mlflow.get_tracking_uri() == other.tracking_uri
            waiting = pool.submit(connect)
            with pytest.raises(NotYet):
                waiting.result(timeout=1)
        found = waiting.result(timeout=120)
    assert (found.tracking_uri, found.registry_uri, found.is_of_process) == (uri, uri, True)
    assert mlflow.get_tracking_uri() == uri
