"""A limit of time for talking to PostgreSQL, whose drivers wait for an answer for ever."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Deadline", "Lines"]


class Deadline:
    """Hangs up on a server that does not answer in time.

    A server's own limits (``statement_timeout``) do nothing where the server, or what stands between, is
    frozen. Closing the line from this side makes either driver say that the connection was lost.
    """

    def __init__(self, limit_s: float) -> None:
        """Set how long everything inside one ``with deadline.kept()`` may take together, in s."""
        self._limit_s = limit_s
        self._of_thread = threading.local()

    @contextmanager
    def kept(self) -> Iterator[Lines]:
        """Hang up on all lines watched by this thread once the limit is over."""
        lines = Lines()
        self._of_thread.lines = lines
        timer = threading.Timer(self._limit_s, lines.hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield lines
        finally:
            timer.cancel()
            self._of_thread.lines = None
            lines.forget()

    def watch(self, descriptor: int) -> None:
        """Include the connection with this file descriptor, if the calling thread keeps a deadline."""
        lines: Lines | None = getattr(self._of_thread, "lines", None)
        if lines is not None:
            lines.add(descriptor)


class Lines:
    """The sockets in use between the beginning of a deadline and its end."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.over = False

    def add(self, descriptor: int) -> None:
        """Watch a connection too.

        It takes a duplicate: the driver may close its own, and the number be given to another file.
        """
        line = socket.socket(fileno=os.dup(descriptor))
        with self._lock:
            self._sockets.append(line)
            late = self.over
        if late:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the lines from this side."""
        with self._lock:
            self.over = True
            for line in self._sockets:
                with suppress(OSError):  # the other side was faster
                    line.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Let go of the lines, which stay open."""
        with self._lock:
            for line in self._sockets:
                line.close()
            self._sockets.clear()
