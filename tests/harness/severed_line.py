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

__all__ = ["SeveredLine", "severed_line", "silent_server"]

_CHUNK = 65536


@dataclass(kw_only=True)
class SeveredLine:
    """A proxy in front of a server."""

    uri: str
    reached: threading.Event = field(default_factory=threading.Event)  # set once the request has passed by


@contextlib.contextmanager
def severed_line(server: str, at: bytes, how: Literal["cut", "silent"]) -> Iterator[SeveredLine]:
    """Pass everything on to a server until a request holds ``at``.

    Args:
        server: its address.
        at: part of the request's first line, such as ``POST /api/2.0/mlflow/runs/create``.
        how: ``cut`` ends every connection and accepts none from then on, as when the server dies;
            ``silent`` keeps this one request unanswered, and all others are.
    """
    target = (urlsplit(server).hostname or "", urlsplit(server).port or 80)
    listener = socket.create_server(("127.0.0.1", 0))
    line = SeveredLine(uri=f"http://127.0.0.1:{listener.getsockname()[1]}")
    open_sockets: list[socket.socket] = []

    def end_everything() -> None:
        for each in (listener, *open_sockets):
            with contextlib.suppress(OSError):  # it may have been closed by the other side
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def carry(source: socket.socket, sink: socket.socket, *, watched: bool) -> None:
        with contextlib.suppress(OSError):  # either side may close at any time
            while data := source.recv(_CHUNK):
                if watched and at in data:
                    line.reached.set()
                    if how == "cut":
                        end_everything()
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = listener.accept()
                upstream = socket.create_connection(target)
                open_sockets.extend((client, upstream))
                threading.Thread(target=carry, args=(client, upstream), kwargs={"watched": True}, daemon=True).start()
                threading.Thread(target=carry, args=(upstream, client), kwargs={"watched": False}, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield line
    finally:
        end_everything()


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """Address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
