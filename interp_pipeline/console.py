"""What a command line shows: progress, one-line errors, exit codes. Used by every command and project."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from interp_pipeline.errors import InterpError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import click
    from rich.console import Console

    from interp_pipeline.progress import Progress

__all__ = ["EXIT_FAILED", "EXIT_USAGE", "configure_logging", "console_progress", "project_command", "run_guarded"]

EXIT_FAILED = 1
EXIT_USAGE = 2
_LINE_EVERY_S = 5.0  # off a terminal: a line per stage, and within long stages one every so often

# These libraries set up their logging when they are imported, from variables. TensorFlow reports its
# start-up on levels up to "error" (its real errors are raised); without oneDNN's kernels it sums in
# one fixed order, and says nothing about it.
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "MLFLOW_LOGGING_LEVEL": "WARNING"}

_logger = logging.getLogger("interp")


def console_progress(log_format: str = "text") -> Progress:
    """Progress bars with the time left on a terminal, plain lines elsewhere, JSON lines where asked for."""
    if log_format == "text" and sys.stderr.isatty():
        from rich.console import Console

        return _BarProgress(Console(stderr=True))
    return _LineProgress()


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
            task = bars.add_task(stage, total=total)
            yield lambda steps: bars.advance(task, steps)

    def say(self, message: str) -> None:
        """Print a line above the bars."""
        self._console.print(message, markup=False, highlight=False)


class _LineProgress:
    """Lines through the logger: what a log file or a pipe wants."""

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Log the end of the stage, and in between where it is and how long is left."""
        started = last = time.monotonic()
        done = 0

        def advance(steps: int) -> None:
            nonlocal done, last
            done += steps
            now = time.monotonic()
            if now - last >= _LINE_EVERY_S and done < total:
                last = now
                left_s = (now - started) / done * (total - done)
                _logger.info("%s: %d of %d, about %.0f s left", stage, done, total, left_s)

        yield advance
        _logger.info("%s: done in %.1f s", stage, time.monotonic() - started)

    def say(self, message: str) -> None:
        """Log a line."""
        _logger.info("%s", message)


class _JsonFormatter(logging.Formatter):
    """One event a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a JSON object."""
        event = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


def configure_logging(log_format: str) -> None:
    """Send our own lines to standard error, as text or as JSON, and keep other libraries to warnings."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else logging.Formatter("%(message)s"))
    _logger.handlers = [handler]
    _logger.setLevel(logging.INFO)
    _logger.propagate = False


def run_guarded(action: Callable[[], None], *, debug: bool = False) -> None:
    """Run a command; end the process with one readable line and a fitting exit code where it fails.

    Exit code 1: it failed; 2: it was called wrongly; 130: interrupted.

    Args:
        action: the command.
        debug: show the whole traceback instead.
    """
    try:
        action()
    except KeyboardInterrupt:
        _logger.error("interrupted; nothing was published")  # noqa: TRY400 - a traceback is not wanted here
        sys.exit(130)
    except InterpError as error:
        if debug:
            raise
        _logger.error("error: %s", " ".join(str(error).split()))  # noqa: TRY400 - one line unless --debug
        sys.exit(EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED)


def project_command(function: Callable[..., None]) -> click.Command:
    """Make the script of an MLflow project a command: plain lines, one-line errors, exit codes.

    Args:
        function: takes the click options declared on it, and ``progress``.
    """
    import click

    @wraps(function)
    def wrapped(**options: Any) -> None:
        configure_logging("text")
        run_guarded(lambda: function(progress=console_progress(), **options))

    return click.command()(wrapped)
