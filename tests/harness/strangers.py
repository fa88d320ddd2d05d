"""Versions as strangers register them by plain calls of MLflow, and what a worker fetches of them."""

from __future__ import annotations

import contextlib
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.sessions import session_of, version_of
from harness.zoo import REQUIRED, measurements
from sklearn.tree import DecisionTreeRegressor

from interp_pipeline.config import ExplainConfig
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.fetch import Fetched, fetch
from interp_pipeline.tracking.sources.policy import SourcePolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow import MlflowClient

__all__ = [
    "CONFIG",
    "MODEL",
    "NUMBERS",
    "TABLE",
    "Said",
    "fetch_version",
    "listening",
    "log_model",
    "model_files",
    "new_name",
    "registered",
]

NUMBERS = [f"m{i}" for i in range(5)]
TABLE = measurements()
MODEL = DecisionTreeRegressor(max_depth=4, random_state=0).fit(TABLE[NUMBERS], TABLE["amount"])
CONFIG = ExplainConfig(rows=5, methods=("shap",))


class Said(SilentProgress):
    """Keeps what was said."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        """Keep a line."""
        self.lines.append(message)


def new_name() -> str:
    """A name that no registered model has."""
    return f"model-{uuid.uuid4().hex[:8]}"


def log_model(**options: Any) -> Callable[[str], Any]:
    """Logs a model with an input example of 40 rows, under the registered name it is given."""
    import mlflow

    example = {"input_example": TABLE[NUMBERS].head(40)}
    chosen = {"serialization_format": "cloudpickle", **REQUIRED, **example, **options}
    return lambda name: mlflow.sklearn.log_model(MODEL, name="model", registered_model_name=name, **chosen)


def registered(client: MlflowClient, source: str, run_id: str | None = None) -> str:
    """A version of any source, as any client can register it."""
    name = new_name()
    client.create_registered_model(name)
    client.create_model_version(name, source, run_id)
    return f"models:/{name}/1"


def model_files(client: MlflowClient, uri: str) -> Path:
    """The folder with a version's model files, in a local store."""
    name, number = uri.removeprefix("models:/").split("/")
    return Path(client.get_model_version_download_uri(name, number).removeprefix("file://"))


def fetch_version(client: MlflowClient, uri: str, folder: Path, **options: Any) -> Fetched:
    """What a worker fetches of a version, into a new folder in the given one."""
    chosen: dict[str, Any] = {"data": None, "policy": SourcePolicy(), "progress": SilentProgress(), **options}
    place = folder / uuid.uuid4().hex
    place.mkdir()
    return fetch(session_of(client), version_of(client, uri), CONFIG, place, **chosen)


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A web server that must not be asked: its address, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
