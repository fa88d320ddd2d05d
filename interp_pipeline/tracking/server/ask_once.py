"""Short messages to a server that may be gone: asked once and briefly, where MLflow's client would retry for minutes.

MLflow's client takes the number of its tries from the environment, for the whole process. What is said here is said
by the same functions of MLflow's, with its certificates and headers, and other threads keep their patience.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient

__all__ = ["ANSWER_WITHIN_S", "Listener", "ask_server", "asked_once"]

ANSWER_WITHIN_S = 10


class _Tagged(Protocol):
    @property
    def tags(self) -> Mapping[str, str]: ...


class Listener(Protocol):
    """The part of MLflow's client that is told how something went."""

    def get_model_version(self, name: str, version: str) -> _Tagged:
        """A registered version."""

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> object:
        """Set a tag of a registered version."""

    def set_tag(self, run_id: str, key: str, value: str) -> object:
        """Set a tag of a run."""

    def set_terminated(self, run_id: str, status: str) -> object:
        """End a run."""


def asked_once(client: MlflowClient, registry_uri: str) -> Listener:
    """What a client would be told, told with one try of at most 10 seconds.

    Args:
        client: the connection.
        registry_uri: of its registry, as MLflow knows it.

    Returns:
        For servers a client of a few methods; a database is asked once by MLflow's own.
    """
    tracking, registry = _server(str(client.tracking_uri)), _server(registry_uri)
    return _OneTry(tracking, registry) if tracking and registry else client


def ask_server(uri: str, endpoint: str, method: str, **content: Any) -> Any:
    """Ask a server once.

    Args:
        uri: of the server.
        endpoint: path below it.
        method: GET, POST, ...
        content: ``params`` or ``json``, as ``requests`` takes them.

    Returns:
        The answer, whatever its status.

    Raises:
        MlflowException: there was none in time.
    """
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    return http_request(  # type: ignore[no-untyped-call]  # mlflow's own
        get_default_host_creds(uri),  # type: ignore[no-untyped-call]  # mlflow's own
        endpoint,
        method,
        max_retries=0,
        timeout=ANSWER_WITHIN_S,
        raise_on_status=False,
        **content,
    )


def _server(uri: str) -> str:
    """Address of the server behind a URI; empty: there is none."""
    plain = uri.removeprefix("interp+")
    return plain if plain.startswith(("http://", "https://")) else ""


class _Version:
    def __init__(self, content: Mapping[str, Any]) -> None:
        self.tags = {each["key"]: each.get("value", "") for each in content.get("tags", [])}


class _OneTry:
    """The calls of ``Listener`` as MLflow's REST API has them, version 2.0."""

    def __init__(self, tracking: str, registry: str) -> None:
        self._tracking = tracking
        self._registry = registry

    def get_model_version(self, name: str, version: str) -> _Version:
        answer = _asked(self._registry, "model-versions/get", "GET", params={"name": name, "version": version})
        return _Version(answer["model_version"])

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        content = {"name": name, "version": version, "key": key, "value": value}
        _asked(self._registry, "model-versions/set-tag", "POST", json=content)

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        _asked(self._tracking, "runs/set-tag", "POST", json={"run_id": run_id, "key": key, "value": value})

    def set_terminated(self, run_id: str, status: str) -> None:
        from mlflow.utils.time import get_current_time_millis

        content = {"run_id": run_id, "status": status, "end_time": get_current_time_millis()}  # type: ignore[no-untyped-call]  # mlflow's own
        _asked(self._tracking, "runs/update", "POST", json=content)


def _asked(uri: str, call: str, method: str, **content: Any) -> Any:
    from mlflow.utils.rest_utils import verify_rest_response

    endpoint = f"/api/2.0/mlflow/{call}"
    answer = ask_server(uri, endpoint, method, **content)
    return verify_rest_response(answer, endpoint).json()
