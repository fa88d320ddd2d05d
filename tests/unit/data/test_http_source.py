import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pandas as pd
import pytest

from interp_pipeline.addresses import without_secrets
from interp_pipeline.data.sources import read_table
from interp_pipeline.errors import SourceRefusedError, TrackingError, UsageError

CSV = b"a,b\n" + b"1,x\n" * 500_000  # 2 MB: more than one piece
STATUS = {"/gone.csv": 410, "/login.csv": 401, "/forbidden.csv": 403, "/teapot.csv": 418, "/broken.csv": 500}
STATUS |= {"/busy.csv": 503, "/slow-down.csv": 429, "/missing.csv": 404}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in STATUS:
            self.send_error(STATUS[path])
        elif path == "/loop.csv":
            self.send_response(302)
            self.send_header("Location", "/loop.csv")
            self.end_headers()
        elif path == "/moved.csv":
            self.send_response(301)
            self.send_header("Location", "/table.csv")
            self.end_headers()
        elif path == "/short.csv":
            self.answer(CSV[:100], length=len(CSV))
        else:
            types = {"/download": "text/csv; charset=utf-8", "/page": "text/html"}
            self.answer(CSV, content_type=types.get(path))

    def answer(self, body: bytes, content_type: str | None = None, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if content_type:
            self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Keep the tests' output clean."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/table.csv", "/Table.CSV", "/table.csv?token=abc", "/moved.csv", "/download"])
def test_a_table_is_fetched(server: Any, path: Any) -> None:
    frame = read_table(server + path)
    assert frame.shape == (500_000, 2)
    assert frame.iloc[-1].tolist() == [1, "x"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing.csv", "the server answered 404 Not Found; check the address$"),
        ("/gone.csv", "answered 410 Gone; check the address$"),
        ("/login.csv", "answered 401 .*; it wants a user and password or a signed address$"),
        ("/forbidden.csv", "answered 403 .*; you are not allowed to read it"),
        ("/teapot.csv", "answered 418 .*; check the address$"),
        ("/loop.csv", "cannot be fetched: TooManyRedirects; check the address$"),
        ("/page", "is none of the files that are read here: .* the server calls it 'text/html'$"),
        ("/nameless", "is none of the files that are read here: .* the server does not say what it is$"),
    ],
)
def test_what_will_never_work(server: Any, path: Any, message: Any) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_table(f"{server}{path}?signature=secret")
    assert str(caught.value).startswith(server + path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/broken.csv", "answered 500 Internal Server Error; try again later$"),
        ("/busy.csv", "answered 503 .*; try again later$"),
        ("/slow-down.csv", "answered 429 .*; try again later$"),
        ("/short.csv", "the answer broke off before its end; try again$"),
    ],
)
def test_what_may_work_later(server: Any, path: Any, message: Any) -> None:
    with pytest.raises(TrackingError, match=message):
        read_table(server + path)


def test_nobody_there() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        address = f"http://127.0.0.1:{closed.server_port}/x.csv"
    with pytest.raises(TrackingError, match=r"the server cannot be reached \(ConnectionError\); check the address"):
        read_table(address)


def test_a_server_that_does_not_speak_tls(server: Any) -> None:
    with pytest.raises(UsageError, match=r"the server's certificate is not trusted; name your authority"):
        read_table(server.replace("http://", "https://") + "/table.csv")


@pytest.mark.parametrize("address", ["http://", "http://:80/x.csv", "http://[::1/x.csv"])
def test_an_address_that_is_none(address: Any) -> None:
    with pytest.raises(UsageError, match="check the address"):
        read_table(address)


@pytest.mark.parametrize(
    ("source", "clean"),
    [
        ("https://user:pass@host:8080/a/b.csv?X-Amz-Signature=abc#part", "https://host:8080/a/b.csv"),
        ("s3://bucket/a b.csv", "s3://bucket/a b.csv"),
        ("folder/a?b.csv", "folder/a?b.csv"),
    ],
)
def test_secrets_are_left_out(source: Any, clean: Any) -> None:
    assert without_secrets(source) == clean


def test_a_slow_answer_is_given_up(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interp_pipeline.data.http_source._TIMEOUTS_S", (1.0, 0.05))
    hold = threading.Event()
    monkeypatch.setattr(Handler, "answer", lambda *_args, **_kwargs: hold.wait(10))
    try:
        with pytest.raises(TrackingError, match=r"no answer within 0\.05 seconds; try again later"):
            read_table(server + "/table.csv")
    finally:
        hold.set()


def test_a_parquet_file_is_fetched(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    content = pd.DataFrame({"a": [1, 2]}).to_parquet()
    monkeypatch.setattr(Handler, "do_GET", lambda handler: handler.answer(content))
    assert read_table(server + "/t.parquet")["a"].tolist() == [1, 2]


def test_a_redirect_is_followed_only_where_that_is_wanted(server: str) -> None:
    assert len(read_table(f"{server}/moved.csv")) == 500_000
    with pytest.raises(SourceRefusedError, match=r"moved\.csv is elsewhere now, and other addresses are not followed"):
        read_table(f"{server}/moved.csv", redirects=False)


def test_a_file_is_not_fetched_beyond_its_limit(server: str) -> None:
    assert len(read_table(f"{server}/table.csv", max_bytes=len(CSV))) == 500_000
    with pytest.raises(SourceRefusedError, match=r"table\.csv is larger than"):
        read_table(f"{server}/table.csv", max_bytes=len(CSV) - 1)
