"""A line to a server that breaks, or goes silent, at the moment a certain request passes."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["How", "SeveredLine", "severed_line", "silent_server"]

How = Literal["cut", "silent", "unanswered"]
_CHUNK = 65536
_GO_ON = b"HTTP/1.1 100 "  # no answer yet: the server asks for the rest of the request


@dataclass(kw_only=True)
class SeveredLine:
    """A proxy in front of a server."""

    uri: str
    reached: threading.Event = field(default_factory=threading.Event)  # set once what is held back has come by
    mended: threading.Event = field(default_factory=threading.Event)  # to be set: what was held back goes on, late


@contextlib.contextmanager
def severed_line(server: str, at: bytes, how: How) -> Iterator[SeveredLine]:
    """Pass everything on to a server until a request holds ``at``.

    Args:
        server: its address.
        at: part of the request's first line, such as ``POST /api/2.0/mlflow/runs/create``.
        how: ``cut`` ends every connection and accepts none from then on, as when the server dies;
            ``silent`` keeps every such request back, and ``unanswered`` the answer to it; all others pass.
    """
    proxy = _Proxy(server, at, how)
    threading.Thread(target=proxy.accept, daemon=True).start()
    try:
        yield proxy.line
    finally:
        proxy.end()
        proxy.line.mended.set()


class _Proxy:
    """Two threads for every connection, one a direction."""

    def __init__(self, server: str, at: bytes, how: How) -> None:
        self._target = (urlsplit(server).hostname or "", urlsplit(server).port or 80)
        self._at = at
        self._how = how
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listener]
        self.line = SeveredLine(uri=f"http://127.0.0.1:{self._listener.getsockname()[1]}")

    def accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                upstream = socket.create_connection(self._target)
                self._open += [client, upstream]
                asked = threading.Event()
                for carry in (self._carry_requests, self._carry_answers):
                    threading.Thread(target=carry, args=(client, upstream, asked), daemon=True).start()

    def end(self) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):  # it may have been closed by the other side
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _carry_requests(self, client: socket.socket, upstream: socket.socket, asked: threading.Event) -> None:
        with contextlib.suppress(OSError):  # either side may close at any time
            while data := client.recv(_CHUNK):
                if self._at in data and not self.line.mended.is_set():
                    asked.set()
                    if self._how != "unanswered":
                        self.line.reached.set()
                    if self._how == "cut":
                        self.end()
                        return
                    if self._how == "silent":
                        self.line.mended.wait()
                upstream.sendall(data)
            upstream.shutdown(socket.SHUT_WR)

    def _carry_answers(self, client: socket.socket, upstream: socket.socket, asked: threading.Event) -> None:
        with contextlib.suppress(OSError):  # likewise
            while data := upstream.recv(_CHUNK):
                if self._how == "unanswered" and asked.is_set() and not data.startswith(_GO_ON):
                    self.line.reached.set()
                    self.line.mended.wait()
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """Address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
