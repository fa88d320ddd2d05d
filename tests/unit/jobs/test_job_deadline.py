from __future__ import annotations

import socket
import threading

from mlflow_plugin.jobs.deadline import Deadline


def test_a_line_is_hung_up_on_when_time_is_over() -> None:
    deadline = Deadline(0.1)
    here, there = socket.socketpair()
    with here, there:
        with deadline.kept() as lines:
            deadline.watch(here.fileno())
            assert here.recv(1) == b""  # for ever, if nobody hung up
            assert lines.over
        assert there.recv(1) == b""


def test_a_line_that_comes_too_late_is_hung_up_on_at_once() -> None:
    deadline = Deadline(0)
    here, there = socket.socketpair()
    with here, there, deadline.kept() as lines:
        over = threading.Event()
        while not lines.over:
            over.wait(0.01)
        deadline.watch(here.fileno())
        assert here.recv(1) == b""


def test_lines_of_before_and_of_other_threads_are_left_alone() -> None:
    deadline = Deadline(0.05)
    lines = [socket.socketpair() for _ in range(3)]
    before, other, mine = (here for here, _ in lines)
    deadline.watch(before.fileno())  # outside of any deadline
    patient = Deadline(60)
    with patient.kept():
        patient.watch(before.fileno())
    with deadline.kept() as kept:
        thread = threading.Thread(target=deadline.watch, args=(other.fileno(),))
        thread.start()
        thread.join()
        deadline.watch(mine.fileno())
        assert mine.recv(1) == b""
        assert kept.over
    for untouched in (before, other):
        untouched.settimeout(0)
        try:
            assert untouched.recv(1) == b"still open", "hung up"
        except BlockingIOError:
            continue
    for pair in lines:
        for each in pair:
            each.close()
