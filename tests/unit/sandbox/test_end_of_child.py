from __future__ import annotations

import signal
from typing import Any

import pytest

from interp_pipeline.errors import ModelProcessError
from mlflow_plugin.sandbox import Cancelled, Limits
from mlflow_plugin.sandbox.attendance import Ending
from mlflow_plugin.sandbox.end_of_child import SandboxNotReadyError, judge
from mlflow_plugin.sandbox.watch import Excess

_LIMITS = Limits(wall_s=12, memory_bytes=3 << 29, cpu_s=7)


def _judge(*, held: bool = True, done: bool = False, **ending: Any) -> None:
    defaults = {"status": 0, "killed_for": None, "printed": b"", "wall_s": 1.0, "cpu_s": 1.0, "peak_memory_bytes": 1}
    judge(Ending(**{**defaults, **ending}), held=held, done=done, limits=_LIMITS)


def _exit(code: int) -> int:
    return code << 8


@pytest.mark.parametrize(
    ("ending", "kind", "words"),
    [
        ({"status": _exit(0)}, "crashed", "ended without an answer, with exit code 0"),
        ({"status": _exit(3)}, "crashed", "ended with exit code 3"),
        ({"status": _exit(86)}, "out_of_memory", "ran out of memory; it may use 1.5 GiB"),
        ({"status": signal.SIGSEGV}, "crashed", "was ended by SIGSEGV"),
        ({"status": signal.SIGSEGV | 0x80}, "crashed", "was ended by SIGSEGV"),  # with a core dump
        ({"status": signal.SIGABRT, "printed": b"std::bad_alloc\n"}, "out_of_memory", "SIGABRT for want of memory"),
        ({"status": signal.SIGKILL}, "out_of_memory", "was ended by SIGKILL, as the system does"),
        ({"status": 40}, "crashed", "was ended by signal 40"),
        ({"status": signal.SIGXCPU}, "out_of_time", "it had used 7 s of processor time"),
        ({"status": signal.SIGKILL, "cpu_s": 7.5}, "out_of_time", "it had used 7 s of processor time"),
        ({"status": signal.SIGKILL, "killed_for": "time"}, "out_of_time", "it had not finished after 12 s"),
        ({"status": None}, "crashed", "the sandbox's fork server ended"),
    ],
)
def test_every_end_has_its_kind(ending: dict[str, Any], kind: str, words: str) -> None:
    with pytest.raises(ModelProcessError, match=words) as caught:
        _judge(**ending)
    assert caught.value.kind == kind


@pytest.mark.parametrize("of_memory", [True, False])
def test_a_limit_that_was_passed_is_named(of_memory: bool) -> None:  # noqa: FBT001 - a parameter of the test
    excess = Excess(out_of_memory=of_memory, what="made more than 3 files")
    with pytest.raises(ModelProcessError, match="was ended: it made more than 3 files") as caught:
        _judge(status=signal.SIGKILL, killed_for=excess)
    assert caught.value.kind == ("out_of_memory" if of_memory else "crashed")


def test_an_answer_is_no_reason_to_raise() -> None:
    _judge(status=0, done=True)


def test_a_child_that_says_it_is_done_and_dies_did_not_do_its_work() -> None:
    with pytest.raises(ModelProcessError, match="SIGSEGV"):
        _judge(status=signal.SIGSEGV, done=True)


def test_nobody_is_judged_who_was_called_back() -> None:
    with pytest.raises(Cancelled):
        _judge(status=signal.SIGKILL, killed_for="cancelled")


def test_a_child_that_could_not_be_held_is_the_machines_fault() -> None:
    with pytest.raises(
        SandboxNotReadyError, match=r"could not be closed .* on this machine \(it printed last: layer landlock: no\)"
    ):
        _judge(held=False, status=_exit(1), printed=b"something\nlayer landlock: no\n\n")


def test_the_last_line_is_quoted_in_one_line_without_marks() -> None:
    with pytest.raises(ModelProcessError) as caught:
        _judge(status=_exit(1), printed=b"first\nbad \x1b[2J\xff" + b"x" * 1000 + b"\n  \n")
    assert str(caught.value).startswith(
        "the process that ran the model ended with exit code 1 (it printed last: bad  [2J"
    )
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()
