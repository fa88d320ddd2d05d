"""The receiver of webhooks on a real port: it believes what MLflow signed just now, and nothing else gets a job."""

from __future__ import annotations

import re
import socket
import sqlite3
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests
from harness.process import bare_environment, free_ports, running
from harness.webhook_receiver import OLD_SECRET, SECRET, event, receiver, send_raw, signed_headers
from mlflow.webhooks.types import ModelVersionCreatedPayload

from mlflow_plugin.worker_http import webhook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.webhook_receiver import Receiver

_ROOT = Path(__file__).parents[2]
_MEGABYTE = b"x" * 1_000_000


@pytest.fixture
def jobs_uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def running_receiver(jobs_uri: str) -> Iterator[Receiver]:
    with receiver(jobs_uri) as found:
        yield found


def test_a_signed_event_is_noted_in_the_workers_own_workspace(running_receiver: Receiver) -> None:
    assert running_receiver.post(event("credit", 3, workspace="another team's")) == (200, "noted")
    assert running_receiver.noted() == [("credit", 3, "")]


def test_fifty_copies_at_once_are_one_note(running_receiver: Receiver) -> None:
    body = event("credit", 1)
    headers, begin = signed_headers(body), threading.Barrier(50)

    def deliver(_: int) -> tuple[int, str]:
        begin.wait()
        return running_receiver.post(body, headers)

    with ThreadPoolExecutor(50) as pool:
        answers = Counter(pool.map(deliver, range(50)))
    assert answers == {(200, "noted"): 1, (200, "duplicate"): 49}
    assert running_receiver.noted() == [("credit", 1, "")]


def test_a_replay_after_the_worker_took_the_note_leaves_none(running_receiver: Receiver) -> None:
    body = event()
    headers = signed_headers(body)
    assert running_receiver.post(body, headers) == (200, "noted")
    assert running_receiver.noted() == [("credit", 1, "")]
    assert running_receiver.post(body, headers) == (200, "duplicate")
    assert running_receiver.noted() == []


def test_events_of_many_versions_at_once_are_all_noted(running_receiver: Receiver) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(lambda version: running_receiver.post(event("credit", version)), range(1, 201)))
    assert answers == {(200, "noted")}
    assert sorted(running_receiver.noted()) == [("credit", version, "") for version in range(1, 201)]


def test_while_secrets_change_both_count(running_receiver: Receiver) -> None:
    body = event()
    assert running_receiver.post(body, signed_headers(body, secret=OLD_SECRET)) == (200, "noted")


def _changed(body: bytes) -> bytes:
    return body.replace(b"credit", b"credis")


def _without(header: str) -> dict[str, str]:
    return {name: value for name, value in signed_headers(event()).items() if name != header}


FORGED: list[tuple[str, bytes, dict[str, str]]] = [
    ("forged", event(), signed_headers(event(), secret="guessed")),
    ("signed with nothing", event(), signed_headers(event(), secret="")),
    ("one byte changed", _changed(event()), signed_headers(event())),
    ("one byte more", event() + b" ", signed_headers(event())),
    ("another id", event(), {**signed_headers(event()), "X-MLflow-Delivery-Id": "other"}),
    ("no id", event(), _without("X-MLflow-Delivery-Id")),
    ("no time", event(), _without("X-MLflow-Timestamp")),
    ("no signature", event(), _without("X-MLflow-Signature")),
    ("no headers", event(), {}),
    ("another version of signatures", event(), {**signed_headers(event()), "X-MLflow-Signature": "v0,abc"}),
]


@pytest.mark.parametrize(("body", "headers"), [case[1:] for case in FORGED], ids=[case[0] for case in FORGED])
def test_what_mlflow_did_not_sign_is_refused(running_receiver: Receiver, body: bytes, headers: dict[str, str]) -> None:
    assert running_receiver.post(body, headers) == (401, "unsigned")
    assert running_receiver.noted() == []


@pytest.mark.parametrize(("age_s", "expected"), [(301, 401), (-62, 401), (295, 200), (-55, 200)])
def test_what_was_not_signed_just_now_is_refused(running_receiver: Receiver, age_s: int, expected: int) -> None:
    """Signed in the future: -61 may have become -60 by the time it arrives; the unit tests have the exact edges."""
    body = event()
    assert running_receiver.post(body, signed_headers(body, age_s=age_s))[0] == expected
    assert len(running_receiver.noted()) == (expected == 200)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe{}",
        b"[" * 60_000,
        b'{"data":' * 8_000,
        b"{}",
        b"",
        b"null",
        event(data={"name": "credit", "version": "nine"}),
        event(data={"name": "", "version": "1"}),
        event(data="credit"),
    ],
    ids=["not UTF-8", "deep lists", "deep objects", "empty object", "empty", "null", "no number", "no name", "no data"],
)
def test_what_is_signed_and_no_event_is_refused(running_receiver: Receiver, body: bytes) -> None:
    assert running_receiver.post(body) == (400, "malformed")
    assert running_receiver.noted() == []


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (event(data=ModelVersionCreatedPayload.example()), "test"),
        (event(entity="registered_model"), "ignored"),
        (event(action="deleted"), "ignored"),
        (event(entity="prompt_version"), "ignored"),
    ],
    ids=["test button", "another entity", "another action", "a prompt"],
)
def test_what_says_nothing_of_a_version_is_taken_and_not_noted(
    running_receiver: Receiver, body: bytes, outcome: str
) -> None:
    assert running_receiver.post(body) == (200, outcome)
    assert running_receiver.noted() == []


def _head(length: str, headers: dict[str, str]) -> bytes:
    lines = ["POST /webhooks/mlflow HTTP/1.1", "Host: worker", length, *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _hundred_megabytes(*, chunked: bool, headers: dict[str, str]) -> Iterable[bytes]:
    yield _head("Transfer-Encoding: chunked" if chunked else "Content-Length: 100000000", headers)
    for _ in range(100):
        yield b"%x\r\n%s\r\n" % (len(_MEGABYTE), _MEGABYTE) if chunked else _MEGABYTE
    if chunked:
        yield b"0\r\n\r\n"


def _peak_bytes(process_id: int) -> int:
    """The most memory a process has ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process_id}/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) * 1024


def _answers(uri: str) -> bool:
    try:
        return requests.get(f"{uri}/healthz", timeout=5).ok
    except requests.RequestException:
        return False  # not up yet


def test_a_hundred_megabytes_are_cut_off_and_not_kept(tmp_path: Path, jobs_uri: str) -> None:
    (port,) = free_ports(1)
    uri = f"http://127.0.0.1:{port}"
    program = _ROOT / "tests" / "harness" / "webhook_receiver.py"
    with running(
        [sys.executable, str(program), str(port), jobs_uri],
        ready=lambda: _answers(uri),
        log=tmp_path / "receiver.log",
        environment=bare_environment({"PYTHONPATH": str(_ROOT)}),
    ) as process:
        body = event()
        assert requests.post(f"{uri}/webhooks/mlflow", data=body, headers=signed_headers(body), timeout=60).ok
        before = _peak_bytes(process.pid)
        for chunked in (False, True):
            said = send_raw(uri, _hundred_megabytes(chunked=chunked, headers=signed_headers(b"")))
            assert said.startswith(b"HTTP/1.1 413 "), said[:200]
            said = send_raw(uri, _hundred_megabytes(chunked=chunked, headers={}))
            assert said.startswith(b"HTTP/1.1 401 "), said[:200]
        assert _peak_bytes(process.pid) - before < 8_000_000
        body = event("credit", 2)
        assert requests.post(f"{uri}/webhooks/mlflow", data=body, headers=signed_headers(body), timeout=60).ok


def test_a_body_just_too_large_is_refused_and_one_just_small_enough_is_not(running_receiver: Receiver) -> None:
    body = event(padding="")
    fits = event(padding="x" * (65536 - len(body)))
    assert len(fits) == 65536
    assert running_receiver.post(fits) == (200, "noted")
    assert running_receiver.post(event("credit", 2, padding="x" * (65537 - len(body)))) == (413, "too_large")
    assert running_receiver.noted() == [("credit", 1, "")]


def test_a_body_that_does_not_come_is_not_waited_for(
    running_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_BODY_WITHIN_S", 0.3)
    body = event()
    head = _head(f"Content-Length: {len(body)}", signed_headers(body))
    assert send_raw(running_receiver.uri, [head, body[:-1]]).startswith(b"HTTP/1.1 408 ")
    assert running_receiver.noted() == []


def test_a_body_that_breaks_off_is_no_event_and_no_defect(
    running_receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    body = event()
    with socket.create_connection(("127.0.0.1", urlsplit(running_receiver.uri).port or 0)) as line:
        line.sendall(_head(f"Content-Length: {len(body)}", signed_headers(body)) + body[:-1])
    assert running_receiver.post(event("credit", 2)) == (200, "noted")
    assert running_receiver.noted() == [("credit", 2, "")]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_without_a_secret_nothing_is_believed(jobs_uri: str) -> None:
    with receiver(jobs_uri, secret="") as found:
        for secret in ("", OLD_SECRET, SECRET):  # an empty one signs, too; one that was, without one that is, does not
            body = event()
            assert found.post(body, signed_headers(body, secret=secret)) == (503, "unconfigured")
        assert found.noted() == []


def test_while_the_job_table_is_locked_mlflow_is_asked_to_try_again(jobs_uri: str, tmp_path: Path) -> None:
    body = event()
    headers = signed_headers(body)
    with receiver(jobs_uri, patience_s=0.2) as found:
        with closing(sqlite3.connect(tmp_path / "jobs.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = requests.post(found.url, data=body, headers=headers, timeout=60)
            assert (answer.status_code, answer.json()["outcome"]) == (503, "unavailable")
            assert str(tmp_path) not in answer.text
            other.rollback()
        assert found.post(body, headers) == (200, "noted")  # the same delivery: it was not taken for a replay
        assert found.noted() == [("credit", 1, "")]


def test_every_answer_is_counted(running_receiver: Receiver) -> None:
    body = event()
    headers = signed_headers(body)
    running_receiver.post(body, headers)
    running_receiver.post(body, headers)
    running_receiver.post(body, {})
    running_receiver.post(b"{}")
    exposed = requests.get(f"{running_receiver.uri}/metrics", timeout=60).text
    counted = dict(re.findall(r'interp_webhook_deliveries_total\{outcome="(\w+)"\} (\S+)', exposed))
    assert counted == {"noted": "1.0", "duplicate": "1.0", "unsigned": "1.0", "malformed": "1.0"}


def test_refusals_of_a_kind_are_told_once_a_minute(
    running_receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        running_receiver.post(event(), {})
        running_receiver.post(b"{}")
    told = [record.getMessage() for record in caplog.records if record.name == "interp.webhook"]
    assert len(told) == 2
    assert SECRET not in "".join(told)
