"""Commands that end with one readable line and a fitting exit code, whatever goes wrong."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from interp_pipeline.addresses import cleaned
from interp_pipeline.command.log_lines import LOGGER, configure_logging
from interp_pipeline.command.output_streams import output_failed, prepare_streams
from interp_pipeline.command.progress_bars import console_progress
from interp_pipeline.command.prompt_sockets import prompt_answers
from interp_pipeline.errors import InterpError, UsageError
from interp_pipeline.plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["EXIT_FAILED", "EXIT_USAGE", "OneLineCommand", "OneLineGroup", "project_command", "run_guarded"]


EXIT_FAILED = 1
EXIT_USAGE = 2
_EXIT_BY_SIGNAL = 128  # plus the number of the signal, as shells count


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
        if isinstance(error, OSError) and output_failed():
            _end(f"the result could not be written to standard output: {error.strerror}", EXIT_FAILED)
        if debug:
            raise
        _end(f"unexpected {type(error).__name__}: {error}; run it again with --debug to see where", EXIT_FAILED)


def _end(message: str, code: int) -> None:
    LOGGER.error("error: %s", " ".join(cleaned(message).split()))
    sys.exit(code)


class _OneLineErrors(click.Command):
    """Says what is wrong with the options in one line, as all other errors are said."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command, and end the process."""
        try:
            prepare_streams()
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
            if not output_failed():
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
