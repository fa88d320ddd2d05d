"""The receiver of webhooks on a real port, over a real job table; and a sender that signs, or lies, as told.

As a program of its own (arguments: port, job table) it is what the memory of a worker's HTTP side is measured on.
"""

from __future__ import annotations

import json
import secrets
import signal
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from mlflow_plugin.jobs import JobTable
from mlflow_plugin.metrics import Metrics
from mlflow_plugin.settings import WebhookSecrets
from mlflow_plugin.worker_http.app import create_app
from mlflow_plugin.worker_http.server import serve_in_background
from mlflow_plugin.worker_http.signature import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["OLD_SECRET", "SECRET", "Receiver", "event", "receiver", "send_raw", "signed_headers"]

SECRET = "a secret both sides know"
OLD_SECRET = "the secret before that one"
_ROUTE = "/webhooks/mlflow"


def event(name: str = "credit", version: int = 1, **changes: Any) -> bytes:
    """The body MLflow sends for a new version."""
    data = {"name": name, "version": str(version), "source": "models:/m-1", "run_id": None, "tags": {}}
    whole = {"entity": "model_version", "action": "created", "timestamp": "2026-01-01T00:00:00+00:00", "data": data}
    return json.dumps({**whole, **changes}).encode()


def signed_headers(
    body: bytes, *, secret: str = SECRET, delivery_id: str | None = None, age_s: int = 0
) -> dict[str, str]:
    """The headers MLflow sends with a body it signed ``age_s`` seconds ago."""
    delivery_id, timestamp = delivery_id or secrets.token_hex(8), str(int(time.time()) - age_s)
    return {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": timestamp,
        "X-MLflow-Signature": sign(secret, delivery_id, timestamp, body),
    }


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A running receiver."""

    uri: str
    table: JobTable

    @property
    def url(self) -> str:
        """Where deliveries go."""
        return f"{self.uri}{_ROUTE}"

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Send a body with its signature, or with the headers that are given; status and outcome."""
        answer = requests.post(
            self.url, data=body, headers=signed_headers(body) if headers is None else headers, timeout=60
        )
        return answer.status_code, answer.json()["outcome"]

    def noted(self) -> list[tuple[str, int, str]]:
        """What stands in the job table now; it is taken away."""
        return [(note.name, note.version, note.workspace) for note in self.table.take_notes()]


@contextmanager
def receiver(
    jobs_uri: str, *, not_ready: Callable[[], str] = lambda: "", patience_s: float = 10.0, secret: str = SECRET
) -> Iterator[Receiver]:
    """Run a receiver for the length of the block."""
    table, metrics = JobTable.open(jobs_uri, patience_s=patience_s), Metrics()
    metrics.watch_jobs(table)
    known = WebhookSecrets(current=secret, previous=OLD_SECRET)
    app = create_app(note=table.note, not_ready=not_ready, secrets=known, metrics=metrics)
    with serve_in_background(app, "127.0.0.1", 0) as uri:
        yield Receiver(uri=uri, table=table)
    table.close()


def send_raw(uri: str, parts: Iterable[bytes]) -> bytes:
    """Send bytes to a server until it will have no more, and return all it says until it hangs up."""
    parsed = urlsplit(uri)
    with socket.create_connection((parsed.hostname or "", parsed.port or 80), timeout=60) as line:
        try:
            for part in parts:
                line.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has hung up: what it said before that is still there to be read
        said = b""
        try:
            while part := line.recv(65536):
                said += part
        except ConnectionResetError:
            pass  # as before
        return said


def _main(port: str, jobs_uri: str) -> None:
    table = JobTable.open(jobs_uri)
    app = create_app(note=table.note, not_ready=lambda: "", secrets=WebhookSecrets(current=SECRET), metrics=Metrics())
    with serve_in_background(app, "127.0.0.1", int(port)):
        signal.pause()


if __name__ == "__main__":
    _main(*sys.argv[1:])
