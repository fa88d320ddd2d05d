"""A real MLflow server calls the receiver: registered by the command, delivered, refused, and lost without harm."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet
from harness.command_line import interp
from harness.tracking_server import tracking_server
from harness.webhook_receiver import SECRET, receiver
from mlflow import MlflowClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.webhook_receiver import Receiver

_DEADLINE_S = 300.0
_PRIVATE = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_CACHE_TTL": "1",  # s until a new hook counts
    "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "0",
}


@pytest.fixture(scope="module")
def calling_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An MLflow server that may call this machine."""
    folder = tmp_path_factory.mktemp("calling")
    key = {"MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode()}
    store = f"sqlite:///{folder / 'mlflow.db'}"
    with tracking_server(folder, store=store, artifacts=str(folder / "artifacts"), environment=_PRIVATE | key) as uri:
        yield uri


@pytest.fixture
def client(calling_server: str) -> Iterator[MlflowClient]:
    """A client of the server, which leaves it without webhooks."""
    os.environ.update({"MLFLOW_TRACKING_URI": calling_server, "INTERP_WEBHOOK_SECRET": SECRET})
    client = MlflowClient()
    yield client
    for hook in client.list_webhooks():
        client.delete_webhook(hook.webhook_id)


@pytest.fixture
def running_receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiver(f"sqlite:///{tmp_path / 'jobs.db'}") as found:
        yield found


def _register(client: MlflowClient, name: str) -> int:
    """Register a version of a model the way any program does; its number."""
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name)
    run = client.create_run("0")
    return int(client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id).version)


def _noted(found: Receiver, count: int) -> list[tuple[str, int, str]]:
    """What the receiver notes until it is so much."""
    deadline, notes = time.monotonic() + _DEADLINE_S, found.noted()
    while len(notes) < count:
        assert time.monotonic() < deadline, notes
        time.sleep(0.05)
        notes += found.noted()
    return notes


def test_a_registered_version_is_noted(client: MlflowClient, running_receiver: Receiver) -> None:
    webhook_id = interp(f"webhook register --url {running_receiver.url}").require_done()
    assert interp("webhook list").require_done() == f"{webhook_id}  ACTIVE  {running_receiver.url}"
    (hook,) = client.list_webhooks()
    assert [str(event) for event in hook.events] == ["model_version.created"]
    interp(f"webhook test {webhook_id}").require_done()
    assert running_receiver.noted() == []  # the test means nothing
    deadline, notes, last = time.monotonic() + _DEADLINE_S, running_receiver.noted(), 0
    while not notes:  # until the server has noticed its new hook
        assert time.monotonic() < deadline
        last = _register(client, "credit")
        time.sleep(0.5)
        notes = running_receiver.noted()
    assert {name for name, _, _ in notes} == {"credit"}
    for _ in range(10):
        last = _register(client, "credit")
    wanted = set(range(last - 9, last + 1))
    while wanted:
        wanted -= {version for _, version, _ in _noted(running_receiver, 1)}


def test_a_second_equal_webhook_is_refused_and_another_address_is_not(
    client: MlflowClient, running_receiver: Receiver
) -> None:
    first = interp(f"webhook register --url {running_receiver.url}").require_done()
    again = interp(f"webhook register --url {running_receiver.url} --name other")
    again.require_error(2, f"MLflow calls {running_receiver.url} already", f"interp webhook delete {first}")
    elsewhere = running_receiver.url.replace("127.0.0.1", "localhost")
    interp(f"webhook register --url {elsewhere} --name other").require_done()
    assert len(client.list_webhooks()) == 2
    interp(f"webhook delete {first}").require_done()
    assert interp("webhook list").require_done().endswith(f"  ACTIVE  {elsewhere}")


def test_a_wrong_secret_is_told_by_the_test(client: MlflowClient, running_receiver: Receiver, tmp_path: Path) -> None:
    del client
    (tmp_path / "secret").write_text("a secret the worker was not told\n")
    hook = interp(f"webhook register --url {running_receiver.url} --secret-file {tmp_path / 'secret'}").require_done()
    interp(f"webhook test {hook}").require_error(1, "401", "is not that of this secret")
    assert running_receiver.noted() == []


def test_the_file_with_the_secret_is_read(client: MlflowClient, running_receiver: Receiver, tmp_path: Path) -> None:
    del client, os.environ["INTERP_WEBHOOK_SECRET"]
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    hook = interp(f"webhook register --url {running_receiver.url} --secret-file {tmp_path / 'secret'}").require_done()
    interp(f"webhook test {hook}").require_done()


def test_a_receiver_that_is_down_holds_up_nobody(client: MlflowClient, tmp_path: Path) -> None:
    jobs = f"sqlite:///{tmp_path / 'jobs.db'}"
    with receiver(jobs) as found:
        hook = interp(f"webhook register --url {found.url}").require_done()
    interp(f"webhook test {hook}").require_error(1, "the worker was not reached", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS")
    began = time.monotonic()
    assert [_register(client, "unheard") for _ in range(100)] == list(range(1, 101))
    assert time.monotonic() - began < _DEADLINE_S
    assert len(client.search_model_versions("name='unheard'")) == 100  # where the next scan finds them


REFUSED = [
    ("no address", "--url nonsense", "--url 'nonsense': write https://host:port/webhooks/mlflow"),
    ("an open bracket", "--url http://me:T0ken@[::1/webhooks/mlflow", "--url 'http://[::1/webhooks/mlflow': write"),
    ("another path", "--url https://worker.example.com/", "write https://host:port/webhooks/mlflow"),
    ("another scheme", "--url ftp://worker.example.com/webhooks/mlflow", "write https://host:port/webhooks/mlflow"),
    ("no secret", "--url https://worker.example.com/webhooks/mlflow", "is not set; make one with python -c"),
    (
        "a file that is not there",
        "--url https://worker.example.com/webhooks/mlflow --secret-file nothere",
        "names nothere, which cannot be read",
    ),
    (
        "a short secret",
        "--url https://worker.example.com/webhooks/mlflow --secret-file short",
        "has fewer than 16 characters",
    ),
]


@pytest.mark.parametrize(("options", "fragment"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_wrong_calls_are_refused_before_mlflow_is_asked(tmp_path: Path, options: str, fragment: str) -> None:
    (tmp_path / "short").write_text("short")
    interp(f"webhook register {options} --tracking-uri http://127.0.0.1:9").require_error(2, fragment)


def test_an_address_mlflow_will_not_call_is_told_with_what_allows_it(tmp_path: Path) -> None:
    os.environ["INTERP_WEBHOOK_SECRET"] = SECRET
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    MlflowClient(store).search_experiments()  # makes it
    outcome = interp(f"webhook register --url http://127.0.0.1:8080/webhooks/mlflow --tracking-uri {store}")
    outcome.require_error(
        2, "Invalid webhook URL scheme", "MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"
    )


def test_an_id_that_is_not_there_is_told(client: MlflowClient) -> None:
    del client
    for command in ("delete", "test"):
        interp(f"webhook {command} nothere").require_error(2, "it does not exist, or was deleted")
