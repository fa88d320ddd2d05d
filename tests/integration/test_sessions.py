"""Connections are values: several users of several servers work in one process, and nothing of one reaches another."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import mlflow
import pytest
from harness.pipeline_tables import TABLES
from harness.tracking_server import ADMIN, add_user, guarded_server

from interp_pipeline.config import CompareConfig, ExplainConfig, TrainConfig
from interp_pipeline.errors import RefusedError, UsageError
from interp_pipeline.steps.compare import compare
from interp_pipeline.steps.explain import explain
from interp_pipeline.steps.train import train
from interp_pipeline.tracking.server.identity import Identity
from interp_pipeline.tracking.server.session import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_USERS = {"here": ("alice", "a long enough password"), "there": ("bob", "another long password")}
_CONFIG = ExplainConfig(rows=4, background_rows=5, lime_samples=200)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Two servers, each with a user the other does not know."""
    folder = tmp_path_factory.mktemp("guarded")
    for name in _USERS:
        (folder / name).mkdir()
    with guarded_server(folder / "here") as here, guarded_server(folder / "there") as there:
        uris = {"here": here, "there": there}
        for name, login in _USERS.items():
            add_user(uris[name], *login)
        yield uris


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small table to train on."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    TABLES["binary"][0]().to_csv(path, index=False)
    return path


def test_two_users_of_two_servers_in_two_threads(
    servers: dict[str, str], table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # the process's own, where nobody answers
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "somebody")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "else")
    before = dict(os.environ)
    together = threading.Barrier(2)

    def work(name: str) -> list[str]:
        session = connect(servers[name], identity=Identity.basic(*_USERS[name]))
        config = TrainConfig(kind="random_forest", target=TABLES["binary"][1], n_estimators=3)
        together.wait(60)
        uris = [train(str(table), f"model of {name}", config, session=session).uri for _ in range(2)]
        reports = [explain(uri, _CONFIG, session=session).report_uri for uri in uris]
        compared = compare(uris, CompareConfig(rows=4), explain_config=_CONFIG, session=session)
        return [*reports, compared.report_uri]

    with ThreadPoolExecutor(2) as pool:
        reports = dict(zip(_USERS, pool.map(work, _USERS), strict=True))
    for name, uri in servers.items():
        assert all(report.startswith(f"{uri}/#/") for report in reports[name])
        client = connect(uri, identity=Identity.basic(*ADMIN)).client
        assert [model.name for model in client.search_registered_models()] == [f"model of {name}"]
        assert {version.tags["interp.status"] for version in client.search_model_versions("")} == {"done"}
        runs = client.search_runs(["0"])
        assert {run.info.status for run in runs} == {"FINISHED"}
        assert len(runs) == 3
        assert {len(run.inputs.dataset_inputs) for run in runs if run.outputs.model_outputs} == {2}
    assert mlflow.get_tracking_uri() == "http://127.0.0.1:9"
    left = {"MLFLOW_TRACKING_AUTH", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"}
    assert {name: value for name, value in os.environ.items() if name in before} == before
    assert {name for name in os.environ if name.startswith("MLFLOW_") and name not in before} <= left


def test_users_of_one_server_alternate(servers: dict[str, str]) -> None:
    sessions = [connect(servers["here"], identity=Identity.basic(*login)) for login in (ADMIN, _USERS["here"])]
    sessions[0].client.create_registered_model("of the administrator")

    def names(number: int) -> set[str]:
        return {model.name for model in sessions[number % 2].client.search_registered_models()}

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(names, range(200)))
    assert all("of the administrator" in each for each in seen[::2])
    assert not any("of the administrator" in each for each in seen[1::2])


def test_a_user_whom_the_server_does_not_know(servers: dict[str, str]) -> None:
    for login in (_USERS["there"], (_USERS["here"][0], "a wrong password")):
        with pytest.raises(RefusedError, match="the server does not know you") as caught:
            connect(servers["here"], identity=Identity.basic(*login))
        assert login[1] not in str(caught.value)
        assert "interp-session" not in str(caught.value)


def test_a_process_that_signs_in_another_way(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_AUTH", "kubernetes")
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_AUTH=kubernetes signs every request"):
        connect(servers["here"], identity=Identity.basic(*ADMIN))


def test_a_login_in_the_address(servers: dict[str, str]) -> None:
    user, password = _USERS["here"]
    session = connect(servers["here"].replace("://", f"://{user}:{password.replace(' ', '%20')}@"))
    assert session.client.get_experiment("0").name == "Default"
