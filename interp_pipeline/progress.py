"""How long work says where it is, without knowing who is listening."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["LoggedProgress", "NamedProgress", "Progress", "SilentProgress"]

_LINE_EVERY_S = 5.0  # a line per stage, and within long stages one every so often

_logger = logging.getLogger("interp")


class Progress(Protocol):
    """Listens to long work: one call of ``track`` per stage, one call of its result per step."""

    def track(self, stage: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Open a stage.

        Args:
            stage: what is being done, as shown to the user: ``Explaining with shap_tree``.
            total: number of steps the stage has.

        Returns:
            Context manager giving ``advance(n)``, to be called after every n finished steps.
        """

    def say(self, message: str) -> None:
        """Tell the user one fact worth a line of its own."""


class SilentProgress:
    """Listens and shows nothing."""

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Open a stage nobody watches."""
        del stage, total
        yield lambda _steps: None

    def say(self, message: str) -> None:
        """Drop the message."""


class LoggedProgress:
    """Lines of the logger ``interp``, level INFO: what a log file, a pipe or a notebook wants.

    From Python nothing is shown until somebody listens: ``logging.basicConfig(format="%(message)s")`` and
    ``logging.getLogger("interp").setLevel("INFO")``.
    """

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Log the end of the stage, and in between where it is and how long is left."""
        started = last = time.monotonic()
        done = begun = 0
        begun_at = started  # when the first steps were done: they take longer, since libraries are loaded with them

        def advance(steps: int) -> None:
            nonlocal done, last, begun, begun_at
            done += steps
            now = time.monotonic()
            begun, begun_at = (begun, begun_at) if begun else (done, now)
            if now - last >= _LINE_EVERY_S and done < total:
                last = now
                left = (
                    f", about {(now - begun_at) / (done - begun) * (total - done):.0f} s left" if done > begun else ""
                )
                _logger.info("%s: %d of %d%s", stage, done, total, left)

        yield advance
        _logger.info("%s: done in %.1f s", stage, time.monotonic() - started)

    def say(self, message: str) -> None:
        """Log a line."""
        _logger.info("%s", message)


class NamedProgress:
    """Passes on to another listener, with the name of what the work is about before every line."""

    def __init__(self, name: str, listener: Progress) -> None:
        """Put ``name`` before what ``listener`` is told."""
        self._name, self._listener = name, listener

    def track(self, stage: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Open a stage under the name."""
        return self._listener.track(f"{self._name}: {stage}", total)

    def say(self, message: str) -> None:
        """Pass a line on under the name."""
        self._listener.say(f"{self._name}: {message}")
