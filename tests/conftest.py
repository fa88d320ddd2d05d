"""What every test gets: a clean environment, an empty working directory, and real servers on request."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.browser import chromium, fresh_context
from harness.postgres import postgres_server
from harness.s3 import s3_server
from harness.tracking_server import tracking_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.postgres import Postgres
    from harness.s3 import S3Server
    from playwright.sync_api import Browser, BrowserContext, Page

_TESTS = Path(__file__).parent
_LONGEST = ("faults", "e2e", "integration", "contract", "unit")
_LOG_LINES = "interp_pipeline.command.log_lines"
_FOREIGN = ("MLFLOW_", "AWS_", "INTERP_")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--screenshots docs/images`` renews the pictures of the documentation."""
    parser.addoption("--screenshots", metavar="DIR", help="save pictures of the pages looked at into this folder")


def pytest_configure() -> None:
    """What starts the tests in the background makes them deaf to Ctrl-C, or to the end of a terminal.

    They stay deaf, but programs under test do not inherit it: a handler is forgotten by a new program, "ignore" is not.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose tests take longest come first: else the last file to be begun is waited for by idle processes."""
    items.sort(key=lambda item: _LONGEST.index(item.path.relative_to(_TESTS).parts[0]))


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path) -> Iterator[None]:
    """Nothing of the person's settings reaches a test, and nothing of a test reaches the next."""
    before, folder = dict(os.environ), os.getcwd()  # noqa: PTH109 - given back to chdir as it is
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            del os.environ[name]
    os.environ["DO_NOT_TRACK"] = "true"  # no telemetry from any library
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.chdir(tmp_path)
    _forget_mlflow_state()
    yield
    _forget_mlflow_state()
    _forget_logging()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(before)


def _forget_mlflow_state() -> None:
    """MLflow keeps the open run, the chosen experiment and both URIs in module globals."""
    if "mlflow.tracking.fluent" not in sys.modules:
        return  # do not pay for the import in tests that never touch it
    import mlflow
    from mlflow.tracking import fluent

    while mlflow.active_run():
        mlflow.end_run("KILLED")
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # None is its own word for "not set"
    mlflow.set_registry_uri(None)  # type: ignore[arg-type]  # likewise
    fluent._active_experiment_id = None


def _forget_logging() -> None:
    """A command sends lines to a stream that ends with the test, and ours to no one else, whichever test comes next."""
    if any(type(handler.formatter).__module__ == _LOG_LINES for handler in logging.getLogger().handlers):
        importlib.import_module(_LOG_LINES).configure_logging("text")
    ours = logging.getLogger("interp")
    ours.handlers, ours.propagate = [], True
    ours.setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def s3_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One S3 server for all tests of this process."""
    with s3_server(tmp_path_factory.mktemp("s3") / "server") as server:
        yield server


@pytest.fixture
def s3(s3_process: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, with this test's environment pointing to it."""
    for name, value in s3_process.environment.items():
        monkeypatch.setenv(name, value)
    return s3_process


@pytest.fixture
def s3_read_only(s3_process: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, with this test's environment holding a user who may read and not write."""
    server = s3_process.as_reader()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests of this process; each user asks it for a database of its own."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def proxying_server(
    tmp_path_factory: pytest.TempPathFactory, s3_process: S3Server, postgres: Postgres
) -> Iterator[str]:
    """URI of an MLflow server on PostgreSQL that passes artifacts on to S3; clients need no S3 credentials."""
    with tracking_server(
        tmp_path_factory.mktemp("mlflow"),
        store=postgres.new_database(),
        artifacts=f"s3://{s3_process.bucket}/proxied",
        environment=s3_process.environment,
    ) as uri:
        yield uri


@pytest.fixture(scope="session")
def direct_server(tmp_path_factory: pytest.TempPathFactory, s3_process: S3Server, postgres: Postgres) -> Iterator[str]:
    """URI of an MLflow server on PostgreSQL whose clients write artifacts to S3 themselves."""
    with tracking_server(
        tmp_path_factory.mktemp("mlflow"),
        store=postgres.new_database(),
        artifacts=f"s3://{s3_process.bucket}/direct",
        proxied=False,
        environment=s3_process.environment,
    ) as uri:
        yield uri


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this process."""
    with chromium() as running_browser:
        yield running_browser


@pytest.fixture
def browser_context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile without history, cut off from everything but this machine."""
    with fresh_context(browser) as context:
        yield context


@pytest.fixture
def page(browser_context: BrowserContext) -> Page:
    """An empty browser tab."""
    return browser_context.new_page()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Saves what a browser tab shows as ``<name>.png``, if ``--screenshots`` was given."""
    folder = request.config.getoption("--screenshots")

    def save(page: Page, name: str) -> None:
        if folder is not None:
            page.wait_for_timeout(1000)  # milliseconds: let pictures and bars finish moving
            page.screenshot(path=Path(request.config.invocation_params.dir, folder, f"{name}.png"))

    return save
