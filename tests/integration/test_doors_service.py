"""Health, readiness and metrics beside a worker, on a real port."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests
from harness.webhook_receiver import receiver, send_raw

from interp_pipeline.errors import TrackingError, UsageError
from mlflow_plugin.metrics import Metrics
from mlflow_plugin.settings import WebhookSecrets
from mlflow_plugin.worker_http import app as service_app
from mlflow_plugin.worker_http import server
from mlflow_plugin.worker_http.app import create_app
from mlflow_plugin.worker_http.server import serve_in_background

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from harness.webhook_receiver import Receiver


@pytest.fixture
def running_receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiver(f"sqlite:///{tmp_path / 'jobs.db'}") as found:
        yield found


def _app(not_ready: Callable[[], str] = lambda: "", **options: bool) -> FastAPI:
    def note(_name: str, _version: int, _workspace: str) -> None:
        msg = "a defect"
        raise ValueError(msg)

    return create_app(note=note, not_ready=not_ready, secrets=WebhookSecrets(current="s"), metrics=Metrics(), **options)


def test_it_tells_whether_it_lives(running_receiver: Receiver) -> None:
    answer = requests.get(f"{running_receiver.uri}/healthz", timeout=60)
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_it_is_ready_until_there_is_a_reason() -> None:
    reasons: list[str | Exception] = [
        "",
        "the last good scan of the registry is 200 s old",
        TrackingError("db.internal"),
    ]

    def not_ready() -> str:
        reason = reasons.pop(0)
        if isinstance(reason, Exception):
            raise reason
        return reason

    with serve_in_background(_app(not_ready), "127.0.0.1", 0) as uri:
        said = [requests.get(f"{uri}/readyz", timeout=60) for _ in range(3)]
    assert [(answer.status_code, answer.text) for answer in said] == [
        (200, "ready\n"),
        (503, "the last good scan of the registry is 200 s old\n"),
        (503, "the job table does not answer\n"),
    ]


def test_a_probe_that_hangs_is_answered_and_keeps_no_other_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_app, "_PROBE_WITHIN_S", 0.2)
    let_go = threading.Event()

    def hang() -> str:
        let_go.wait(60)
        return ""

    with serve_in_background(_app(hang), "127.0.0.1", 0) as uri:
        for _ in range(6):  # more than there are threads
            assert requests.get(f"{uri}/readyz", timeout=60).status_code == 503
        assert requests.get(f"{uri}/healthz", timeout=60).ok
        let_go.set()


def test_metrics_hold_the_job_table(running_receiver: Receiver) -> None:
    answer = requests.get(f"{running_receiver.uri}/metrics", timeout=60)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'interp_jobs{state="pending"} 0.0' in answer.text
    assert "interp_job_table_up 1.0" in answer.text


def test_metrics_can_be_left_out() -> None:
    with serve_in_background(_app(show_metrics=False), "127.0.0.1", 0) as uri:
        assert requests.get(f"{uri}/metrics", timeout=60).status_code == 404
        assert requests.get(f"{uri}/healthz", timeout=60).ok


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/healthz/", 404),
        ("GET", "/webhooks/mlflow", 405),
        ("POST", "/healthz", 405),
        ("POST", "/metrics", 405),
        ("GET", "/../etc/passwd", 404),
        ("OPTIONS", "/webhooks/mlflow", 405),
    ],
)
def test_nothing_else_answers(running_receiver: Receiver, method: str, path: str, expected: int) -> None:
    assert requests.request(method, f"{running_receiver.uri}{path}", timeout=60).status_code == expected


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nowhere", "/webhooks/mlflow"])
def test_every_answer_is_of_no_use_to_a_browser_and_names_no_program(running_receiver: Receiver, path: str) -> None:
    headers = requests.get(f"{running_receiver.uri}{path}", timeout=60).headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Connection"] == "close"
    assert "Server" not in headers


def test_a_defect_is_told_to_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    def not_ready() -> str:
        msg = "postgresql://me:secret@db"
        raise ValueError(msg)

    with serve_in_background(_app(not_ready), "127.0.0.1", 0) as uri:
        answer = requests.get(f"{uri}/readyz", timeout=60)
    assert answer.status_code == 500
    assert answer.json() == {"error": "internal error; the worker's log says more"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.name == "interp.service"
    assert record.exc_info is not None


def test_a_caller_that_asks_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HEADERS_WITHIN_S", 0.2)
    with serve_in_background(_app(), "127.0.0.1", 0) as uri:
        for said in ([], [b"GET /healthz HTTP/1.1\r\nHost: wor"]):
            assert send_raw(uri, said) == b""
        assert requests.get(f"{uri}/healthz", timeout=60).ok


def test_what_is_no_http_is_answered_and_endless_headers_are_cut_off(running_receiver: Receiver) -> None:
    assert send_raw(running_receiver.uri, [b"\x16\x03\x01 hello\r\n\r\n"]).startswith(b"HTTP/1.1 400 ")
    endless = [b"GET /healthz HTTP/1.1\r\n", *(b"X-%d: %s\r\n" % (i, b"x" * 1000) for i in range(1000))]
    assert b" 200 " not in send_raw(running_receiver.uri, endless)[:20]
    assert requests.get(f"{running_receiver.uri}/healthz", timeout=60).ok


def test_a_taken_port_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        expected = f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another address and port"
        with pytest.raises(UsageError, match=expected), serve_in_background(_app(), "127.0.0.1", port):
            pytest.fail("it cannot be served there")


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_of_another_machine_is_told_in_one_line(host: str) -> None:
    with pytest.raises(UsageError, match=f"cannot listen on {host}:1"), serve_in_background(_app(), host, 1):
        pytest.fail("it cannot be served there")


def test_after_the_end_the_port_is_free_again_and_the_thread_gone() -> None:
    with serve_in_background(_app(), "127.0.0.1", 0) as uri:
        port = urlsplit(uri).port or 0
        assert requests.get(f"{uri}/healthz", timeout=60).ok
    assert not [thread for thread in threading.enumerate() if thread.name == "interp-service"]
    with serve_in_background(_app(), "127.0.0.1", port) as uri:
        assert requests.get(f"{uri}/healthz", timeout=60).ok


def test_what_is_being_answered_at_the_end_is_answered() -> None:
    asked = threading.Event()

    def slow() -> str:
        asked.set()
        time.sleep(1.0)
        return ""

    answers: list[int] = []
    with serve_in_background(_app(slow), "127.0.0.1", 0) as uri:
        caller = threading.Thread(target=lambda: answers.append(requests.get(f"{uri}/readyz", timeout=60).status_code))
        caller.start()
        assert asked.wait(60)
    caller.join()
    assert answers == [200]


def test_it_listens_on_every_address_where_none_is_given() -> None:
    with serve_in_background(_app(), "", 0) as uri:
        assert requests.get(f"http://127.0.0.1:{urlsplit(uri).port}/healthz", timeout=60).ok


@contextmanager
def _connections(uri: str, count: int, said: bytes) -> Iterator[list[socket.socket]]:
    """Connections whose callers have said so much and say no more."""
    parts = urlsplit(uri)
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(stack.enter_context(socket.create_connection((str(parts.hostname), parts.port or 0), 60)))
            opened[-1].sendall(said)
        yield opened


@pytest.mark.parametrize("said", [b"", b"GET /healthz HT"], ids=["nothing", "half a head"])
def test_probes_are_let_in_however_many_connections_are_idle(said: bytes) -> None:
    with serve_in_background(_app(), "127.0.0.1", 0) as uri, _connections(uri, 260, said) as opened:
        for path in ("/healthz", "/readyz", "/healthz"):
            assert requests.get(f"{uri}{path}", timeout=60).status_code == 200
        with suppress(ConnectionResetError):
            assert opened[0].recv(1) == b""  # who has waited longest was hung up on
        opened[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            opened[-1].recv(1)


def test_probes_are_let_in_however_many_deliveries_are_slow(running_receiver: Receiver) -> None:
    head = "POST /webhooks/mlflow HTTP/1.1\r\nHost: worker\r\nContent-Length: 500\r\nX-MLflow-Delivery-Id: 1\r\n"
    head += f"X-MLflow-Timestamp: {int(time.time())}\r\nX-MLflow-Signature: v1,x\r\n\r\n"
    with _connections(running_receiver.uri, 230, head.encode()):
        for path in ("/healthz", "/readyz"):
            assert requests.get(f"{running_receiver.uri}{path}", timeout=60).text in {"ok\n", "ready\n"}
        answer = requests.get(f"{running_receiver.uri}/metrics", timeout=60)
    assert answer.status_code == 503
    assert answer.json() == {"error": "too many requests are under way; send it again"}
