"""An answer that comes in two parts is acknowledged without delay."""

from __future__ import annotations

import http.server
import socket
import threading
from typing import TYPE_CHECKING

import pytest
import urllib3

from interp_pipeline.command.prompt_sockets import prompt_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

_linux = pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux alone can be told so")


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def _told(port: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What a connection is told about acknowledgements while it is asked twice."""
    told: list[int] = []
    plain = socket.socket.setsockopt

    def watched(self: socket.socket, level: int, name: int, value: int) -> None:
        if (level, name) == (socket.IPPROTO_TCP, socket.TCP_QUICKACK):
            told.append(value)
        plain(self, level, name, value)

    monkeypatch.setattr(socket.socket, "setsockopt", watched)
    with urllib3.PoolManager() as pool:
        for _ in range(2):
            assert pool.request("GET", f"http://127.0.0.1:{port}/").status == 200
    return told


@_linux
def test_every_answer_is_acknowledged_at_once_in_the_block_and_only_there(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with prompt_answers():
        inside = _told(port, monkeypatch)
    assert inside == [1, 1]
    assert _told(port, monkeypatch) == []
