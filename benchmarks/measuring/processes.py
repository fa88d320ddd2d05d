"""What other processes of this machine use, as Linux tells it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["children_of", "cpu_s", "memory_mb"]

_PPID, _TIMES = 1, slice(11, 15)  # in /proc/PID/stat, behind the name; user and system, own and of children that ended


def children_of(pid: int) -> list[int]:
    """Processes that a process started and that have not ended, the oldest first."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(_stat(int(folder.name))[_PPID]) == pid:
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return sorted(found)


def cpu_s(pid: int) -> float:
    """Processor time a process has used, and its children that have ended, in s."""
    return sum(map(int, _stat(pid)[_TIMES])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Memory of a process that is not on disk, what it shares with others included."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
