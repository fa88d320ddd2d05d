"""What the end of a child means for its job."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Literal

from interp_pipeline.errors import ModelProcessError, TrackingError
from mlflow_plugin.sandbox.child import EXIT_OUT_OF_MEMORY

if TYPE_CHECKING:
    from mlflow_plugin.sandbox.attendance import Ending
    from mlflow_plugin.sandbox.limits import Limits

__all__ = ["Cancelled", "SandboxNotReadyError", "judge"]

_Kind = Literal["crashed", "out_of_memory", "out_of_time"]

_LONGEST_LINE = 200  # characters of what it printed last
_NO_MEMORY = ("bad_alloc", "MemoryError", "out of memory", "Out of memory", "Cannot allocate memory")


class SandboxNotReadyError(TrackingError):
    """The machine did not bring the sandbox up: no code of the model ran, and the next attempt may be luckier."""


class Cancelled(Exception):  # noqa: N818 - the worker's own wish, no error
    """The child was ended because ``cancelled`` said so; its job is not judged by it."""


def judge(ending: Ending, *, held: bool, done: bool, limits: Limits) -> None:
    """Return where a child did its work, and raise where it did not.

    Args:
        ending: how it ended.
        held: it was behind all its layers; no code of the model ran before.
        done: it said that its answer is complete.
        limits: what it was allowed.

    Raises:
        Cancelled: it was ended because nobody wants its answer any more.
        ModelProcessError: it died, or was ended for a limit.
        SandboxNotReadyError: it could not be held as it has to be.
    """
    if ending.killed_for == "cancelled":
        raise Cancelled
    if ending.status is None:
        msg = "the sandbox's fork server ended while the model ran, and the model's process with it"
        raise ModelProcessError(msg, kind="crashed")
    code = os.waitstatus_to_exitcode(ending.status)
    if not held and ending.killed_for is None:
        msg = f"the sandbox could not be closed around the model's process on this machine{_last_words(ending)}"
        raise SandboxNotReadyError(msg)
    if code == 0 and done and ending.killed_for is None:
        return
    kind, what = _cause(ending, code, limits)
    msg = f"the process that ran the model {what}{_last_words(ending)}"
    raise ModelProcessError(msg, kind=kind)


def _cause(ending: Ending, code: int, limits: Limits) -> tuple[_Kind, str]:
    reason = ending.killed_for
    if reason == "time":
        return (
            "out_of_time",
            f"was ended: it had not finished after {limits.wall_s:g} s ({ending.cpu_s:.0f} s of processor time)",
        )
    if reason is not None and reason != "cancelled":
        return "out_of_memory" if reason.out_of_memory else "crashed", f"was ended: it {reason.what}"
    if code < 0:
        return _by_signal(ending, -code, limits)
    if code == EXIT_OUT_OF_MEMORY:
        return "out_of_memory", f"ran out of memory; it may use {_size(limits)}"
    return "crashed", "ended without an answer, with exit code 0" if code == 0 else f"ended with exit code {code}"


def _by_signal(ending: Ending, number: int, limits: Limits) -> tuple[_Kind, str]:
    cpu_s = limits.whole_cpu_s()
    named = {each.value for each in signal.Signals}
    name = signal.Signals(number).name if number in named else f"signal {number}"  # a real-time one has no name
    if number == signal.SIGXCPU or (number == signal.SIGKILL and ending.cpu_s >= cpu_s):
        return "out_of_time", f"was ended: it had used {cpu_s} s of processor time"
    if number == signal.SIGKILL:
        why = f"as the system does where memory runs out; it may use {_size(limits)}"
        return "out_of_memory", f"was ended by {name}, {why}"
    if any(mark in _text(ending) for mark in _NO_MEMORY):
        return "out_of_memory", f"was ended by {name} for want of memory; it may use {_size(limits)}"
    return "crashed", f"was ended by {name}"


def _size(limits: Limits) -> str:
    return f"{limits.memory_bytes / (1 << 30):.3g} GiB"


def _text(ending: Ending) -> str:
    return ending.printed.decode("utf-8", errors="replace")


def _last_words(ending: Ending) -> str:
    lines = [line.strip() for line in _text(ending).splitlines() if line.strip()]
    if not lines:
        return ""
    plain = "".join(c if c.isprintable() else " " for c in lines[-1])
    return f" (it printed last: {plain[:_LONGEST_LINE]})"
