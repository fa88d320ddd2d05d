"""The registry stores that announce new versions: MLflow's own in everything, and never in anybody's way."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pytest
from harness.process import bare_environment
from harness.severed_line import silent_server
from harness.tracking_server import tracking_server
from harness.zoo import REQUIRED
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression

from mlflow_plugin.jobs import JobTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.postgres import Postgres

_DEADLINE_S = 300.0
_HELD_UP_S = 150.0  # forty registrations that wait for the table would take longer; a busy machine needs some seconds
EVERY_WAY = {("credit", 1, ""), ("credit", 2, ""), ("plain", 1, ""), ("copied", 1, "")}


@pytest.fixture(scope="module")
def announcing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server of two processes whose registry announces; its address, and that of the job table."""
    folder = tmp_path_factory.mktemp("announcing")
    store, jobs = (f"sqlite:///{folder / name}" for name in ("mlflow.db", "jobs.db"))
    with tracking_server(
        folder,
        store=store,
        artifacts=str(folder / "artifacts"),
        registry=f"interp+{store}",
        workers=2,
        environment={"INTERP_JOBS_URI": jobs},
    ) as uri:
        yield uri, jobs


def _use(tracking_uri: str, registry_uri: str | None = None) -> MlflowClient:
    """Point this process to a store the way a person does."""
    os.environ["MLFLOW_TRACKING_URI"] = tracking_uri
    if registry_uri is not None:
        os.environ["MLFLOW_REGISTRY_URI"] = registry_uri
    return MlflowClient()


def _register_in_every_way(client: MlflowClient, prefix: str = "") -> None:
    """Make versions by every call MLflow has for it, and use them by every name they have."""
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    options: dict[str, Any] = {"serialization_format": "cloudpickle", **REQUIRED}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(?s).*pickle")
        warnings.filterwarnings("ignore", message=".*(signature|Any type hint)")
        with mlflow.start_run() as run:
            logged = mlflow.sklearn.log_model(model, name="model", registered_model_name=f"{prefix}credit", **options)
        second = mlflow.register_model(logged.model_uri, f"{prefix}credit")
        client.create_registered_model(f"{prefix}plain")
        client.create_model_version(f"{prefix}plain", logged.model_uri, model_id=logged.model_id)
        client.copy_model_version(f"models:/{prefix}credit/1", f"{prefix}copied")
        mlflow.genai.register_prompt(f"{prefix}greeting", "Hello {{name}}")  # a version of a model, to the registry
        assert second.run_id == run.info.run_id
        assert f"{prefix}credit" in client.get_logged_model(logged.model_id).tags["mlflow.modelVersions"]
        client.set_registered_model_alias(f"{prefix}credit", "best", "2")
        for uri in (f"models:/{prefix}credit/1", f"models:/{prefix}credit@best", f"models:/{prefix}copied/1"):
            np.testing.assert_allclose(mlflow.sklearn.load_model(uri).predict([[2.0]]), [4.0])
            np.testing.assert_allclose(mlflow.pyfunc.load_model(uri).predict([[2.0]]), [4.0])


def _notes(jobs_uri: str, prefix: str = "") -> set[tuple[str, int, str]]:
    table = JobTable.open(jobs_uri)
    notes = {(note.name.removeprefix(prefix), note.version, note.workspace) for note in table.take_notes()}
    table.close()
    return notes


def test_in_a_sqlite_store(tmp_path: Path) -> None:
    store, jobs = (f"sqlite:///{tmp_path / name}" for name in ("mlflow.db", "jobs.db"))
    os.environ["INTERP_JOBS_URI"] = jobs
    _register_in_every_way(_use(store, f"interp+{store}"))
    assert _notes(jobs) == EVERY_WAY


def test_in_a_postgresql_store_with_the_jobs_beside_it(postgres: Postgres) -> None:
    store, jobs = postgres.new_database(), postgres.new_database()
    os.environ["INTERP_JOBS_URI"] = jobs
    _register_in_every_way(_use(store, f"interp+{store}"))
    assert _notes(jobs) == EVERY_WAY


def test_on_the_clients_side_of_a_server(announcing_server: tuple[str, str], tmp_path: Path) -> None:
    server, _ = announcing_server
    jobs = f"sqlite:///{tmp_path / 'jobs.db'}"
    os.environ["INTERP_JOBS_URI"] = jobs
    _register_in_every_way(_use(server, f"interp+{server}"), "there-")
    assert _notes(jobs, "there-") == EVERY_WAY


def test_behind_a_server_for_clients_that_know_nothing_of_it(announcing_server: tuple[str, str]) -> None:
    server, jobs = announcing_server
    _notes(jobs)
    _register_in_every_way(_use(server), "behind-")
    assert _notes(jobs, "behind-") == EVERY_WAY


def test_behind_a_server_many_registrations_at_once_all_leave_a_note(announcing_server: tuple[str, str]) -> None:
    server, jobs = announcing_server
    client = _use(server)
    client.create_registered_model("busy")
    with mlflow.start_run() as run:
        source = f"{run.info.artifact_uri}/model"
    _notes(jobs)
    program = (
        "import sys, mlflow\n"
        "client = mlflow.MlflowClient(sys.argv[1])\n"
        "for _ in range(5): client.create_model_version('busy', *sys.argv[2:])\n"
    )
    command = [sys.executable, "-c", program, server, source, run.info.run_id]
    writers = [subprocess.Popen(command, env=bare_environment()) for _ in range(4)]
    assert [writer.wait(_DEADLINE_S) for writer in writers] == [0] * 4
    assert _notes(jobs) == {("busy", version, "") for version in range(1, 21)}


def test_without_settings_notes_go_where_the_worker_of_that_store_looks(tmp_path: Path) -> None:
    from mlflow_plugin.settings import load_settings

    os.environ["XDG_STATE_HOME"] = str(tmp_path / "state")
    client = _use("sqlite:///mlflow.db", "interp+sqlite:///mlflow.db")
    client.create_registered_model("credit")
    client.create_model_version("credit", str(tmp_path))
    assert _notes(load_settings(None).jobs_uri_for(f"sqlite:///{tmp_path / 'mlflow.db'}")) == {("credit", 1, "")}


def test_in_a_workspace_the_note_names_it(tmp_path: Path) -> None:
    from mlflow.utils.workspace_context import WorkspaceContext

    store, jobs = (f"sqlite:///{tmp_path / name}" for name in ("mlflow.db", "jobs.db"))
    os.environ.update({"INTERP_JOBS_URI": jobs, "MLFLOW_ENABLE_WORKSPACES": "true"})
    client = _use(store, f"interp+{store}")
    for workspace in ("default", "team-a"):
        with WorkspaceContext(workspace):
            client.create_registered_model("credit")
            client.create_model_version("credit", str(tmp_path))
    assert _notes(jobs) == {("credit", 1, ""), ("credit", 1, "team-a")}


@contextlib.contextmanager
def _closed_port(_folder: Path) -> Iterator[str]:
    yield "postgresql+psycopg2://me:secret@127.0.0.1:9/jobs"


@contextlib.contextmanager
def _hanging_port(_folder: Path) -> Iterator[str]:
    with silent_server() as server:
        yield f"postgresql+psycopg2://me:secret@{server.removeprefix('http://')}/jobs"


@contextlib.contextmanager
def _no_right(_folder: Path) -> Iterator[str]:
    yield "sqlite:////proc/interp/jobs.db"  # nobody may write there, root included


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[str]:
    JobTable.open(f"sqlite:///{folder / 'jobs.db'}").close()
    with contextlib.closing(sqlite3.connect(folder / "jobs.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield f"sqlite:///{folder / 'jobs.db'}"


@contextlib.contextmanager
def _damaged(folder: Path) -> Iterator[str]:
    (folder / "jobs.db").write_bytes(b"no database " * 1000)
    yield f"sqlite:///{folder / 'jobs.db'}"


@contextlib.contextmanager
def _no_address(_folder: Path) -> Iterator[str]:
    yield "me:secret@nowhere"


@pytest.mark.parametrize("broken", [_closed_port, _hanging_port, _no_right, _locked, _damaged, _no_address])
def test_a_job_table_out_of_reach_costs_one_warning(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    broken: Callable[[Path], contextlib.AbstractContextManager[str]],
) -> None:
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with broken(tmp_path) as jobs_uri:
        os.environ["INTERP_JOBS_URI"] = jobs_uri
        client = _use(store, f"interp+{store}")
        client.create_registered_model("credit")
        began = time.monotonic()
        versions = [client.create_model_version("credit", str(tmp_path)).version for _ in range(40)]
        assert versions == list(range(1, 41))
        assert time.monotonic() - began < _HELD_UP_S
        while not _warnings(caplog):
            assert time.monotonic() - began < _DEADLINE_S
            time.sleep(0.05)
    (warning,) = _warnings(caplog)
    assert "a new version is registered but was not announced" in warning
    assert "secret" not in warning
    assert "\n" not in warning
    assert len(client.search_model_versions("name='credit'")) == 40


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "interp.registry_store"]


def test_a_program_that_registers_and_ends_is_not_kept_by_a_hanging_table(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    program = (
        "import sys, mlflow\n"
        "client = mlflow.MlflowClient(sys.argv[1], 'interp+' + sys.argv[1])\n"
        "client.create_registered_model('credit')\n"
        "print(client.create_model_version('credit', '/nowhere').version)\n"
    )
    with silent_server() as server:
        jobs = f"postgresql+psycopg2://me:secret@{server.removeprefix('http://')}/jobs"
        done = subprocess.run(
            [sys.executable, "-c", program, store],
            env=bare_environment({"INTERP_JOBS_URI": jobs}),
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEADLINE_S,
        )
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("broken", "scheme", "said"),
    [
        ("mlflow_plugin", "", 'Failure attempting to register store for scheme "interp+sqlite"'),
        ("interp_pipeline", "interp+", "are not announced to the workers"),
        ("mlflow_plugin.jobs", "interp+", "a new version is registered but was not announced"),
    ],
)
def test_mlflow_works_where_our_imports_are_broken(tmp_path: Path, broken: str, scheme: str, said: str) -> None:
    program = (
        "import sys; sys.modules[sys.argv[1]] = None\n"  # importing it raises ImportError
        "import mlflow\n"
        "mlflow.set_tracking_uri(sys.argv[2]); mlflow.set_registry_uri(sys.argv[3] + sys.argv[2])\n"
        "client = mlflow.MlflowClient()\n"
        "client.create_registered_model('credit')\n"
        "print(client.create_model_version('credit', '/nowhere').version)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, broken, f"sqlite:///{tmp_path / 'mlflow.db'}", scheme],
        env=bare_environment({"XDG_STATE_HOME": str(tmp_path)}),
        capture_output=True,
        text=True,
        check=False,
        timeout=_DEADLINE_S,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr
    assert said in done.stderr
