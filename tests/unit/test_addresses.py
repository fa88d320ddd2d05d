"""What of an address is shown: never a login, nor a query that may hold a signature, in whatever text it stands."""

from __future__ import annotations

import pytest

from interp_pipeline.addresses import cleaned, is_readable, without_secrets

SECRET = "T0ken"
ADDRESSES = [
    ("http://me:T0ken@host:5000/a", "http://host:5000/a"),
    ("http://T0ken@127.0.0.1:1", "http://127.0.0.1:1"),
    ("http://127.0.0.1:1/?token=T0ken", "http://127.0.0.1:1/"),
    ("http://me:T0ken@127.0.0.1:99999", "http://127.0.0.1:99999"),
    ("http://me:T0ken@[::1", "http://[::1"),
    ("http://me:T0ken@/x", "http:///x"),
    ("http://me:a/T0ken@host/x", "http://host/x"),
    ("http://me:a?T0ken@host/x", "http://host/x"),
    ("http://me:a@T0ken@host/x", "http://host/x"),
    ("HTTPS://host/a?sig=T0ken#T0ken", "https://host/a"),
    ("postgresql://me:12/T0ken@host:5/db?password=T0ken", "postgresql://host:5/db"),
    ("s3://key:T0ken@bucket/a?b", "s3://bucket/a?b"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES, ids=[case[0] for case in ADDRESSES])
def test_an_address_is_shown_without_its_secrets(address: str, shown: str) -> None:
    assert without_secrets(address) == shown
    said = cleaned(f"failed (Failed to parse: {address}). It said {address!r}", address)
    assert SECRET not in said
    assert f"(Failed to parse: {shown})" in said


@pytest.mark.parametrize(
    "address",
    ["http://host:8080/@scope/package", "http://[::1]:80/a@b", "sqlite:////home/a@b/x.db", "data/a?b.csv", "a@b.csv"],
)
def test_what_is_no_secret_is_shown(address: str) -> None:
    assert without_secrets(address) == address
    assert cleaned(f"{address} failed", address) == f"{address} failed"


def test_addresses_are_found_in_the_texts_of_libraries() -> None:
    said = cleaned("GET https://me:T0ken@host/a?b=T0ken, Max retries exceeded with url: /a?b=T0ken (Caused by x)")
    assert said == "GET https://host/a, Max retries exceeded with url: /a (Caused by x)"


@pytest.mark.parametrize("address", ["http://me:T0ken@host", "https://T0ken@host", "http://host?a=b&c=T0ken"])
def test_a_secret_of_a_known_address_is_taken_out_wherever_it_stands(address: str) -> None:
    assert cleaned(f"no right for {SECRET}", address) == "no right for ***"


def test_pages_of_the_ui_keep_what_leads_to_them() -> None:
    page = "http://host/#/experiments/1/runs?searchFilter=x"
    assert cleaned(f"see {page}") == f"see {page}"


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://h:99999", "http://h:x", "http://[zz]/", "http://u:p@h:9a/", "http://\u2100"]
)
def test_an_address_that_no_client_can_read(url: str) -> None:
    assert not is_readable(url)


@pytest.mark.parametrize("url", ["http://h", "http://h:", "https://u:p@h:65535/x?y", "http://[::1]:80/"])
def test_an_address_that_can_be_read(url: str) -> None:
    assert is_readable(url)
