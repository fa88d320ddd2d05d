"""A real MLflow server on this machine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import requests
from harness.process import bare_environment, free_ports, running
from harness.s3 import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["tracking_server"]

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
        *place,
    ]
    with running(
        command,
        ready=lambda: _is_healthy(uri),
        log=folder / f"mlflow-{port}.log",
        environment=bare_environment({**_WITHOUT_JOBS, **(environment or {})}),
    ):
        yield uri


def _is_healthy(uri: str) -> bool:
    try:
        return requests.get(f"{uri}/health", timeout=5).ok
    except requests.RequestException:
        return False  # not up yet: asked again until the deadline
