"""What a signed body may be, and what it means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.webhooks.types import ModelVersionCreatedPayload

from mlflow_plugin.worker_http.event import EventError, read_event

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def _event(**data: Any) -> bytes:
    event = {"entity": "model_version", "action": "created", "timestamp": "2026-01-01T00:00:00+00:00"}
    return json.dumps({**event, "data": {"source": "models:/m-1", "run_id": None, "tags": {}, **data}}).encode()


def test_a_new_version_is_read() -> None:
    assert read_event(_event(name="credit", version="3")) == ("credit", 3)


@pytest.mark.parametrize("name", ["=cmd()", "<script>", "../..", "nul\0", "\u202eevil", "\ud800", "x" * 256])
def test_hostile_names_are_names(name: str) -> None:
    assert read_event(_event(name=name, version="2147483647")) == (name, 2147483647)


def test_the_event_of_mlflows_test_button_means_nothing() -> None:
    assert read_event(_event(**ModelVersionCreatedPayload.example())) == "test"
    assert read_event(_event(name="example_model", version="1")) == ("example_model", 1)  # somebody's own


@pytest.mark.parametrize(
    "event",
    [
        {"entity": "model_version_tag", "action": "set", "data": {"name": "credit", "version": "3"}},
        {"entity": "prompt_version", "action": "created", "data": {"name": "hello", "version": "1"}},
        {"entity": "registered_model", "action": "created"},
    ],
)
def test_other_events_are_ignored(event: dict[str, Any]) -> None:
    assert read_event(json.dumps(event).encode()) == "ignored"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe{}",
        '{"entity": "model_version"}'.encode("utf-16"),
        b"{",
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b"[" * 30_000 + b"]" * 30_000,
        b"1" * 60_000,
        b"null",
        b"[]",
        b'"model_version.created"',
        b"{}",
        b'{"entity": "model_version", "action": 1}',
        b'{"entity": "model_version", "action": "created"}',
        b'{"entity": "model_version", "action": "created", "data": []}',
    ],
    ids=lambda body: f"{body[:20]!r}{len(body)}",
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(EventError):
        read_event(body)


@pytest.mark.parametrize("name", [None, "", "  ", 3, ["credit"], "x" * 257])
def test_what_names_no_model_is_refused(name: Any) -> None:
    with pytest.raises(EventError, match="name"):
        read_event(_event(name=name, version="1"))


@pytest.mark.parametrize("version", [None, 3, True, "", "0", "-1", "1.0", "latest", "٣", "2147483648", "1" * 5000])
def test_what_numbers_no_version_is_refused(version: Any) -> None:
    with pytest.raises(EventError, match="version"):
        read_event(_event(name="credit", version=version))


@given(_JSON, _JSON)
def test_any_json_is_an_event_or_refused(event: Any, data: Any) -> None:
    for body in (event, {"entity": "model_version", "action": "created", "data": data}):
        try:
            read_event(json.dumps(body).encode())
        except EventError as error:
            assert "\n" not in str(error)  # noqa: PT017 - refusing and reading are both right
