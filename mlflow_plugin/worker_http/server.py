"""Serves an application from a thread of the worker's process."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from starlette.types import ASGIApp

__all__ = ["parse_listen", "serve_in_background"]

_HEADERS_WITHIN_S = 10.0
_MOST_WAITING = 100  # connections on which nothing was asked yet
_MOST_HEADER_BYTES = 16 * 1024
_STOP_WITHIN_S = 5.0  # what is being answered when the end is announced
_LARGEST_PORT = 65535
_LISTEN = re.compile(r"(?:\[(?P<ipv6>[^]]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


def parse_listen(listen: str) -> tuple[str, int]:
    """Read where to listen: ``host:port``, ``[::1]:port`` or ``:port``, which is every address of the machine.

    Raises:
        UsageError: it is none of these.
    """
    found = _LISTEN.fullmatch(listen)
    if found is None or int(found["port"]) > _LARGEST_PORT:
        msg = f"cannot listen on {listen!r}: write host:port, for example 127.0.0.1:8080"
        raise UsageError(msg)
    return found["ipv6"] or found["host"] or "", int(found["port"])


@contextmanager
def serve_in_background(app: ASGIApp, host: str, port: int) -> Iterator[str]:
    """Serve for the length of the block; requests under way at its end have a few seconds to come to theirs.

    Args:
        app: the application.
        host: address or name to listen on; empty: all addresses of the machine.
        port: 0 takes a free one.

    Yields:
        The address, ``http://host:port``.

    Raises:
        UsageError: nothing can listen there; the port may be taken.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        http=_OneRequest,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=[("Connection", "close")],
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        timeout_graceful_shutdown=int(_STOP_WITHIN_S),
    )
    # It would tell of every broken request, and what it says of itself is nobody's business here.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="interp-service", daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        bound_to, bound_port = listener.getsockname()[:2]
        yield f"http://{f'[{bound_to}]' if ':' in bound_to else bound_to}:{bound_port}"
    finally:
        server.should_exit = True
        thread.join(2 * _STOP_WITHIN_S)
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    """Bind here, not in the thread: what is wrong with the address has to end the command."""
    everywhere = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if everywhere or ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=everywhere)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        msg = f"cannot listen on {host}:{port}: {why}; choose another address and port"
        raise UsageError(msg) from error


class _OneRequest(H11Protocol):
    """One request per connection, whose head has to come soon: idle connections must not keep probes out.

    No connection is refused for their number; where many wait, the one that has waited longest is hung up on. Whoever
    asks at once, as probes do, is answered.
    """

    made_at = 0.0  # by the loop's clock

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Give the caller a while to say what is wanted."""
        super().connection_made(transport)
        self.made_at = self.loop.time()
        waiting = [each for each in self.connections if isinstance(each, _OneRequest) and each.cycle is None]
        if len(waiting) > _MOST_WAITING:
            min(waiting, key=lambda each: each.made_at).transport.abort()
        self.loop.call_later(_HEADERS_WITHIN_S, self._end_unless_asked)

    def _end_unless_asked(self) -> None:
        if self.cycle is None:
            self.transport.abort()
