"""How attackers speak to the kernel: past Python and past the C library. Goes into the files of their models."""

from __future__ import annotations

from typing import Any

__all__ = ["call", "those_not_refused"]


def call(name: str, *arguments: Any) -> int:
    """Make a system call; raises OSError as Python's own do."""
    import ctypes
    import os

    from mlflow_plugin.sandbox.syscall_numbers import NUMBERS

    number = NUMBERS[name][os.uname().machine == "aarch64"]
    if number is None:
        raise OSError(38, f"there is no {name} here")
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(
        ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    )
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def those_not_refused(attempts: Any) -> list[str]:
    """Names of attempts that got further than to a filter that says "not permitted"; raises that where none did."""
    further = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except PermissionError:
            continue
        except OSError as error:
            further.append(f"{name}: {error}")
        else:
            further.append(name)
    if not further:
        msg = f"all {len(attempts)} of them"
        raise PermissionError(msg)
    return further
