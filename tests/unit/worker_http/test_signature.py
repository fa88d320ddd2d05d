"""Deliveries are believed only where MLflow signed them, and just now."""

from __future__ import annotations

import pytest
from mlflow.webhooks.delivery import _generate_hmac_signature

from mlflow_plugin.worker_http.signature import Envelope, SignatureError, sign

_NOW_S = 1_800_000_000
_SECRET = "correct horse battery staple"
_BODY = '{"entity": "model_version", "name": "Größe"}'.encode()


def _headers(
    *, age_s: int = 0, delivery_id: str = "d-1", secret: str = _SECRET, body: bytes = _BODY
) -> dict[str, list[str]]:
    timestamp = str(_NOW_S - age_s)
    return {
        "x-mlflow-delivery-id": [delivery_id],
        "x-mlflow-timestamp": [timestamp],
        "x-mlflow-signature": [sign(secret, delivery_id, timestamp, body)],
    }


def test_it_signs_as_mlflow_does() -> None:
    assert sign(_SECRET, "d-1", "1800000000", _BODY) == _generate_hmac_signature(
        _SECRET, "d-1", "1800000000", _BODY.decode()
    )


@pytest.mark.parametrize("age_s", [300, 299, 0, -59, -60])
def test_what_is_signed_within_the_window_is_believed(age_s: int) -> None:
    Envelope.read(_headers(age_s=age_s), _NOW_S).verify([_SECRET], _BODY)


@pytest.mark.parametrize(("age_s", "where"), [(301, "301 s in the past"), (-61, "61 s in the future")])
def test_what_is_older_or_ahead_is_not(age_s: int, where: str) -> None:
    with pytest.raises(SignatureError, match=where):
        Envelope.read(_headers(age_s=age_s), _NOW_S)


def test_while_secrets_change_both_are_believed() -> None:
    for secret in (_SECRET, "the one before"):
        Envelope.read(_headers(secret=secret), _NOW_S).verify([_SECRET, "the one before"], _BODY)
    with pytest.raises(SignatureError, match="not that of this secret"):
        Envelope.read(_headers(secret="the one before that"), _NOW_S).verify([_SECRET, "the one before"], _BODY)


@pytest.mark.parametrize("position", range(0, len(_BODY), 7))
def test_one_changed_byte_of_the_body_is_noticed(position: int) -> None:
    changed = bytearray(_BODY)
    changed[position] ^= 1
    with pytest.raises(SignatureError, match="not that of this secret and body"):
        Envelope.read(_headers(), _NOW_S).verify([_SECRET], bytes(changed))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-mlflow-delivery-id", "d-2"),
        ("x-mlflow-timestamp", str(_NOW_S + 1)),
        ("x-mlflow-signature", "v1,"),
        ("x-mlflow-signature", "v2,AAAA"),
        ("x-mlflow-signature", "v1,\xff\xfe"),
    ],
)
def test_a_changed_header_is_noticed(header: str, value: str) -> None:
    envelope = Envelope.read({**_headers(), header: [value]}, _NOW_S)
    with pytest.raises(SignatureError, match="not that of this secret and body"):
        envelope.verify([_SECRET], _BODY)


def test_the_dots_between_the_parts_cannot_be_moved() -> None:
    """The end of an id taken for the beginning of the timestamp would be the same text to sign."""
    signature = sign(_SECRET, "d-1.18", "00000000", _BODY)
    moved = {"x-mlflow-delivery-id": ["d-1"], "x-mlflow-timestamp": ["18.00000000"], "x-mlflow-signature": [signature]}
    with pytest.raises(SignatureError, match="none of MLflow's"):
        Envelope.read(moved, _NOW_S)


@pytest.mark.parametrize("header", ["x-mlflow-delivery-id", "x-mlflow-timestamp", "x-mlflow-signature"])
@pytest.mark.parametrize("values", [[], [""], ["1", "1"]])
def test_a_missing_empty_or_doubled_header_is_refused(header: str, values: list[str]) -> None:
    with pytest.raises(SignatureError, match=f"{header} is missing"):
        Envelope.read({**_headers(), header: values}, _NOW_S)


@pytest.mark.parametrize("timestamp", ["now", "-1", "1e9", "١٨٠٠٠٠٠٠٠٠", " 1800000000", "1800000000.0", "9" * 5000])
def test_a_time_that_is_no_whole_seconds_is_refused(timestamp: str) -> None:
    with pytest.raises(SignatureError, match="none of MLflow's"):
        Envelope.read({**_headers(), "x-mlflow-timestamp": [timestamp]}, _NOW_S)


def test_an_endless_id_is_refused() -> None:
    with pytest.raises(SignatureError, match="none of MLflow's"):
        Envelope.read(_headers(delivery_id="x" * 201), _NOW_S)
