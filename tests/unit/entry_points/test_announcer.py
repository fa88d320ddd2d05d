"""New versions are announced, and whoever registers one never notices where that fails."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import pytest

from interp_pipeline.errors import TrackingError
from mlflow_plugin.entry_points.announcer import Announcer

if TYPE_CHECKING:
    from collections.abc import Callable

_DEADLINE_S = 120.0


class _Table:
    """Writes notes down; may fail, or hang until it is let go."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, int, str]] = []
        self.opened = self.closed = 0
        self.failure: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()

    def open(self) -> _Table:
        self.opened += 1
        return self

    def note(self, name: str, version: int, workspace: str = "") -> None:
        assert self.answers.wait(_DEADLINE_S)
        if self.failure is not None:
            raise self.failure
        self.notes.append((name, version, workspace))

    def close(self) -> None:
        self.closed += 1


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_note_is_written_before_the_registration_returns() -> None:
    table = _Table()
    announcer = Announcer(table.open)
    announcer.announce("credit", 3, "team")
    assert table.notes == [("credit", 3, "team")]
    _until(lambda: table.closed == table.opened == 1)  # nothing is held while nothing is registered


def test_many_at_once_are_all_written_over_few_connections() -> None:
    table = _Table()
    announcer = Announcer(table.open, patience_s=_DEADLINE_S)
    begin = threading.Barrier(32)

    def register(version: int) -> None:
        begin.wait()
        announcer.announce("credit", version, "")

    threads = [threading.Thread(target=register, args=(version,)) for version in range(1, 33)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(version for _, version, _ in table.notes) == list(range(1, 33))
    _until(lambda: table.closed == table.opened)


@pytest.mark.parametrize("failure", [TrackingError("the disk\nis full"), RuntimeError("odd"), ImportError("no driver")])
def test_a_failure_is_one_warning_and_then_silence(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    table = _Table()
    table.failure = failure
    announcer = Announcer(table.open)
    for version in range(1, 6):
        announcer.announce("credit", version, "")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "\n" not in record.getMessage()
    assert str(failure).split()[-1] in record.getMessage()
    assert table.opened == 1


def test_a_table_that_cannot_be_opened_is_a_failure_too(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> _Table:
        raise PermissionError(13, "Permission denied")

    Announcer(refuse).announce("credit", 1, "")
    assert "Permission denied" in caplog.text


def test_after_the_pause_it_is_tried_again() -> None:
    table = _Table()
    table.failure = TrackingError("gone")
    announcer = Announcer(table.open, pause_s=0.0)
    announcer.announce("credit", 1, "")
    _until(lambda: table.closed == 1)
    table.failure = None
    announcer.announce("credit", 2, "")
    assert table.notes == [("credit", 2, "")]


def test_a_table_that_hangs_holds_up_one_registration_and_gets_all_notes_later() -> None:
    table = _Table()
    table.answers.clear()
    announcer = Announcer(table.open, patience_s=0.05)
    announcer.announce("credit", 1, "")
    announcer._patience_s = 3600.0  # whoever waited now would wait until the test times out
    for version in range(2, 5):
        announcer.announce("credit", version, "")
    assert table.notes == []
    table.answers.set()
    _until(lambda: len(table.notes) == 4)
    _until(lambda: table.closed == table.opened)
    announcer.announce("credit", 5, "")  # no longer late: waited for again
    assert table.notes[-1] == ("credit", 5, "")


def test_what_waits_for_a_hanging_table_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    table = _Table()
    table.answers.clear()
    announcer = Announcer(table.open, patience_s=0.01)
    most = 0
    for version in range(1, 1500):
        announcer.announce("credit", version, "")
        most = max(most, len(announcer._waiting))
    assert most == 1000
    assert len(caplog.records) == 1
    assert announcer._waiting == deque()  # and nothing more is kept until the pause is over
    table.answers.set()
    _until(lambda: table.closed == table.opened)


def test_a_forked_child_announces_by_itself() -> None:
    table = _Table()
    table.answers.clear()
    announcer = Announcer(table.open, patience_s=0.01)
    announcer.announce("credit", 1, "")  # a thread hangs in the table, and would be missing in the child
    child = _fork()
    if child == 0:
        table.answers = threading.Event()
        table.answers.set()
        announcer._patience_s = _DEADLINE_S
        announcer.announce("credit", 2, "")
        os._exit(0 if table.notes == [("credit", 2, "")] else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    table.answers.set()
    _until(lambda: table.closed == table.opened)


def _fork() -> int:
    import warnings

    with warnings.catch_warnings():  # Python 3.12 warns of forks beside threads: here one is wanted
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def test_where_no_thread_can_be_had_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    Announcer(_Table().open, patience_s=3600.0).announce("credit", 1, "")
    assert "can't start new thread" in caplog.text
