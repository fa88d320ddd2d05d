"""A storage that fails for chosen requests: a real S3 server behind a proxy that answers some of them itself."""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Failure", "FaultyStorage", "faulty_storage"]

# ``cut`` breaks the line in the middle of what is sent, ``short`` sends less and calls it the whole, ``silence`` takes
# the request and never answers; the others are what S3 says when it is broken, asked too much, or asked by a stranger.
Failure = Literal["500", "503", "403", "cut", "short", "silence"]

_CODES: dict[str, str] = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}
_OF_ONE_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


class FaultyStorage:
    """What a test sets, and what its proxy does."""

    def __init__(self, upstream: str) -> None:
        """Stand in front of the storage at this address; see ``faulty_storage``."""
        self._upstream = urlsplit(upstream).netloc
        self._failing: tuple[Failure, re.Pattern[str]] | None = None
        self._mended = threading.Event()
        self.struck = 0  # requests that met the failure
        self.uri = ""

    def fail(self, failure: Failure, requests: str) -> None:
        """Fail from now on for every request whose method and path match, and for no other.

        Args:
            failure: how.
            requests: regular expression, such as ``GET .*/model.pkl``.
        """
        self._mended.clear()
        self.struck = 0
        self._failing = failure, re.compile(requests)

    def mend(self) -> None:
        """Be well again; requests that were kept waiting end without an answer."""
        self._failing = None
        self._mended.set()

    def failure(self, request: str) -> Failure | None:
        """How a request fails; None: it does not."""
        failing = self._failing
        if failing is None or not failing[1].match(request):
            return None
        self.struck += 1
        return failing[0]

    def wait_until_mended(self) -> None:
        """As long as the silence lasts."""
        self._mended.wait()

    def ask(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Ask the storage itself. The signature covers the headers, the name of the host too: none is changed.

        Returns:
            Status, headers and content of its answer.
        """
        with contextlib.closing(http.client.HTTPConnection(self._upstream, timeout=60)) as connection:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name.lower() not in {"connection", "expect"}:
                    connection.putheader(name, value)
            connection.endheaders(body)
            found = connection.getresponse()
            return found.status, dict(found.getheaders()), found.read()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, storage: FaultyStorage) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.storage = storage


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # clients ask whether they may send before they do
    server: _Listener

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):  # who asked may have given up
            super().handle_one_request()

    def _pass_on(self) -> None:
        storage = self.server.storage
        failure = storage.failure(f"{self.command} {self.path}")
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length // 2 if failure == "cut" else length)
        if failure in _CODES:
            code = _CODES[failure]
            self._answer(int(failure), {}, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())
        elif failure == "silence" or len(body) < length:
            if failure == "silence":
                storage.wait_until_mended()
            self.close_connection = True
        else:
            self._answer(*storage.ask(self.command, self.path, self.headers, body), failure)

    def _answer(self, status: int, headers: dict[str, str], content: bytes, failure: Failure | None = None) -> None:
        sent = content[: len(content) // 2] if failure in {"cut", "short"} else content
        length = str(len(sent if failure == "short" else content))
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _OF_ONE_HOP:
                self.send_header(name, value)
        is_head = self.command == "HEAD"
        self.send_header("Content-Length", headers.get("Content-Length", "0") if is_head else length)
        self.end_headers()
        if not is_head:
            self.wfile.write(sent)
            self.close_connection |= failure == "cut"

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - the names it is called by

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing: what is asked is the tests' own doing."""


@contextlib.contextmanager
def faulty_storage(upstream: str) -> Iterator[FaultyStorage]:
    """Stand in front of an S3 server for the length of the block.

    Args:
        upstream: its address.
    """
    storage = FaultyStorage(upstream)
    with _Listener(storage) as listener:
        storage.uri = f"http://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield storage
        finally:
            storage.mend()
            listener.shutdown()
            thread.join()
