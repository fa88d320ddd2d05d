"""A server that may be gone is asked once, where MLflow's client asks for minutes."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import mlflow
import pytest

from interp_pipeline.errors import TrackingError
from interp_pipeline.tracking.runs.run_writer import mark_status
from interp_pipeline.tracking.server.ask_once import asked_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Server(ThreadingHTTPServer):
    """Answers as MLflow's REST API does for one version, or refuses everything."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, Any]] = []
        self.status = 200

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, content: Any) -> None:
        self.server.asked.append((self.path.partition("?")[0].removeprefix("/api/2.0/mlflow/"), content))
        version = {"name": "a", "version": "1", "tags": [{"key": "interp.key", "value": "k"}]}
        body = json.dumps({"model_version": version} if self.server.status == 200 else {}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing on the terminal."""


@pytest.fixture
def server() -> Iterator[_Server]:
    """The server, in a thread."""
    with _Server() as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.mark.parametrize("scheme", ["", "interp+"], ids=["own registry", "wrapped registry"])
def test_what_is_told(server: _Server, scheme: str) -> None:
    client = asked_once(mlflow.MlflowClient(server.uri), scheme + server.uri)
    mark_status(client, "a", 1, "failed", key="k", error="why")
    client.set_tag("r", "interp.key", "k")
    client.set_terminated("r", "FAILED")
    version = {"name": "a", "version": "1"}
    assert server.asked[:3] == [
        ("model-versions/get", None),
        ("model-versions/set-tag", {**version, "key": "interp.error", "value": "why"}),
        ("model-versions/set-tag", {**version, "key": "interp.status", "value": "failed"}),
    ]
    assert server.asked[3] == ("runs/set-tag", {"run_id": "r", "key": "interp.key", "value": "k"})
    assert server.asked[4][0] == "runs/update"
    assert server.asked[4][1].items() >= {"run_id": "r", "status": "FAILED"}.items()


def test_a_server_that_is_down_is_asked_once(server: _Server) -> None:
    server.status = 503
    client = asked_once(mlflow.MlflowClient(server.uri), server.uri)
    with pytest.raises(TrackingError):
        mark_status(client, "a", 1, "failed")
    assert [call for call, _ in server.asked] == ["model-versions/get"]


def test_a_database_is_asked_by_its_own_client(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri)
    assert asked_once(client, uri) is client
