"""A connection to MLflow, checked before any work is done: a value, of which a process may hold several at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from interp_pipeline.addresses import is_readable, scheme_of, without_secrets
from interp_pipeline.errors import TrackingError, UsageError
from interp_pipeline.installing import install_command
from interp_pipeline.tracking.server.ask_once import ANSWER_WITHIN_S, ask_server, asked_once
from interp_pipeline.tracking.server.identity import Identity, address_of, forget
from interp_pipeline.tracking.server.process_setting import settled
from interp_pipeline.tracking.server.translate_errors import hide_secrets_of, no_answer_reason, translated

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from interp_pipeline.tracking.server.ask_once import Listener

__all__ = ["Session", "connect", "session_of_process"]

_SQLITE = re.compile(r"(?:interp\+)?sqlite(?:\+\w+)?:///(.*)", re.DOTALL)
_HOSTED = {"databricks", "databricks-uc", "uc"}  # the addresses of MLflow's that have no scheme
_ADVICE = "write http://host:port for a server, or sqlite:///path/to/mlflow.db for a file"


@dataclass(frozen=True, kw_only=True, eq=False)
class Session:
    """One caller of one tracking server and registry. Nothing of it belongs to the process or to a thread.

    Attributes:
        client: MLflow's, of exactly this server and caller.
        registry_uri: of the model registry, as MLflow knows it.
        workspace: MLflow's, where the server has several; empty: it has not, or the default one is meant.
        is_of_process: whether it is the connection that MLflow's own functions use in this process.
    """

    client: MlflowClient
    registry_uri: str
    workspace: str
    is_of_process: bool

    @property
    def tracking_uri(self) -> str:
        """Of the tracking server or store, as MLflow knows it."""
        return str(self.client.tracking_uri)

    @property
    def asked_once(self) -> Listener:
        """For short messages to a server that may be gone."""
        return asked_once(self.client, self.registry_uri)


def connect(tracking_uri: str | None = None, *, making: bool = True, identity: Identity | None = None) -> Session:
    """Connect to a tracking server and registry.

    Args:
        tracking_uri: None takes MLflow's own setting (MLFLOW_TRACKING_URI, else a local SQLite file).
        making: whether MLflow may make a SQLite file, and its folder, where there is none; False for whoever only
            reads: in a store that was made for the question nothing can be found.
        identity: who asks, of a server; None: whoever MLflow's own settings name.

    Returns:
        A connection to a server that answered.

    Raises:
        TrackingError: nothing answers there. Asked once and briefly, because MLflow's client would
            retry for minutes before saying so.
        UsageError: the address cannot be one, or the server refuses us.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_ALLOW_FILE_STORE
    from mlflow.tracking._model_registry.utils import _resolve_registry_uri

    _draw_no_bars()
    with settled():
        own = mlflow.get_tracking_uri()
    uri = tracking_uri or own
    hide_secrets_of(uri)
    shown = without_secrets(uri)
    kind = scheme_of(uri).partition("+")[0]
    if kind in {"", "file"} and uri not in _HOSTED and not MLFLOW_ALLOW_FILE_STORE.get():  # type: ignore[no-untyped-call]  # mlflow's own
        msg = f"{shown} is a folder, and MLflow keeps runs in a server or database now: {_ADVICE}"
        raise UsageError(msg)
    if kind in {"http", "https"}:
        _require_web_address(uri)
    with settled():
        registry_uri = str(_resolve_registry_uri(None, uri))
    if not making:
        for each in (uri, registry_uri):
            _require_file(each)
    is_of_process = uri == own and identity is None
    workspace = _workspace_of_process() if identity is None else identity.workspace
    if identity is not None:
        uri, registry_uri = _of_identity(identity, uri, registry_uri)
    client = _client(uri, registry_uri, kind)
    for each in {uri, registry_uri} if identity is not None else ():
        forget(each, client)
    return Session(client=client, registry_uri=registry_uri, workspace=workspace, is_of_process=is_of_process)


def session_of_process() -> Session:
    """The connection that MLflow's own functions use in this process, for whoever was called by one of them."""
    import mlflow

    return Session(
        client=mlflow.MlflowClient(),
        registry_uri=mlflow.get_registry_uri(),
        workspace=_workspace_of_process(),
        is_of_process=True,
    )


def _workspace_of_process() -> str:
    from mlflow.environment_variables import MLFLOW_WORKSPACE

    return str(MLFLOW_WORKSPACE.get() or "")  # type: ignore[no-untyped-call]  # mlflow's own


def _draw_no_bars() -> None:
    """MLflow would draw one bar per downloaded file across our own, unless its user asked for them."""
    from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR as BARS

    if not BARS.is_set():  # type: ignore[no-untyped-call]  # mlflow's own
        BARS.set(False)  # type: ignore[no-untyped-call]  # mlflow's own


def _of_identity(identity: Identity, uri: str, registry_uri: str) -> tuple[str, str]:
    """Addresses of server and registry that stand for a caller.

    A registry elsewhere belongs to the process, and who is known to one server need not be to the other.
    """
    if registry_uri not in {uri, f"interp+{uri}"}:
        msg = (
            f"the model registry of this process is another one ({without_secrets(registry_uri)}); unset "
            "MLFLOW_REGISTRY_URI to connect with an identity of one's own"
        )
        raise UsageError(msg)
    address = address_of(identity, uri)
    return address, address


def _client(uri: str, registry_uri: str, kind: str) -> MlflowClient:
    """A client of a server that has answered."""
    import mlflow
    from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException

    shown = without_secrets(uri)
    with translated(f"connecting to {shown}"):
        if kind in {"http", "https"}:
            _try_server(uri)
        elif kind in {"postgresql", "mysql"}:
            _try_database(uri)
        try:
            client = mlflow.MlflowClient(uri, registry_uri)
            client.search_experiments(max_results=1)
        except UnsupportedModelRegistryStoreURIException as error:
            msg = f"{shown} is not an address MLflow knows: {_ADVICE}"
            raise UsageError(msg) from error
    return client


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

    try:  # as MLflow's client does it, with its certificates and headers; what is answered does not matter yet
        ask_server(uri, "/health", "GET")
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
            uri, poolclass=sqlalchemy.pool.NullPool, connect_args={"connect_timeout": ANSWER_WITHIN_S}
        )
    except (sqlalchemy.exc.ArgumentError, ValueError):  # whose texts may quote a password
        msg = f"{without_secrets(uri)} is not the address of a database: {_ADVICE}"
        raise UsageError(msg) from None
    except ModuleNotFoundError as error:
        msg = f"{without_secrets(uri)} needs the database driver {error.name}: {install_command(str(error.name))}"
        raise UsageError(msg) from error
    with engine.connect():
        pass
