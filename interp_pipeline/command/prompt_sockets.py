"""Connections on which no answer waits for an acknowledgement."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.response import HTTPResponse

__all__ = ["prompt_answers"]


@contextmanager
def prompt_answers() -> Iterator[None]:
    """Acknowledge at once what HTTP servers send, for the length of the block; for a process that is ours.

    A server of several processes, as ``mlflow server`` is where nobody says otherwise, sends the head of an answer
    and keeps the rest until the head is acknowledged (Nagle's algorithm, RFC 896; asyncio turns it off only for
    sockets it made itself). Linux puts an acknowledgement off for 40 ms where it expects to send something anyway
    (tcp(7), TCP_QUICKACK), so that every request takes that much longer. Elsewhere nothing changes.
    """
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class PromptHTTP(HTTPConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as that of urllib3 itself
            _acknowledge_at_once(self.sock)
            return super().getresponse()

    class PromptHTTPS(HTTPSConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as that of urllib3 itself
            _acknowledge_at_once(self.sock)
            return super().getresponse()

    before = HTTPConnectionPool.ConnectionCls, HTTPSConnectionPool.ConnectionCls
    HTTPConnectionPool.ConnectionCls, HTTPSConnectionPool.ConnectionCls = PromptHTTP, PromptHTTPS
    try:
        yield
    finally:
        HTTPConnectionPool.ConnectionCls, HTTPSConnectionPool.ConnectionCls = before


def _acknowledge_at_once(connection: socket.socket | None) -> None:
    """Until something is sent again: the system forgets it then."""
    if connection is not None and hasattr(socket, "TCP_QUICKACK") and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
