"""The worker's side of one running child: listen to it, watch it, end it when it is time to."""

from __future__ import annotations

import os
import selectors
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlflow_plugin.sandbox.watch import Excess

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin.sandbox.events import EventReader
    from mlflow_plugin.sandbox.limits import Limits
    from mlflow_plugin.sandbox.server_process import ServerProcess
    from mlflow_plugin.sandbox.watch import Watch

__all__ = ["Ending", "attend"]

_POLL_S = 0.1  # between two looks at the clock, at ``cancelled`` and at the child
_AT_ONCE_BYTES = 65536
_PIPE_READS = 64  # what can be left in a pipe, with room to spare
_KEPT_BYTES = 16384  # of what was printed
_DEATH_S = 10.0  # how long a killed child may take to be gone


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a child ended."""

    status: int | None  # as the kernel tells it; None: the fork server ended, and the child with it
    killed_for: Literal["time", "cancelled"] | Excess | None  # None: it ended by itself
    printed: bytes  # the last of it
    wall_s: float
    cpu_s: float
    peak_memory_bytes: int  # resident; what it shares with the fork server included


class _Tail:
    """Keeps the end of what passes through."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> None:
        self._kept = (self._kept + data)[-_KEPT_BYTES:]

    @property
    def content(self) -> bytes:
        return self._kept


def attend(
    server: ServerProcess,
    *,
    output: int,
    events: int,
    reader: EventReader,
    watch: Watch,
    limits: Limits,
    cancelled: Callable[[], bool],
) -> Ending:
    """Stay with a child until it is gone. However this is left, the child is gone.

    Args:
        server: which has forked it.
        output: descriptor of what it prints; never blocks.
        events: descriptor of its progress; never blocks.
        reader: takes its progress.
        watch: knows what else it does.
        limits: its wall-clock time.
        cancelled: asked at least five times a second.
    """
    attendance = _Attendance(server, watch, reader, limits, cancelled)
    tail = _Tail()
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ, tail.feed)
            selector.register(events, selectors.EVENT_READ, reader.feed)
            selector.register(server, selectors.EVENT_READ)
            while not attendance.over:
                for key, _ in selector.select(_POLL_S):
                    if key.data is None:
                        attendance.take_ending()
                    elif not _pump(key.fd, key.data):
                        selector.unregister(key.fd)
                attendance.look()
        for descriptor, feed in ((output, tail.feed), (events, reader.feed)):
            for _ in range(_PIPE_READS):
                if not _pump(descriptor, feed):
                    break
    finally:
        attendance.finish()
    return attendance.ending(tail.content)


def _pump(descriptor: int, feed: Callable[[bytes], None]) -> bool:
    """Hand on what can be read now; False if there is no more."""
    try:
        data = os.read(descriptor, _AT_ONCE_BYTES)
    except BlockingIOError:
        return False
    feed(data)
    return bool(data)


class _Attendance:
    """The state of a child as its worker knows it."""

    def __init__(
        self, server: ServerProcess, watch: Watch, reader: EventReader, limits: Limits, cancelled: Callable[[], bool]
    ) -> None:
        self.over = False
        self._server = server
        self._watch = watch
        self._reader = reader
        self._cancelled = cancelled
        self._started = time.monotonic()
        self._deadline = self._started + limits.wall_s
        self._next_look = self._started
        self._killed_for: Literal["time", "cancelled"] | Excess | None = None
        self._killed_at: float | None = None
        self._wall_s = 0.0
        self._told: dict[str, float] | None = None

    def look(self) -> None:
        """See whether it is time to end the child, at most every tenth of a second."""
        now = time.monotonic()
        if self.over or now < self._next_look:
            return
        self._next_look = now + _POLL_S
        if self._killed_at is not None:
            if now > self._killed_at + _DEATH_S:
                self._server.stop()  # which takes the child with it
                self._end()
            return
        if self._cancelled():
            self._kill("cancelled")
        elif now >= self._deadline:
            self._kill("time")
        elif self._reader.flooded:
            self._kill(Excess(out_of_memory=False, what="sent more progress than anybody could read"))
        elif (excess := self._watch.excess()) is not None:
            self._kill(excess)

    def take_ending(self) -> None:
        """Note how the child ended; the server's message is there."""
        self._told = self._server.ending()
        self._end()

    def finish(self) -> None:
        """See that the child is gone, where the attendance was broken off."""
        if not self.over:
            self._server.stop()
            self._end()

    def ending(self, printed: bytes) -> Ending:
        """What became of it."""
        told = self._told or {}
        return Ending(
            status=int(told["status"]) if told else None,
            killed_for=self._killed_for,
            printed=printed,
            wall_s=self._wall_s,
            cpu_s=told.get("cpu_s", 0.0),
            peak_memory_bytes=1024 * int(told.get("peak_kib", 0)),
        )

    def _kill(self, reason: Literal["time", "cancelled"] | Excess) -> None:
        self._killed_for, self._killed_at = reason, time.monotonic()
        self._server.kill_child()

    def _end(self) -> None:
        self.over = True
        self._wall_s = time.monotonic() - self._started
