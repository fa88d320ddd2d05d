"""The process that draws for a worker: takes the numbers of a version, gives its files, and has a limit of time."""

from __future__ import annotations

import importlib
import logging
import signal
import traceback
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from interp_pipeline.errors import InterpError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DrawerDiedError", "serve"]


class DrawerDiedError(Exception):
    """The process that draws ended by itself, or raised what it should not: a defect of ours, or want of memory."""


class _Telling(logging.Handler):
    """In the process that draws: sends progress, and what is logged."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        super().__init__()
        self._send = connection.send

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Tell of a stage, of its steps and of its end."""
        self._send(("open", (stage, total)))
        yield lambda steps: self._send(("step", steps))
        self._send(("close", None))

    def say(self, message: str) -> None:
        """Tell one fact."""
        self._send(("say", message))

    def emit(self, record: logging.LogRecord) -> None:
        """Tell a line of a log."""
        self._send(("log", (record.name, record.levelno, record.getMessage())))


def serve(descriptor: int, function: str, cpu_s: float) -> None:
    """Draw what is asked for, until the other end of the line closes.

    Each version has a limit of processor time, by a timer of this process whose signal ends it, inside compiled code
    too.

    Args:
        descriptor: of the socket.
        function: "module:name" of what draws.
        cpu_s: processor time of one version, in s.
    """
    connection: Connection[Any, Any] = Connection(descriptor)
    telling = _Telling(connection)
    logging.captureWarnings(capture=True)
    logging.getLogger().addHandler(telling)
    logging.getLogger("interp").setLevel(logging.INFO)
    module, _, name = function.partition(":")
    draw = getattr(importlib.import_module(module), name)
    with suppress(BrokenPipeError, ConnectionResetError):  # the worker has gone
        connection.send(("ready", None))
        while True:
            try:
                work = connection.recv()
            except EOFError:
                return
            signal.setitimer(signal.ITIMER_PROF, cpu_s)
            answer = _answer(draw, work, telling)
            signal.setitimer(signal.ITIMER_PROF, 0)
            connection.send(answer)


def _answer(draw: Callable[..., dict[str, bytes]], work: tuple[Any, ...], telling: _Telling) -> tuple[str, Any]:
    try:
        return "drawn", draw(*work, telling)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except InterpError as error:
        return "failed", error
    except Exception as error:  # noqa: BLE001 - a defect of ours, to be logged where the log is
        died = DrawerDiedError(f"drawing failed: {type(error).__name__}: {error}")
        died.add_note("".join(traceback.format_exception(error)))
        return "failed", died
