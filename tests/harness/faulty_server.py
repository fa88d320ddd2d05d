"""A server that fails in a chosen way from a chosen request on, until it is mended."""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FaultyServer", "Outage", "faulty_server"]

Outage = Literal["refuses", "answers 401", "answers 403", "answers 404", "answers 500", "hangs"]

_OF_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}


class FaultyServer:
    """Stands in front of a server and passes everything on, a connection for each request, while it is well."""

    def __init__(self, upstream: str) -> None:
        """Stand in front of the server at this address; see ``faulty_server``."""
        self._upstream = urlsplit(upstream).netloc
        self._outage: Outage | None = None
        self._at: re.Pattern[str] | None = None  # the first request that fails; None: none will
        self._lock = threading.Lock()
        self._mended = threading.Event()
        self._port = 0
        self._listener: ThreadingHTTPServer | None = None
        self.reached = threading.Event()  # set once a request has failed
        self._listen()

    @property
    def uri(self) -> str:
        """Its address, which stays."""
        return f"http://127.0.0.1:{self._port}"

    def fail(self, outage: Outage, at: str = "") -> None:
        """Fail for every request, from the first one on whose method and path match.

        Args:
            outage: ``refuses``: nobody listens any more, as when a server has ended; ``answers`` everything with
                that status; ``hangs``: takes requests and never answers, nor does any of it reach the server.
            at: regular expression, such as ``PUT .*report.html``.
        """
        self._mended.clear()
        self.reached.clear()
        self._outage, self._at = outage, re.compile(at)

    def mend(self) -> None:
        """Be well again."""
        self._at = None
        self._mended.set()
        self._listen()

    def close(self) -> None:
        """Listen no longer."""
        self._mended.set()
        self._hang_up()

    def outage(self, request: str) -> Outage | None:
        """How this request fails; None: it does not."""
        with self._lock:  # of several threads one ends the listener
            if self._at is None or not (self.reached.is_set() or self._at.match(request)):
                return None
            if self._outage == "refuses":
                self._hang_up()
            self.reached.set()
            return self._outage

    def wait_until_mended(self) -> None:
        """As long as a request hangs."""
        self._mended.wait()

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """What the server itself answers, with its content."""
        kept = {name: value for name, value in headers.items() if name.lower() != "connection"}
        with contextlib.closing(http.client.HTTPConnection(self._upstream, timeout=60)) as connection:
            connection.request(method, path, body=body, headers=kept)
            answer = connection.getresponse()
            return answer, answer.read()

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
            self._port = self._listener.server_address[1]
            threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()

    def _hang_up(self) -> None:
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.socket.close()
            self._listener = None


def _handler(server: FaultyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """HTTP/1.0: every request comes on a connection of its own, so none is left when the listener ends."""

        def handle_one_request(self) -> None:
            with contextlib.suppress(ConnectionError):  # who asked may have given up
                super().handle_one_request()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            outage = server.outage(f"{self.command} {self.path}")
            if outage is None:
                self._answer(*server.ask(self.command, self.path, dict(self.headers), body))
            elif outage == "hangs":
                server.wait_until_mended()
            elif outage.startswith("answers "):
                self.send_error(int(outage.removeprefix("answers ")))

        def _answer(self, answer: http.client.HTTPResponse, content: bytes) -> None:
            self.send_response(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in _OF_ONE_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - the names it is called by

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Say nothing: what is asked is the tests' own doing."""

    return Handler


@contextlib.contextmanager
def faulty_server(upstream: str) -> Iterator[FaultyServer]:
    """Stand in front of a server for the length of the block.

    Args:
        upstream: its address.
    """
    server = FaultyServer(upstream)
    try:
        yield server
    finally:
        server.close()
