from __future__ import annotations

import pytest

from interp_pipeline.errors import UsageError
from mlflow_plugin.worker_http.server import parse_listen


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("worker.example.com:1", ("worker.example.com", 1)),
        ("[::1]:8080", ("::1", 8080)),
        (":8080", ("", 8080)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_an_address_is_read(listen: str, expected: tuple[str, int]) -> None:
    assert parse_listen(listen) == expected


@pytest.mark.parametrize(
    "listen",
    [
        "",
        "8080",
        "localhost",
        "localhost:",
        "localhost:http",
        "::1:80",
        "[::1:80",
        "[]:80",
        "a:b:80",
        "a:65536",
        "a:-1",
    ],
)
def test_what_is_none_is_refused(listen: str) -> None:
    with pytest.raises(UsageError, match="write host:port"):
        parse_listen(listen)
