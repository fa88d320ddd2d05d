"""An address that lies in no allowed place is never taken for one that does, however it is written."""

from __future__ import annotations

import os
import posixpath
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interp_pipeline.addresses import shown_address
from interp_pipeline.tracking.sources.address import read_address

PIECES = st.sampled_from(
    [
        *("root", "root-evil", "Root", "a", "a b", "é", "link", "inner", "secret", ""),
        *("..", ".", "%2e%2e", "%2E.", "%252e%252e", "..%2f", "%2froot", "a%5c..", "..;", "\t..", "\\", "%00", "%"),
        *("?x", "#x", ";x", "@"),
    ]
)
SCHEMES = st.sampled_from(["s3://", "S3://", "s3:/", "s3:", "gs://", "https://", "file://", ""])
AUTHORITIES = st.sampled_from(["bucket", "Bucket", "bucket.evil", "bucket@evil", "bucket:443", "bucket\\@evil", ""])


def _as_read(address: str) -> tuple[str, str, str]:
    """How a careless reader takes an address: everything decoded, every step followed."""
    decoded = address
    while unquote(decoded) != decoded:
        decoded = unquote(decoded)
    parts = urlsplit(decoded.replace("\\", "/"))
    return parts.scheme.lower(), parts.netloc, posixpath.normpath(f"/{parts.path}".replace("//", "/"))


@given(SCHEMES, AUTHORITIES, st.lists(PIECES, max_size=5))
@example("s3://", "bucket", ["root", "..", "other"])
@example("s3://", "bucket", ["root", "%2e%2e", "other"])
@example("s3://", "bucket", ["root-evil"])
@example("s3://", "bucket", ["", "root", "a"])
def test_nothing_outside_a_bucket_and_folder_is_held_by_it(scheme: str, authority: str, pieces: list[str]) -> None:
    root, address = read_address("s3://bucket/root"), scheme + "/".join([authority, *pieces])
    try:
        held = root.holds(read_address(address))
    except ValueError:
        return
    read_as = _as_read(address)
    if held:
        assert read_as[:2] == ("s3", "bucket")
        assert read_as[2] == "/root" or read_as[2].startswith("/root/")


@settings(deadline=None)  # it makes a folder for every example
@given(
    st.sampled_from(["file://", "file:", "", "FILE://", "file://localhost", "file://evil"]),
    st.lists(PIECES, max_size=4),
)
@example("file://", ["root", "link", "secret"])
@example("", ["root", "%2e%2e", "secret"])
def test_nothing_outside_a_local_folder_is_held_by_it_as_mlflow_and_we_read_it(scheme: str, pieces: list[str]) -> None:
    from mlflow.utils.file_utils import local_file_uri_to_path

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder).resolve()
        (base / "root" / "inner").mkdir(parents=True)
        (base / "root" / "link").symlink_to(base)
        address = scheme + "/".join([str(base), *pieces])
        root = read_address(str(base / "root")).real()
        try:
            place = read_address(address).real()
        except ValueError:
            return
        if root.holds(place):
            for read_as in (local_file_uri_to_path(address), local_file_uri_to_path(place.address), str(place.path)):
                if not read_as.startswith("FILE"):  # which MLflow takes for a folder of this name
                    assert Path(os.path.realpath(read_as)).is_relative_to(base / "root")


@pytest.mark.parametrize(
    ("root", "inside", "outside"),
    [
        ("s3://bucket/root", "s3://bucket/root", "s3://bucket/root-evil"),
        ("s3://bucket/root/", "s3://bucket/root/a//b", "s3://bucket/Root/a"),
        ("S3://bucket/root", "s3://bucket/root/", "s3://Bucket/root"),
        ("s3://bucket", "s3://bucket/any", "s3://bucket2/any"),
        ("s3://bucket/root", "s3://bucket/root/100% + ?#.csv", "s3://bucket//root/a"),
        ("https://data.example/x", "https://DATA.example/x/y.csv?sig=1", "https://data.example:8443/x/y.csv"),
        ("https://data.example/x", "https://data.example/x", "https://data.example@evil.example/x"),
        ("https://data.example/x", "https://data.example/x/y", "http://data.example/x/y"),
        ("mlflow-artifacts:/", "mlflow-artifacts:/1/a", "mlflow-artifacts://evil.example/1/a"),
        ("/data", "file:///data/a%20b.csv", "/data2"),
        ("file:///data/", "/data/a b.csv", "/database"),
    ],
)
def test_what_lies_in_a_place(root: str, inside: str, outside: str) -> None:
    assert read_address(root).holds(read_address(inside))
    assert not read_address(root).holds(read_address(outside))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("s3://bucket/root/../x", "leaves the folder it begins with"),
        ("s3://bucket/root/%2e%2e/x", "leaves the folder it begins with"),
        ("s3://bucket/root/%25252e%25252e/x", "leaves the folder it begins with"),
        ("s3://bucket/%2525252525252561", "is encoded again and again"),
        ("s3://bucket/root/a%2f..%2fx", "leaves the folder it begins with"),
        ("s3://bucket\\@evil/root", "holds characters that no address needs"),
        ("s3://bucket/ro\not", "holds characters that no address needs"),
        (" s3://bucket/root", "holds characters that no address needs"),
        (f"s3://bucket/{'a' * 5000}", "holds characters that no address needs"),
        ("file://evil/etc/passwd", "names another machine"),
        ("file:etc/passwd", "is a path that depends on the folder it is read from"),
        ("relative/path", "is a path that depends on the folder it is read from"),
        ("~/secret", "is a path that depends on the folder it is read from"),
        ("/data/%2e%2e/etc", "can be read in several ways"),
        ("file:///etc/passwd?/data", "can be read in several ways"),
        ("file:///etc/passwd#/data", "can be read in several ways"),
        ("file:///data/%2e%2e/etc", "leaves the folder it begins with"),
        ("file:///data/%2e%2e%2fetc", "leaves the folder it begins with"),
    ],
)
def test_what_could_be_read_in_two_ways_is_read_in_none(address: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        read_address(address)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@data.example/a.csv?sig=secret#secret", "https://data.example/a.csv"),
        ("https://data.example?sig=secret", "https://data.example"),
        ("s3://key:secret@bucket/a", "s3://bucket/a"),
        ("wasbs://models@account.blob.core.windows.net/a", "wasbs://models@account.blob.core.windows.net/a"),
        ("/data/what?.csv", "/data/what?.csv"),
        ("s3://b/\x1b[31m\u202e", "s3://b/\\x1b[31m\\u202e"),
        ("/" + "a" * 400, "/" + "a" * 299 + "..."),
    ],
)
def test_no_secret_and_no_control_character_is_shown(address: str, shown: str) -> None:
    assert shown_address(address) == shown
