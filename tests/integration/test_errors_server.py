"""A tracking server that is not there, goes silent, or dies in the middle: bounded in time, in one line."""

from __future__ import annotations

import contextlib
import http.server
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
from harness.command_line import Outcome, interp, interp_process
from harness.loan_store import LoanStore
from harness.process import bare_environment
from harness.s3 import program
from harness.severed_line import severed_line, silent_server
from harness.tracking_server import tracking_server

from interp_pipeline.model_ref import ModelRef
from interp_pipeline.tracking.runs.run_reader import read_published
from interp_pipeline.tracking.server.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.severed_line import SeveredLine

_HANGS_S = 200  # MLflow by itself would try for four minutes and more; a busy machine takes a while for imports alone
_QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}


@contextlib.contextmanager
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give up soon: for the command alone, since a busy machine may keep the test itself waiting."""
    with monkeypatch.context() as variables:
        for name, value in _QUICK.items():
            variables.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoanStore]:
    """A store behind a real server, which keeps the artifacts."""
    folder = tmp_path_factory.mktemp("served")
    database = f"sqlite:///{folder / 'mlflow.db'}"
    with tracking_server(folder, store=database, artifacts=str(folder / "artifacts")) as uri:
        store = LoanStore.create(folder, uri)
        interp_process(
            f"train {store.table} --name loans --n-estimators 5", {"MLFLOW_TRACKING_URI": uri}
        ).require_done()
        yield store


NO_SERVER = [
    ("closed port", "http://127.0.0.1:9", 1, "no MLflow server answers at http://127.0.0.1:9 (Connection refused)"),
    ("password not shown", "http://me:secret@127.0.0.1:9", 1, "no MLflow server answers at http://127.0.0.1:9"),
    ("token not shown", "http://secret@127.0.0.1:9", 1, "no MLflow server answers at http://127.0.0.1:9"),
    ("query not shown", "http://127.0.0.1:9/?token=secret", 1, "no MLflow server answers at http://127.0.0.1:9/"),
    ("no such port", "http://me:secret@127.0.0.1:99999", 2, "http://127.0.0.1:99999 is not an address: its host or"),
    ("no port", "http://me:secret/x@127.0.0.1", 2, "http://127.0.0.1 is not an address: its host or port"),
    ("open bracket", "http://me:secret@[::1", 2, "http://[::1 is not an address: its host or port cannot be read"),
    ("login without a host", "http://me:secret@/x", 2, "http:///x names no host: write http://host:port"),
    (
        "no port of a database",
        "postgresql://me:secret@h:9x/y",
        2,
        "postgresql://h:9x/y is not the address of a",
    ),
    ("no such host", "http://nowhere.invalid", 1, "no MLflow server answers at http://nowhere.invalid ("),
    ("no host", "http://", 2, "http:// names no host: write http://host:port"),
    ("no scheme", "127.0.0.1:5000", 2, "127.0.0.1:5000 is a folder, and MLflow keeps runs in a server or database"),
    ("unknown scheme", "nonsense://x", 2, "nonsense://x is not an address MLflow knows: write http://host:port"),
    (
        "no database server",
        "postgresql://me:secret@127.0.0.1:9/x",
        1,
        "postgresql://127.0.0.1:9/x: the tracking",
    ),
]


@pytest.mark.parametrize(("uri", "code", "fragment"), [case[1:] for case in NO_SERVER], ids=[c[0] for c in NO_SERVER])
@pytest.mark.parametrize("command", ["train", "explain models:/loans/1", "compare models:/loans/1 models:/loans/2"])
def test_no_server(command: str, uri: str, code: int, fragment: str) -> None:
    started = time.monotonic()
    line = interp(f"{command} --tracking-uri {uri}").require_error(code, fragment)
    assert time.monotonic() - started < _HANGS_S
    assert "secret" not in line


def test_the_command_ends_soon_without_a_server() -> None:
    started = time.monotonic()
    outcome = interp_process("train", {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})
    assert outcome.require_error(1, "no MLflow server answers at http://127.0.0.1:9") == outcome.stderr.strip()
    assert time.monotonic() - started < _HANGS_S


def test_a_server_that_accepts_and_never_answers() -> None:
    started = time.monotonic()
    with silent_server() as uri:
        interp(f"train --tracking-uri {uri}").require_error(1, f"no MLflow server answers at {uri} (no answer in time)")
    assert time.monotonic() - started < _HANGS_S


def test_a_server_that_is_not_mlflow() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        interp(f"train --tracking-uri {uri}").require_error(1, f"connecting to {uri}: ")
        server.shutdown()


TRAINING = [
    ("opening the run", "cut", b"POST /api/2.0/mlflow/runs/create", "starting a run: "),
    ("writing artifacts", "cut", b"PUT /api/2.0/mlflow-artifacts/", "writing artifacts of run "),
    ("logging the model", "silent", b"POST /api/2.0/mlflow/logged-models ", "logging the model for 'broken'"),
    ("registering the model", "cut", b"POST /api/2.0/mlflow/registered-models/create", "registering 'broken'"),
    ("registering the version", "silent", b"POST /api/2.0/mlflow/model-versions/create", "registering 'broken'"),
]


@pytest.mark.parametrize(("how", "at", "fragment"), [case[1:] for case in TRAINING], ids=[case[0] for case in TRAINING])
def test_a_server_lost_while_training(
    served: LoanStore, monkeypatch: pytest.MonkeyPatch, how: str, at: bytes, fragment: str
) -> None:
    versions, runs = served.versions(), set(served.statuses())
    with _impatient(monkeypatch), severed_line(served.uri, at, how) as line:  # type: ignore[arg-type]  # plain texts
        command = f"train {served.table} --name broken --n-estimators 2 --tracking-uri {line.uri}"
        said = interp(command).require_error(1, fragment, f"{line.uri} does not answer (", "check that it runs")
        assert line.reached.is_set()
    assert served.versions() == versions
    left = {status for run, status in served.statuses().items() if run not in runs}
    if how == "silent":  # all other requests are answered
        assert left == {"FAILED"}
    elif left:  # nobody could be told, and the line says so
        assert "could not be marked as failed either" in said


EXPLAINING = [
    ("finding the version", "cut", b"/model-versions/get", "reading models:/loans/1: "),
    ("fetching the model", "silent", b"GET /api/2.0/mlflow-artifacts/artifacts/", "downloading models:/loans/1: "),
    ("taking the manifest away", "cut", b"DELETE /api/2.0/mlflow-artifacts/", "deleting artifacts of run "),
    ("writing the first file", "cut", b"PUT /api/2.0/mlflow-artifacts/", "writing artifacts of run "),
    ("writing the manifest", "silent", b"explanations/model/manifest.json HTTP", "artifacts of run "),
    ("logging metrics", "silent", b"POST /api/2.0/mlflow/runs/log-batch", "logging metrics of run "),
]


@pytest.mark.parametrize(("how", "at", "fragment"), [c[1:] for c in EXPLAINING], ids=[c[0] for c in EXPLAINING])
def test_a_server_lost_while_explaining(
    served: LoanStore, monkeypatch: pytest.MonkeyPatch, how: str, at: bytes, fragment: str
) -> None:
    """What a reader finds afterwards is whole, or is nothing."""
    served_tags = served.client.get_model_version("loans", "1").tags
    if "interp.status" not in served_tags:
        interp(f"explain models:/loans/1 --rows 4 --tracking-uri {served.uri}").require_done()
    with _impatient(monkeypatch), severed_line(served.uri, at, how) as line:  # type: ignore[arg-type]  # plain texts
        command = f"explain models:/loans/1 --rows 4 --tracking-uri {line.uri}"
        interp(command).require_error(1, fragment, f"{line.uri} does not answer (", "check that it runs")
        assert line.reached.is_set()
    version = resolve(served.client, ModelRef.parse("models:/loans/1"))
    read_published(served.client, version)  # verifies every file, or finds no manifest
    tags = served.client.get_model_version("loans", "1").tags
    if how == "silent" and "artifacts" in fragment:
        assert tags["interp.status"] == "failed"
        assert "does not answer" in tags["interp.error"]


def test_explaining_again_mends_what_a_lost_server_left(served: LoanStore) -> None:
    interp(f"explain models:/loans/1 --rows 4 --tracking-uri {served.uri}").require_done()
    tags = served.client.get_model_version("loans", "1").tags
    assert tags["interp.status"] == "done"
    assert "interp.error" not in tags
    assert read_published(served.client, resolve(served.client, ModelRef.parse("models:/loans/1"))) is not None


def test_a_server_that_dies_is_given_half_a_minute_to_come_back(served: LoanStore) -> None:
    """The default of MLflow's client would be four minutes for every single call."""
    started = time.monotonic()
    with severed_line(served.uri, b"POST /api/2.0/mlflow/registered-models/create", "cut") as line:
        environment = {"MLFLOW_TRACKING_URI": line.uri}
        outcome = interp_process(f"train {served.table} --name broken --n-estimators 2", environment)
        outcome.require_error(1, "registering 'broken'", "could not be marked as failed either (Connection refused)")
    assert 20 < time.monotonic() - started < _HANGS_S


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_training_leaves_a_failed_run_and_no_version(
    served: LoanStore, number: signal.Signals, code: int
) -> None:
    versions, runs = served.versions(), set(served.statuses())
    with severed_line(served.uri, b"POST /api/2.0/mlflow/registered-models/create", "silent") as line:
        outcome = _interrupted(served, line, number)
    outcome.require_error(code, f"interrupted by {number.name}")
    assert served.versions() == versions
    assert {status for run, status in served.statuses().items() if run not in runs} == {"FAILED"}


def _interrupted(served: LoanStore, line: SeveredLine, number: signal.Signals) -> Outcome:
    """Train until the model is about to be registered, and send the signal then."""
    command = [program("interp"), "train", str(served.table), "--name", "broken", "--n-estimators", "2"]
    process = subprocess.Popen(
        command,
        env=bare_environment({"MLFLOW_TRACKING_URI": line.uri}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert line.reached.wait(120)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    return Outcome(code=process.returncode, stdout=stdout, stderr=stderr)
