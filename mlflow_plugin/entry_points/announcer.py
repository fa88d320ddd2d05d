"""Tells the workers of new versions, without ever failing or holding up whoever registered one."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Announcer", "NoteTable"]

_PATIENCE_S = 1.0  # a note is written in a few milliseconds
_PAUSE_S = 60.0
_MOST_WAITING = 1000  # notes, while the table does not answer

_logger = logging.getLogger("interp.registry_store")


class NoteTable(Protocol):
    """Where notes are left: a job table."""

    def note(self, name: str, version: int, workspace: str = "") -> None:
        """Leave a note of a version."""

    def close(self) -> None:
        """Give back what it holds."""


@dataclass(frozen=True, eq=False)
class _Note:
    name: str
    version: int
    workspace: str
    settled: threading.Event = field(default_factory=threading.Event)  # written, or given up


class Announcer:
    """Leaves notes from a thread of its own. Safe for threads and after a fork.

    The thread lives as long as there are notes to write: a burst of registrations shares one connection, and
    an idle client holds none.
    """

    def __init__(
        self, open_table: Callable[[], NoteTable], *, patience_s: float = _PATIENCE_S, pause_s: float = _PAUSE_S
    ) -> None:
        """Prepare; nothing is opened before the first version.

        Args:
            open_table: opens the job table; may raise anything, and take as long as it likes.
            patience_s: the longest a registration waits, in s.
            pause_s: for how long nothing is tried after a failure, in s; the next scan finds what was not announced.
        """
        self._open_table = open_table
        self._patience_s = patience_s
        self._pause_s = pause_s
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """Start afresh: a fork leaves locks as they are and threads behind."""
        self._lock = threading.Lock()
        self._waiting: deque[_Note] = deque()
        self._writing = False
        self._late = False  # the thread was waited for in vain, and has not ended since
        self._quiet_until = float("-inf")

    def announce(self, name: str, version: int, workspace: str) -> None:
        """Leave a note, and wait briefly until it is written: a program may end right after. Never raises."""
        note = _Note(name, version, workspace)
        with self._lock:
            if time.monotonic() < self._quiet_until:
                return
            if len(self._waiting) >= _MOST_WAITING:
                self._fall_silent(f"the job table does not answer, and {_MOST_WAITING} others are waiting")
                return
            self._waiting.append(note)
            if not self._writing:
                self._start()
            patience_s = 0.0 if self._late else self._patience_s
        if not note.settled.wait(patience_s):
            with self._lock:
                self._late = self._writing

    def _start(self) -> None:
        """Start the thread; the caller holds the lock."""
        try:
            # A daemon: a program that ends does not wait for a database.
            threading.Thread(target=self._write_all, name="interp-announcer", daemon=True).start()
            self._writing = True
        except RuntimeError as error:  # there are too many threads, or the interpreter is ending
            self._fall_silent(str(error))

    def _write_all(self) -> None:
        failure = ""
        note = None
        try:
            with closing(self._open_table()) as table:
                while (note := self._next()) is not None:
                    table.note(note.name, note.version, note.workspace)
                    note.settled.set()
        except Exception as error:  # noqa: BLE001 - whatever it is: the registration it follows has succeeded
            failure = str(error) or type(error).__name__
        with self._lock:
            self._writing = self._late = False
            if failure:
                self._fall_silent(failure)
                if note is not None:
                    note.settled.set()
            elif self._waiting:  # since the last look
                self._start()

    def _next(self) -> _Note | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _fall_silent(self, why: str) -> None:
        """Try nothing for a while, and let go of whoever waits; the caller holds the lock."""
        self._quiet_until = time.monotonic() + self._pause_s
        _logger.warning(
            "a new version is registered but was not announced: %s; the next scan finds it, and nothing is announced "
            "for %.0f s",
            " ".join(why.split()),
            self._pause_s,
        )
        while self._waiting:
            self._waiting.popleft().settled.set()
