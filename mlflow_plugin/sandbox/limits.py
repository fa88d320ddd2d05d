"""How much a child may use before it is ended."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Limits", "apply_rlimits", "count_threads"]

_GIB = 1 << 30
_SIGNALS = 1024  # waiting for delivery, timers among them; the kernel counts all of a user's together
_GRACE_S = 5  # between the signal that says that processor time is used up and the one that cannot be ignored


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one child; the first it reaches ends it."""

    wall_s: float = 900.0
    memory_bytes: int = 8 * _GIB  # private memory, what the fork server had before included
    cpu_s: float | None = None  # processor time of all threads; None: the wall-clock time on every core
    file_bytes: int = _GIB  # of one file
    disk_bytes: int = 4 * _GIB  # written in all, and lying in its two folders
    output_bytes: int = _GIB  # of its answer
    files: int = 20_000  # in its two folders
    open_files: int = 1024
    threads: int = 1024

    def whole_cpu_s(self) -> int:
        """Processor time as the kernel takes it, in whole seconds."""
        return max(1, round(self.wall_s * (os.cpu_count() or 1) if self.cpu_s is None else self.cpu_s))


def apply_rlimits(limits: Limits, running: int) -> None:
    """Set the kernel's limits of this process, for good.

    Private memory is limited rather than address space: TensorFlow and compiled code reserve much more than they use.
    None before others: no priority above the ordinary one, and a small part of what a user's processes share.

    Args:
        limits: what to set.
        running: processes and threads this user has already, which count as well.

    Raises:
        OSError: a limit cannot be set.
        ValueError: a limit above what the process was started with.
    """
    cpu_s = limits.whole_cpu_s()
    wanted = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_CPU: (cpu_s, cpu_s + _GRACE_S),
        resource.RLIMIT_DATA: (limits.memory_bytes,) * 2,
        resource.RLIMIT_FSIZE: (limits.file_bytes,) * 2,
        resource.RLIMIT_NOFILE: (limits.open_files,) * 2,
        resource.RLIMIT_NPROC: (running + 2 * limits.threads,) * 2,  # beyond what the parent looks for, and can name
    }
    if sys.platform == "linux":
        wanted |= {
            resource.RLIMIT_SIGPENDING: (_SIGNALS,) * 2,
            **dict.fromkeys((resource.RLIMIT_MSGQUEUE, resource.RLIMIT_NICE, resource.RLIMIT_RTPRIO), (0, 0)),
        }
    for kind, values in wanted.items():
        most = resource.getrlimit(kind)[1]  # a lower one that holds already stays
        soft, hard = values if most == resource.RLIM_INFINITY else (min(value, most) for value in values)
        resource.setrlimit(kind, (soft, hard))


def count_threads() -> int:
    """Processes and threads this process's user has on this machine: the kernel counts them together."""
    count, user = 0, os.getuid()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if process.stat().st_uid == user:
                count += sum(1 for _ in (process / "task").iterdir())
    return count
