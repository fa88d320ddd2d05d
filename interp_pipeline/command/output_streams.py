"""Standard output and error: what cannot be written costs no result, and a failure is known to be theirs."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

__all__ = ["output_failed", "prepare_streams"]

_T = TypeVar("_T")


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


def output_failed() -> bool:
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


def prepare_streams() -> None:
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
