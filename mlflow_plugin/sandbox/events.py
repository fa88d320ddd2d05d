"""How a child tells its progress, and how the parent listens to a child it does not trust.

One JSON object a line, written whole: ``{"open": 3, "stage": "Explaining", "total": 200}``, ``{"step": 3, "n": 32}``,
``{"close": 3}``, ``{"say": "..."}``, and two without content: ``{"held": true}``, sent before any code of the model
ran, and ``{"done": true}``, sent behind the answer.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interp_pipeline.progress import Progress

__all__ = ["EventReader", "EventWriter"]

_LONGEST_LINE = 2048  # bytes; the kernel writes up to 4096 in one piece
_LONGEST_TEXT = 400  # characters
_MOST_PER_S = 50.0  # events passed on; a burst of as many more is let through
_BURST = 200.0
_MOST_OPEN = 16
_MOST_STEPS = 10**9
_FLOOD = 10_000  # lines that were not passed on
_STEP_EVERY_S = 0.05  # what is finished in between is added up


class EventWriter:
    """The child's progress listener: writes what it hears to a descriptor."""

    def __init__(self, descriptor: int) -> None:
        """Write to that descriptor."""
        self._descriptor = descriptor
        self._opened = 0

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Tell of a stage, of its steps and of its end."""
        self._opened += 1
        number, waiting, last = self._opened, 0, time.monotonic()
        self._send({"open": number, "stage": stage[:_LONGEST_TEXT], "total": total})

        def advance(steps: int) -> None:
            nonlocal waiting, last
            waiting += steps
            if time.monotonic() - last >= _STEP_EVERY_S:
                self._send({"step": number, "n": waiting})
                waiting, last = 0, time.monotonic()

        yield advance
        if waiting:
            self._send({"step": number, "n": waiting})
        self._send({"close": number})

    def say(self, message: str) -> None:
        """Tell one fact."""
        self._send({"say": message[:_LONGEST_TEXT]})

    def held(self) -> None:
        """Tell that the layers are on."""
        self._send({"held": True})

    def done(self) -> None:
        """Tell that the answer is complete."""
        self._send({"done": True})

    def _send(self, event: dict[str, Any]) -> None:
        os.write(self._descriptor, json.dumps(event).encode() + b"\n")


class _CutOffError(Exception):
    """A child ended in the middle of a stage."""


class EventReader:
    """Passes on what a child tells, as far as it is of the right form, size and rate; the rest is counted."""

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        """Pass events on to that listener."""
        self.held = False
        self.done = False
        self.refused = 0  # lines and events that were not passed on
        self._progress = progress
        self._clock = clock
        self._line = b""
        self._skipping = False  # inside a line that is too long
        self._allowance, self._asked = _BURST, clock()
        self._open: dict[int, tuple[ExitStack, Callable[[int], None], int]] = {}

    def feed(self, data: bytes) -> None:
        """Take what was read from the child; memory stays below one line whatever comes."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole = self._line + line
            if self._skipping or len(whole) > _LONGEST_LINE:
                self.refused += 1
            else:
                self._take(whole)
            self._line, self._skipping = b"", False
        self._line += rest
        if len(self._line) > _LONGEST_LINE:
            self._line, self._skipping = b"", True

    @property
    def flooded(self) -> bool:
        """Whether the child sends so much that reading it is all that one could do."""
        return self.refused > _FLOOD

    def close(self) -> None:
        """End the stages the child left open, as work that was cut off: nobody is told that it is done."""
        while self._open:
            with suppress(_CutOffError), self._open.popitem()[1][0]:
                raise _CutOffError

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            self.refused += 1
            return
        if not isinstance(event, dict) or not self._pass_on(event):
            self.refused += 1

    def _pass_on(self, event: dict[str, Any]) -> bool:
        if event.get("held") is True:
            self.held = True
        elif event.get("done") is True:
            self.done = True
        elif isinstance(event.get("say"), str):
            return self._within_rate() and self._say(event["say"])
        elif _is_count(event.get("open")):
            return self._within_rate() and self._enter(event["open"], event.get("stage"), event.get("total"))
        elif _is_count(event.get("step")):
            return self._within_rate() and self._step(event["step"], event.get("n"))
        elif _is_count(event.get("close")):
            return self._leave(event["close"])
        else:
            return False
        return True

    def _within_rate(self) -> bool:
        now = self._clock()
        self._allowance = min(_BURST, self._allowance + (now - self._asked) * _MOST_PER_S)
        self._asked = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _say(self, text: str) -> bool:
        self._progress.say(_plain(text))
        return True

    def _enter(self, number: int, stage: Any, total: Any) -> bool:
        if number in self._open or len(self._open) >= _MOST_OPEN or not (isinstance(stage, str) and _is_count(total)):
            return False
        stack = ExitStack()
        advance = stack.enter_context(self._progress.track(_plain(stage), total))
        self._open[number] = stack, advance, total
        return True

    def _step(self, number: int, steps: Any) -> bool:
        if number not in self._open or not _is_count(steps):
            return False
        stack, advance, left = self._open[number]
        taken = min(steps, left)  # a bar does not run past its end
        self._open[number] = stack, advance, left - taken
        if taken:
            advance(taken)
        return True

    def _leave(self, number: int) -> bool:
        if number not in self._open:
            return False
        self._open.pop(number)[0].close()
        return True


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_STEPS


def _plain(text: str) -> str:
    """Text that moves no cursor and fits a line."""
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST_TEXT])
