"""Calls into the Linux kernel that Python has no words for."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

__all__ = ["PR_SET_CHILD_SUBREAPER", "PR_SET_NO_NEW_PRIVS", "PR_SET_PDEATHSIG", "drop_capabilities", "prctl", "syscall"]

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION = 0x20080522  # of sets of 64 capabilities
_CAPSET = {"x86_64": 126, "aarch64": 91}


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: int | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call by its number.

    Args:
        number: as this machine's architecture counts them.
        arguments: numbers, memory, or None for a null pointer.

    Raises:
        OSError: the kernel refused it, or does not know it.
    """
    if sys.platform != "linux":
        raise OSError(38, "not a Linux system")
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(_libc().syscall(ctypes.c_long(number), *passed))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def prctl(option: int, value: int = 0, third: int | ctypes.Array[ctypes.c_char] = 0) -> None:
    """Change a property of this process.

    Raises:
        OSError: the kernel refused it, or does not know it.
    """
    if sys.platform != "linux":
        raise OSError(38, "not a Linux system")
    last = ctypes.c_ulong(third) if isinstance(third, int) else third
    if _libc().prctl(ctypes.c_int(option), ctypes.c_ulong(value), last, ctypes.c_ulong(0), ctypes.c_ulong(0)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def drop_capabilities() -> None:
    """Give up every special right of the superuser, for good once no new ones can be gained.

    A worker in a container often runs as root; without this its child could raise its own limits again.

    Raises:
        OSError: the kernel refused it.
    """
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = _CAPABILITY_VERSION.to_bytes(4, sys.byteorder) + bytes(4)  # of this process
    nothing = bytes(24)  # effective, permitted, inheritable, in two halves
    buffers = [ctypes.create_string_buffer(each, len(each)) for each in (header, nothing)]
    syscall(_CAPSET[os.uname().machine], *buffers)
