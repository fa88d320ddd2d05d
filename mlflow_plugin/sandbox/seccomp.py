"""Seccomp: from now on, the kernel answers a list of system calls itself, and makes others with some arguments only.

The list is in ``syscall_rules``. Calls newer than it do not exist for the child. The filter is a program for the
kernel's classic BPF machine; every jump in it goes forward over a few steps.
"""

from __future__ import annotations

import ctypes
import os
import struct
from errno import ENOSYS, EPERM

from mlflow_plugin.sandbox.kernel import prctl
from mlflow_plugin.sandbox.syscall_numbers import NEWEST, NUMBERS
from mlflow_plugin.sandbox.syscall_rules import ANSWERED, Case, Check, cases_of

__all__ = ["ARCHITECTURES", "build_filter", "install_filter", "is_available"]

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # as the kernel names them to the filter

_PR_GET_SECCOMP, _PR_SET_SECCOMP = 21, 22
_MODE_FILTER = 2
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_GREATER = 0x15, 0x25
_ALLOW, _KILL_PROCESS, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16


def build_filter(architecture: str, pid: int) -> bytes:
    """The filter's program.

    Args:
        architecture: a key of ``ARCHITECTURES``.
        pid: of the process it is for.

    Returns:
        Instructions of eight bytes: operation, steps to skip if true, steps to skip if false, operand.
    """
    column = list(ARCHITECTURES).index(architecture)
    program = [
        _step(_LOAD, _AT_ARCHITECTURE),
        _step(_IF_EQUAL, ARCHITECTURES[architecture], if_true=1),
        _step(_RETURN, _KILL_PROCESS),  # another architecture's calls have other numbers
        _step(_LOAD, _AT_NUMBER),
        _step(_IF_GREATER, NEWEST, if_false=1),  # x32's numbers too
        _step(_RETURN, _ERROR | ENOSYS),
    ]
    for code, names in ANSWERED.items():
        for name in names:
            program += _when_called(NUMBERS[name][column], [_step(_RETURN, _ERROR | code)])
    for name, cases in cases_of(pid).items():
        body = [step for case in cases for step in _case(case)]
        program += _when_called(NUMBERS[name][column], [*body, _step(_RETURN, _ERROR | EPERM)])
    return b"".join([*program, _step(_RETURN, _ALLOW)])


def _step(operation: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, operand)


def _when_called(number: int | None, body: list[bytes]) -> list[bytes]:
    return [] if number is None else [_step(_IF_EQUAL, number, if_false=len(body)), *body]


def _case(case: Case) -> list[bytes]:
    """Answer the call where all conditions hold; go on behind otherwise."""
    steps = [_step(_RETURN, _ALLOW if case.answer is None else _ERROR | case.answer)]
    for check in reversed(case.checks):
        steps = [*_check(check, out=len(steps)), *steps]
    return steps


def _check(check: Check, out: int) -> list[bytes]:
    """Go on where the condition holds; skip so many further steps otherwise."""
    steps = [
        _step(_LOAD, _AT_ARGUMENTS + 8 * check.argument),  # the lower half: both architectures are little-endian
        _step(_AND, check.mask),
    ]
    for left, value in reversed(list(enumerate(reversed(check.values)))):  # so many values are still to be compared
        on_last = 0 if left else out
        if check.must:
            steps.append(_step(_IF_EQUAL, value, if_true=left, if_false=on_last))
        else:
            steps.append(_step(_IF_EQUAL, value, if_true=left + out))
    return steps


def is_available() -> bool:
    """Whether this kernel takes filters, and this architecture's calls are known."""
    if os.uname().machine not in ARCHITECTURES:
        return False
    try:
        prctl(_PR_GET_SECCOMP)
    except OSError:
        return False
    return True


def install_filter() -> None:
    """Put the filter over this thread and all it starts, for good; gaining new privileges must be ruled out before.

    Raises:
        OSError: the kernel refused it.
    """
    program = build_filter(os.uname().machine, os.getpid())
    steps = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))
    prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.create_string_buffer(head, len(head)))
