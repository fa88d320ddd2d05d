"""A connection to MLflow, checked before any work is done, and the runs opened through it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from interp_pipeline.addresses import is_readable, scheme_of, without_secrets
from interp_pipeline.errors import TrackingError, UsageError
from interp_pipeline.installing import install_command
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.server.translate_errors import no_answer_reason, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow import MlflowClient

    from interp_pipeline.tracking.server.registry import RegisteredVersion

__all__ = ["active_workspace", "connect", "one_brief_try", "open_run", "run_goes_on", "with_run", "with_run_if_any"]

_ANSWER_WITHIN_S = 10
_SQLITE = re.compile(r"(?:interp\+)?sqlite(?:\+\w+)?:///(.*)", re.DOTALL)
_HOSTED = {"databricks", "databricks-uc", "uc"}  # the addresses of MLflow's that have no scheme
_ADVICE = "write http://host:port for a server, or sqlite:///path/to/mlflow.db for a file"


def connect(tracking_uri: str | None = None, *, making: bool = True) -> MlflowClient:
    """Connect to the tracking server and registry.

    Args:
        tracking_uri: None takes MLflow's own setting (MLFLOW_TRACKING_URI, else a local SQLite file).
        making: whether MLflow may make a SQLite file, and its folder, where there is none; False for whoever only
            reads: in a store that was made for the question nothing can be found.

    Returns:
        A client of a server that answered.

    Raises:
        TrackingError: nothing answers there. Asked once and briefly, because MLflow's client would
            retry for minutes before saying so.
        UsageError: the address cannot be one, or the server refuses us.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_ALLOW_FILE_STORE, MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
    from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException

    # MLflow would draw one bar per downloaded file across our own.
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)  # type: ignore[no-untyped-call]  # mlflow's own
    if tracking_uri:
        mlflow.set_tracking_uri(tracking_uri)
    uri = mlflow.get_tracking_uri()
    shown = without_secrets(uri)
    kind = scheme_of(uri).partition("+")[0]
    if kind in {"", "file"} and uri not in _HOSTED and not MLFLOW_ALLOW_FILE_STORE.get():  # type: ignore[no-untyped-call]  # mlflow's own
        msg = f"{shown} is a folder, and MLflow keeps runs in a server or database now: {_ADVICE}"
        raise UsageError(msg)
    if kind in {"http", "https"}:
        _require_web_address(uri)
    if not making:
        for each in (uri, mlflow.get_registry_uri()):
            _require_file(each)
    with translated(f"connecting to {shown}"), contextlib.suppress(StopIteration):
        if kind in {"http", "https"}:
            _try_server(uri)
        elif kind in {"postgresql", "mysql"}:
            _try_database(uri)
        try:
            client = mlflow.MlflowClient()
            client.search_experiments(max_results=1)
        except UnsupportedModelRegistryStoreURIException as error:
            msg = f"{shown} is not an address MLflow knows: {_ADVICE}"
            raise UsageError(msg) from error
    return client


def active_workspace() -> str:
    """MLflow's workspace, where the server has several; empty: it has not, or the default one is meant."""
    from mlflow.environment_variables import MLFLOW_WORKSPACE

    return str(MLFLOW_WORKSPACE.get() or "")  # type: ignore[no-untyped-call]  # mlflow's own


@contextmanager
def open_run(name: str, experiment_id: str | None = None) -> Iterator[str]:
    """Open a run: a child of the active one, the one ``mlflow run`` made for us, or a new one.

    Args:
        name: shown in the runs list; a run that has a name keeps it.
        experiment_id: where a new run goes; None: the active experiment.

    Yields:
        The run's id. The run is marked FAILED when the block raises, and that error is raised on, with
        a note where even the mark could not be set.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_RUN_ID

    nested = mlflow.active_run() is not None
    given = MLFLOW_RUN_ID.is_set() and not nested  # type: ignore[no-untyped-call]  # mlflow's own
    with translated("starting a run"):
        run = mlflow.start_run(run_name=name, nested=nested, experiment_id=None if given else experiment_id)
    run_id = str(run.info.run_id)
    try:
        yield run_id
    except BaseException as error:
        _mark_failed(run_id, error, lambda: mlflow.end_run("FAILED"))
        raise
    with translated(f"finishing run {run_id}"):
        mlflow.end_run()


def with_run_if_any(client: MlflowClient, version: RegisteredVersion, key: str) -> RegisteredVersion:
    """The version with its own run or, where it has none, with one that was made for its explanation before.

    Args:
        client: the connection.
        version: the version.
        key: of the explanation; a run that was made for it is found by it.

    Returns:
        The version; without a run where there is none.
    """
    if version.run_id:
        return version
    with translated(f"looking for a run of {version.uri}"):
        found = client.search_runs([version.experiment_id], f"tags.`{layout.TAG_KEY}` = '{key}'", max_results=1)
    return dataclasses.replace(version, run_id=str(found[0].info.run_id)) if found else version


def with_run(client: MlflowClient, version: RegisteredVersion, key: str) -> RegisteredVersion:
    """The version with a run its explanation can be written to; where it has none, one is made.

    Nothing runs in a run that is made: it has ended at once, so that none is left open by whoever dies here, and
    none is marked by whoever has lost it to another.

    Args:
        client: the connection.
        version: the version.
        key: of the explanation.
    """
    if version.run_id:
        return version
    found = with_run_if_any(client, version, key)
    with translated(f"making a run for {version.uri}"):
        if not found.run_id:
            tags = {layout.TAG_EXPLAINED_MODEL: version.uri, layout.TAG_KEY: key}
            name = f"explanation of {version.name} v{version.version}"
            run = client.create_run(version.experiment_id, run_name=name, tags=tags)
            found = dataclasses.replace(version, run_id=str(run.info.run_id))
        client.set_terminated(found.run_id)
    return found


def run_goes_on(client: MlflowClient, version: RegisteredVersion) -> bool:
    """Whether the run a version was logged by has not ended yet."""
    if not version.run_id:
        return False
    with translated(f"reading the run of {version.uri}"):
        return bool(client.get_run(version.run_id).info.status == "RUNNING")


def _mark_failed(run_id: str, error: BaseException, mark: Callable[[], None]) -> None:
    """Mark a run as failed; where even that fails, say so beside the error that counts."""
    try:
        with one_brief_try():
            mark()
    except Exception as second:  # noqa: BLE001 - whatever it is, the first error is what the caller must see
        error.add_note(f"run {run_id} could not be marked as failed either ({no_answer_reason(second)})")


def _require_file(uri: str) -> None:
    """Refuse a SQLite file that does not exist; MLflow would make it."""
    found = _SQLITE.fullmatch(uri)
    path = found[1].partition("?")[0] if found else ""
    if path in {"", ":memory:"} or path.startswith("file:") or Path(path).exists():
        return
    msg = f"there is no database at {without_secrets(uri)}; check the path, or give another --tracking-uri"
    raise UsageError(msg)


def _require_web_address(uri: str) -> None:
    """Refuse what no client can connect to; its own message would quote the login."""
    shown = without_secrets(uri)
    if not is_readable(uri):
        msg = f"{shown} is not an address: its host or port cannot be read; {_ADVICE}"
        raise UsageError(msg)
    if not urlsplit(shown).hostname:
        msg = f"{shown} names no host: {_ADVICE}"
        raise UsageError(msg)


def _try_server(uri: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:  # as MLflow's client does it, with its certificates and headers; what is answered does not matter yet
        http_request(
            get_default_host_creds(uri),  # type: ignore[no-untyped-call]  # mlflow's own
            "/health",
            "GET",
            max_retries=0,
            timeout=_ANSWER_WITHIN_S,
            raise_on_status=False,
        )
    except MlflowException as error:
        msg = (
            f"no MLflow server answers at {without_secrets(uri)} ({no_answer_reason(error)}); "
            "start it, or give another --tracking-uri"
        )
        raise TrackingError(msg) from error


def _try_database(uri: str) -> None:
    """Ask a database once: MLflow would ask ten times, for 100 seconds."""
    import sqlalchemy

    try:
        engine = sqlalchemy.create_engine(
            uri, poolclass=sqlalchemy.pool.NullPool, connect_args={"connect_timeout": _ANSWER_WITHIN_S}
        )
    except (sqlalchemy.exc.ArgumentError, ValueError):  # whose texts may quote a password
        msg = f"{without_secrets(uri)} is not the address of a database: {_ADVICE}"
        raise UsageError(msg) from None
    except ModuleNotFoundError as error:
        msg = f"{without_secrets(uri)} needs the database driver {error.name}: {install_command(str(error.name))}"
        raise UsageError(msg) from error
    with engine.connect():
        pass


@contextmanager
def one_brief_try() -> Iterator[None]:
    """Let MLflow's client ask once only: where a server is gone, it has been asked often enough."""
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES, MLFLOW_HTTP_REQUEST_TIMEOUT

    brief = {MLFLOW_HTTP_REQUEST_MAX_RETRIES.name: "0", MLFLOW_HTTP_REQUEST_TIMEOUT.name: str(_ANSWER_WITHIN_S)}
    before = {name: os.environ.get(name) for name in brief}
    os.environ.update(brief)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
