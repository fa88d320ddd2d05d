"""MLflow's setting for the whole process, lent to a connection for those of its functions that know no client."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interp_pipeline.tracking.server.session import Session

__all__ = ["lent_to", "settled"]

_VARIABLES = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
_borrowed = threading.RLock()  # held while the setting is lent, and while somebody relies on it


@contextmanager
def settled() -> Iterator[None]:
    """Let the setting be the process's own for the length of the block, whatever other threads log meanwhile."""
    with _borrowed:
        yield


@contextmanager
def lent_to(session: Session) -> Iterator[None]:
    """Let MLflow's own functions write to the server of a connection; ``Model.log`` takes no client.

    One block at a time has the setting. It is put back at the end of the block; where the server is the process's
    own, it only stays as it is.

    Args:
        session: the connection.
    """
    if session.is_of_process:
        with settled():
            yield
        return
    import mlflow
    from mlflow.tracking._model_registry import utils as of_registry
    from mlflow.tracking._tracking_service import utils as of_tracking

    with _borrowed:
        variables = {name: os.environ.get(name) for name in _VARIABLES}
        addresses = of_tracking._tracking_uri, of_registry._registry_uri  # noqa: SLF001 - None only here: not set
        try:
            mlflow.set_tracking_uri(session.tracking_uri)
            mlflow.set_registry_uri(session.registry_uri)
            yield
        finally:
            mlflow.set_tracking_uri(addresses[0])  # type: ignore[arg-type]  # None is its own word for "not set"
            mlflow.set_registry_uri(addresses[1])  # type: ignore[arg-type]  # None is its own word for "not set"
            for name, value in variables.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})
