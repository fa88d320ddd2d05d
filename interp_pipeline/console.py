"""What a command line shows: progress, one-line errors, exit codes. Used by every command and project."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from interp_pipeline.addresses import cleaned
from interp_pipeline.errors import InterpError, UsageError
from interp_pipeline.plain_text import plain
from interp_pipeline.progress import LoggedProgress
from interp_pipeline.sockets import prompt_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType
    from typing import TextIO

    from rich.console import Console

    from interp_pipeline.progress import Progress

__all__ = [
    "EXIT_FAILED",
    "EXIT_USAGE",
    "OneLineCommand",
    "OneLineGroup",
    "configure_logging",
    "console_progress",
    "log_fields",
    "project_command",
    "run_guarded",
]

_T = TypeVar("_T")

EXIT_FAILED = 1
EXIT_USAGE = 2
_EXIT_BY_SIGNAL = 128  # plus the number of the signal, as shells count

# These libraries set up their logging when they are imported, from variables. TensorFlow reports its
# start-up on levels up to "error" (its real errors are raised); without oneDNN's kernels it sums in
# one fixed order, and says nothing about it.
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # standard output holds the result, for scripts to read
}

# MLflow's client would try every call eight times for two minutes each. This is enough to outlast a
# restart of the server (about half a minute), and a server that is gone is reported before one gives up.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}

# These log, with tracebacks or once per attempt, what they raise as well: it would stand there twice.
_RAISED_TOO = ("mlflow.store.db.utils", "urllib3.connectionpool")

_logger = logging.getLogger("interp")
_fields: ContextVar[Mapping[str, Any]] = ContextVar("fields of every log line", default=MappingProxyType({}))


@contextmanager
def log_fields(**fields: Any) -> Iterator[None]:
    """Let every line that is logged in the block (by this thread) carry these fields, where lines are JSON.

    A line's own fields are given with it: ``logger.info(..., extra={"fields": {...}})``.
    """
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def console_progress(log_format: str = "text") -> Progress:
    """Progress bars with the time left on a terminal, plain lines elsewhere, JSON lines where asked for."""
    if log_format == "text" and sys.stderr.isatty():
        from rich.console import Console

        return _BarProgress(Console(stderr=True))
    return LoggedProgress()


class _BarProgress:
    """Bars drawn by rich."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show one bar while the stage lasts."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with RichProgress(*columns, console=self._console) as bars:
            task = bars.add_task(plain(stage), total=total)
            yield lambda steps: bars.advance(task, steps)

    def say(self, message: str) -> None:
        """Print a line above the bars."""
        self._console.print(plain(message), markup=False, highlight=False)


class _JsonFormatter(logging.Formatter):
    """One event a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a JSON object."""
        event = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **({} if _is_ours(record) else {"logger": record.name}),
            **_fields.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return plain(json.dumps(event, ensure_ascii=False))  # which writes them as JSON does


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == _logger.name


class _TextFormatter(logging.Formatter):
    """A line as people read it; where many versions are worked on, it begins with the one it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, with the traceback it may have below it."""
        line, model = super().format(record), _fields.get().get("model")
        line = line if model is None or str(model) in line else f"{model}: {line}"
        return plain(line, "\n" if record.exc_info or not _is_ours(record) else "")


def _only_when_debugging(_record: logging.LogRecord) -> bool:
    return False


def configure_logging(log_format: str, *, debug: bool = False) -> None:
    """Send our own lines to standard error, as text or as JSON, and keep other libraries to warnings.

    As JSON every line is an object, those of other libraries too, which name the ``logger`` they come from.

    Args:
        log_format: ``text`` or ``json``.
        debug: also show what libraries log about errors that they raise as well.
    """
    for name, value in {**_QUIET, **_PATIENCE}.items():
        os.environ.setdefault(name, value)
    for name in _RAISED_TOO:  # a filter, since MLflow resets the levels of its loggers when it is imported
        logger = logging.getLogger(name)
        (logger.removeFilter if debug else logger.addFilter)(_only_when_debugging)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter("%(message)s"))
    _logger.handlers = [handler]
    _logger.setLevel(logging.INFO)
    _logger.propagate = False
    _take_over_others(handler if log_format == "json" else None)


def _take_over_others(handler: logging.Handler | None) -> None:
    """Let other libraries write through this handler; None: as they would by themselves."""
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if isinstance(each.formatter, _JsonFormatter)]:
        root.removeHandler(earlier)
    logging.captureWarnings(handler is not None)
    if handler is not None:
        os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")  # else it gives its loggers a handler of their own
        root.addHandler(handler)


class _Terminated(KeyboardInterrupt):
    """SIGTERM: ``mlflow run`` sends it on to its child when it is interrupted itself."""


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that an open run is marked as failed on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_guarded(action: Callable[[], None], *, debug: bool = False) -> None:
    """Run a command; end the process with one readable line and a fitting exit code where it fails.

    Exit code 1: it failed; 2: it was called wrongly; 130 or 143: interrupted, or terminated.

    Args:
        action: the command.
        debug: show the whole traceback instead.
    """
    try:
        with _sigterm_raises(), prompt_answers():
            action()
            sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        number = signal.SIGTERM if isinstance(interrupt, _Terminated) else signal.SIGINT
        _end(f"interrupted by {number.name}; nothing unfinished was registered or published", _EXIT_BY_SIGNAL + number)
    except InterpError as error:
        if debug:
            raise
        _end(
            "; ".join([str(error), *getattr(error, "__notes__", ())]),
            EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED,
        )
    except Exception as error:
        if isinstance(error, OSError) and _output_failed():
            _end(f"the result could not be written to standard output: {error.strerror}", EXIT_FAILED)
        if debug:
            raise
        _end(f"unexpected {type(error).__name__}: {error}; run it again with --debug to see where", EXIT_FAILED)


def _end(message: str, code: int) -> None:
    _logger.error("error: %s", " ".join(cleaned(message).split()))
    sys.exit(code)


class _Output:
    """Standard output that remembers whether it could be written to: an OSError does not say whose it is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, and remember a failure."""
        return self._watched(lambda: self._stream.write(text))

    def flush(self) -> None:
        """Write what waits, and remember a failure."""
        self._watched(self._stream.flush)

    def _watched(self, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except OSError:
            self.failed = True
            raise


def _output_failed() -> bool:
    """Whether standard output could not be written to; then it leads nowhere from now on.

    Else Python would complain when it ends, and writes what waits.
    """
    output = sys.stdout
    if not isinstance(output, _Output) or not output.failed:
        return False
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output.fileno())
    os.close(nowhere)
    return True


def _prepare_streams() -> None:
    """Let no character that a stream cannot hold cost a result, and refuse to work without standard output.

    Where a stream is closed its number would go to the next file that is opened, and what a library prints into
    that file.

    Raises:
        click.ClickException: standard output is closed.
    """
    closed = [stream is None for stream in (sys.stdin, sys.stdout, sys.stderr)]
    if any(closed):
        number = os.open(os.devnull, os.O_RDWR)
        while number <= 2:  # noqa: PLR2004 - those of the three
            number = os.dup(number)
        os.close(number)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for as long as the process lives
    if closed[1]:
        msg = "standard output is closed; to show the result nowhere, send it to /dev/null"
        raise click.ClickException(msg)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is sys.__stdout__:  # and not a test's
        sys.stdout = cast("TextIO", _Output(cast("TextIO", sys.stdout)))


class _OneLineErrors(click.Command):
    """Says what is wrong with the options in one line, as all other errors are said."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command, and end the process."""
        try:
            _prepare_streams()
            sys.exit(super().main(*args, **{**extra, "standalone_mode": False}) or 0)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(EXIT_USAGE)
        except click.UsageError as error:
            hint = f"; see: {error.ctx.command_path} --help" if error.ctx is not None else ""
            self._end(error, hint, EXIT_USAGE)
        except click.ClickException as error:
            self._end(error, "", EXIT_FAILED)
        except OSError as error:  # of the help, or the version
            if not _output_failed():
                raise
            click.echo(f"error: this could not be written to standard output: {error.strerror}", err=True)
            sys.exit(EXIT_FAILED)
        except click.Abort:  # interrupted before the command began
            click.echo("error: interrupted by SIGINT", err=True)
            sys.exit(_EXIT_BY_SIGNAL + signal.SIGINT)

    @staticmethod
    def _end(error: click.ClickException, hint: str, code: int) -> None:
        message = plain(" ".join(error.format_message().split()).rstrip("."))
        click.echo(f"error: {message[:1].lower()}{message[1:]}{hint}", err=True)
        sys.exit(code)


class OneLineCommand(_OneLineErrors):
    """A command whose usage errors are one line."""


class OneLineGroup(_OneLineErrors, click.Group):
    """A group of commands whose usage errors are one line."""


def project_command(function: Callable[..., None]) -> click.Command:
    """Make the script of an MLflow project a command: plain lines, one-line errors, exit codes.

    Args:
        function: takes the click options declared on it, and ``progress``.
    """

    @click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
    @wraps(function)
    def wrapped(*, debug: bool, **options: Any) -> None:
        configure_logging("text", debug=debug)
        run_guarded(lambda: function(progress=console_progress(), **options), debug=debug)

    return click.command(cls=OneLineCommand)(wrapped)
