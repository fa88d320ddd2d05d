"""Who asks a tracking server: credentials and workspace that belong to one connection, not to the process.

MLflow reads credentials and workspace from the environment, for every request of the process. It has one seam that
sees each request: a request auth provider. A connection with an identity of its own gets an address of its own,
``http://interp-session-<random>@host``. MLflow hands that address down to every store, repository and thread of a
transfer, and the provider below signs what is sent to it. The random part is no secret: it means nothing outside of
this process.
"""

from __future__ import annotations

import base64
import os
import secrets
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROVIDER", "Identity", "address_of", "forget", "sign"]

PROVIDER = "interp-session"
_VARIABLE = "MLFLOW_TRACKING_AUTH"  # MLflow's name of the provider that signs its requests
_PREFIX = f"{PROVIDER}-"
_WORKSPACE_HEADER = "X-MLFLOW-WORKSPACE"
_WEB = {"http", "https"}
_known: dict[str, Identity] = {}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A caller of a tracking server.

    Attributes:
        headers: what says who it is, ``Authorization`` or ``Cookie``; empty: nobody.
        workspace: MLflow's; empty: the server's default.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    workspace: str = ""

    @classmethod
    def basic(cls, user: str, password: str, *, workspace: str = "") -> Identity:
        """Whoever logs in with a name and a password."""
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        return cls(headers={"Authorization": f"Basic {login}"}, workspace=workspace)

    @classmethod
    def bearer(cls, token: str, *, workspace: str = "") -> Identity:
        """Whoever holds a token."""
        return cls(headers={"Authorization": f"Bearer {token}"}, workspace=workspace)


def address_of(identity: Identity, uri: str) -> str:
    """An address of a server that stands for one caller, in every thread, until it is forgotten.

    Args:
        identity: the caller.
        uri: of a server, ``http://host:port`` or ``https://``; a login in it gives way to the identity.

    Raises:
        UsageError: it is no server's, or the process signs its requests in another way.
    """
    parts = urlsplit(uri)
    if parts.scheme not in _WEB:
        msg = "only a server knows users: give http://host:port, or leave the identity out"
        raise UsageError(msg)
    _take_over_signing()
    key = _PREFIX + secrets.token_hex(16)
    _known[key] = identity
    return parts._replace(netloc=f"{key}@{parts.netloc.rpartition('@')[2]}").geturl()


def forget(address: str, client: Any) -> None:
    """Forget whom an address stands for when a client ends; nothing is sent to it any more."""
    weakref.finalize(client, lambda: _known.pop(urlsplit(address).username or "", None))


def sign(request: Any) -> Any:
    """Sign what goes to the address of an identity; all else is left as it was.

    Args:
        request: of ``requests``, about to be sent.

    Raises:
        UsageError: it goes to the address of an identity that is forgotten.
    """
    key = urlsplit(request.url).username or ""
    if not key.startswith(_PREFIX):
        return _as_without_provider(request)
    identity = _known.get(key)
    if identity is None:
        msg = "this connection has ended; make a new one"
        raise UsageError(msg)
    request.url = request.url.replace(f"{key}@", "", 1)
    for name in ("Authorization", "Cookie", _WORKSPACE_HEADER):  # of the process
        request.headers.pop(name, None)
    request.headers.update(identity.headers)
    if identity.workspace:
        request.headers[_WORKSPACE_HEADER] = identity.workspace
    return request


def _as_without_provider(request: Any) -> Any:
    """What ``requests`` does where it is told nothing: a login by the host in ~/.netrc, or in the address."""
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_auth_from_url, get_netrc_auth

    login = get_netrc_auth(request.url) or get_auth_from_url(request.url)
    return HTTPBasicAuth(*login)(request) if any(login) else request


def _take_over_signing() -> None:
    """Let MLflow ask the provider about every request.

    Raises:
        UsageError: another one is chosen, or MLflow does not know this one.
    """
    from mlflow.environment_variables import MLFLOW_TRACKING_AWS_SIGV4
    from mlflow.tracking.request_auth.registry import fetch_auth

    chosen = os.environ.get(_VARIABLE, PROVIDER)
    if chosen != PROVIDER or MLFLOW_TRACKING_AWS_SIGV4.get():  # type: ignore[no-untyped-call]  # mlflow's own
        other = f"{_VARIABLE}={chosen}" if chosen != PROVIDER else "MLFLOW_TRACKING_AWS_SIGV4"
        msg = f"{other} signs every request of this process; unset it to connect with an identity of one's own"
        raise UsageError(msg)
    if fetch_auth(PROVIDER) is not sign:  # type: ignore[no-untyped-call]  # mlflow's own
        msg = "MLflow does not know interp-pipeline's request auth provider; install interp-pipeline again"
        raise UsageError(msg)
    os.environ[_VARIABLE] = PROVIDER
