"""A connection to MLflow, checked before any work is done."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from interp_pipeline.errors import TrackingError
from interp_pipeline.tracking.answers import first_line, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

__all__ = ["connect", "open_run"]

_ANSWER_WITHIN_S = 10


def connect(tracking_uri: str | None = None) -> MlflowClient:
    """Connect to the tracking server and registry.

    Args:
        tracking_uri: None takes MLflow's own setting (MLFLOW_TRACKING_URI, else a local SQLite file).

    Returns:
        A client of a server that answered.

    Raises:
        TrackingError: nothing answers there. Asked once and briefly, because MLflow's client would
            retry for minutes before saying so.
        UsageError: the server refuses us.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR

    # MLflow would draw one bar per downloaded file across our own.
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)  # type: ignore[no-untyped-call]  # mlflow's own
    if tracking_uri:
        mlflow.set_tracking_uri(tracking_uri)
    uri = mlflow.get_tracking_uri()
    if urlsplit(uri).scheme in {"http", "https"}:
        _ping(uri)
    client = mlflow.MlflowClient()
    with translated(f"connecting to {_without_password(uri)}"), contextlib.suppress(StopIteration):
        client.search_experiments(max_results=1)
    return client


@contextmanager
def open_run(name: str, experiment_id: str | None = None) -> Iterator[str]:
    """Open a run: a child of the active one, the one ``mlflow run`` made for us, or a new one.

    Args:
        name: shown in the runs list; a run that has a name keeps it.
        experiment_id: where a new run goes; None: the active experiment.

    Yields:
        The run's id. The run is marked FAILED when the block raises.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_RUN_ID

    nested = mlflow.active_run() is not None
    given = MLFLOW_RUN_ID.is_set() and not nested  # type: ignore[no-untyped-call]  # mlflow's own
    with translated("starting a run"):
        run = mlflow.start_run(run_name=name, nested=nested, experiment_id=None if given else experiment_id)
    with run:
        yield str(run.info.run_id)


def _ping(uri: str) -> None:
    import requests

    try:
        requests.get(f"{uri.rstrip('/')}/health", timeout=_ANSWER_WITHIN_S)
    except requests.RequestException as error:
        msg = (
            f"no MLflow server answers at {_without_password(uri)} ({first_line(error)[:120]}); "
            "start it, or give another --tracking-uri"
        )
        raise TrackingError(msg) from error


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return uri.replace(f":{parts.password}@", ":***@")
