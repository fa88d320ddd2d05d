"""A real MLflow server on this machine."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

import requests
from harness.process import bare_environment, free_ports, running
from harness.s3 import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["ADMIN", "add_user", "guarded_server", "tracking_server"]

ADMIN = "admin", "a password of tests"  # of every guarded server

# Six further processes per server for background jobs of MLflow's, which nothing here uses.
_WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@contextlib.contextmanager
def tracking_server(
    folder: Path,
    *,
    store: str,
    artifacts: str,
    proxied: bool = True,
    registry: str | None = None,
    workers: int = 1,
    port: int | None = None,
    app: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Run ``mlflow server`` for the length of the block.

    Args:
        folder: an existing folder for its log.
        store: SQLAlchemy URI of the database for runs and registry.
        artifacts: folder or ``s3://`` URI where artifacts go.
        proxied: clients send artifacts to the server, which holds the credentials; otherwise they go
            to the storage themselves with their own.
        registry: URI of the registry's store, where it is not ``store``.
        workers: processes that answer.
        port: to listen at, for a server that comes back where it was; None: any that is free.
        app: MLflow's app that answers, such as ``basic-auth``; None: its own.
        environment: further variables for the server, such as storage credentials.

    Yields:
        The tracking URI.
    """
    port = port or free_ports(1)[0]
    uri = f"http://127.0.0.1:{port}"
    place = ["--artifacts-destination", artifacts]
    if not proxied:
        place = ["--no-serve-artifacts", "--default-artifact-root", artifacts]
    command = [
        *(program("mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)),
        *("--backend-store-uri", store),
        *(("--registry-store-uri", registry) if registry else ()),
        *(("--app-name", app) if app else ()),
        *place,
    ]
    with running(
        command,
        ready=lambda: _is_healthy(uri),
        log=folder / f"mlflow-{port}.log",
        environment=bare_environment({**_WITHOUT_JOBS, **(environment or {})}),
    ):
        yield uri


@contextlib.contextmanager
def guarded_server(folder: Path) -> Iterator[str]:
    """Run ``mlflow server`` with basic-auth: who was granted nothing may do nothing.

    Args:
        folder: an existing folder for databases, artifacts and log.

    Yields:
        The tracking URI.
    """
    settings = folder / "basic_auth.ini"
    settings.write_text(
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder / 'users.db'}\n"
        f"admin_username = {ADMIN[0]}\n"
        f"admin_password = {ADMIN[1]}\n"
        "auth_cache_ttl_seconds = 60\n"  # else every request costs a slow hash of its password
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    variables = {"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16)}
    store, artifacts = f"sqlite:///{folder / 'mlflow.db'}", str(folder / "artifacts")
    with tracking_server(folder, store=store, artifacts=artifacts, app="basic-auth", environment=variables) as uri:
        yield uri


def add_user(uri: str, name: str, password: str) -> None:
    """Make a user of a guarded server, who may use its default experiment as every user of a team would."""
    content = {"username": name, "password": password}
    requests.post(f"{uri}/api/2.0/mlflow/users/create", json=content, auth=ADMIN, timeout=30).raise_for_status()
    grant = {"username": name, "resource_type": "experiment", "resource_id": "0", "permission": "EDIT"}
    url = f"{uri}/api/3.0/mlflow/users/permissions/grant"
    requests.post(url, json=grant, auth=ADMIN, timeout=30).raise_for_status()


def _is_healthy(uri: str) -> bool:
    try:
        return requests.get(f"{uri}/health", timeout=5).ok
    except requests.RequestException:
        return False  # not up yet: asked again until the deadline
