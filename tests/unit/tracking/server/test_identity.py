"""What is signed with an identity, and what is left as it was."""

from __future__ import annotations

import gc
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from interp_pipeline.errors import UsageError
from interp_pipeline.tracking.server.identity import Identity, address_of, forget, sign


class _Client:
    """Anything that ends."""


_OF_PROCESS = {"Authorization": "Basic of the process", "X-MLFLOW-WORKSPACE": "of the process"}


def test_signed() -> None:
    address = address_of(Identity.bearer("a token", workspace="credit"), "https://old:login@host:8443/prefix")
    sent = _sent(f"{address}/api")
    assert sent.url == "https://host:8443/prefix/api"
    assert (sent.headers["Authorization"], sent.headers["X-MLFLOW-WORKSPACE"]) == ("Bearer a token", "credit")


def test_nothing_of_the_process_is_sent() -> None:
    sent = _sent(address_of(Identity(headers={"Cookie": "session=1"}), "http://host"))
    assert sent.headers["Cookie"] == "session=1"
    assert not set(_OF_PROCESS) & set(sent.headers)


def test_other_addresses(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine known login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert _sent("http://host/api").headers["Authorization"] == _OF_PROCESS["Authorization"]
    assert _sent("http://a:b@host/api").headers["Authorization"] == "Basic YTpi"
    assert _sent("http://known/api").headers["Authorization"] == "Basic YTpi"


def test_an_address_whose_client_is_gone() -> None:
    client = _Client()
    address = address_of(Identity.basic("a", "b"), "http://host")
    forget(address, client)
    assert _sent(address).headers["Authorization"] == "Basic YTpi"
    del client
    gc.collect()
    with pytest.raises(UsageError, match="this connection has ended"):
        _sent(address)


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "postgresql://host/db", "databricks"])
def test_only_servers_know_users(uri: str) -> None:
    with pytest.raises(UsageError, match="only a server knows users"):
        address_of(Identity.basic("a", "b"), uri)


def test_two_addresses_of_one_identity_differ() -> None:
    identity = Identity.basic("a", "b")
    first, second = (urlsplit(address_of(identity, "http://host")).username for _ in range(2))
    assert first != second


def test_an_identity_is_not_shown() -> None:
    assert "secret" not in repr(Identity.basic("somebody", "secret"))


def _sent(url: str) -> requests.PreparedRequest:
    """A request as MLflow sends it: with the headers of the process, and our provider to sign it."""
    return requests.Request("GET", url, headers=dict(_OF_PROCESS), auth=sign).prepare()
