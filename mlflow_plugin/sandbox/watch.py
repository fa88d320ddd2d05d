"""What the parent looks at while a child runs, beyond what the kernel limits."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlflow_plugin.sandbox.limits import Limits

__all__ = ["Excess", "Watch"]

_FOLDERS_EVERY_S = 0.5


class Excess(NamedTuple):
    """A limit that was passed."""

    out_of_memory: bool
    what: str  # as it follows "the process that ran the model"


class Watch:
    """Looks at one child: memory of every kind, threads, what it writes."""

    def __init__(self, pid: int, limits: Limits, folders: Sequence[Path]) -> None:
        """Watch that process, and what lies in these folders."""
        self._pid = pid
        self._limits = limits
        self._folders = folders
        self._next_folders = 0.0

    def excess(self) -> Excess | None:
        """The first limit that the child has passed, if any. A child that has just ended has passed none."""
        return self._of_process() or self._of_disk()

    def _of_process(self) -> Excess | None:
        status = _table(f"/proc/{self._pid}/status")
        limits = self._limits
        resident = sum(1024 * _number(status.get(name)) for name in ("RssAnon", "RssShmem"))
        if resident > limits.memory_bytes:
            return Excess(out_of_memory=True, what=f"used more than {_size(limits.memory_bytes)} of memory")
        if _number(status.get("Threads")) > limits.threads:
            return Excess(out_of_memory=False, what=f"started more than {limits.threads} threads")
        return None

    def _of_disk(self) -> Excess | None:
        limits = self._limits
        counters = _table(f"/proc/{self._pid}/io")  # counts what lies in deleted files too
        written = _number(counters.get("write_bytes")) - _number(counters.get("cancelled_write_bytes"))
        found: tuple[int, int] | None = (0, 0)
        if time.monotonic() >= self._next_folders:
            found = _measure(self._folders, limits.files)
            self._next_folders = time.monotonic() + _FOLDERS_EVERY_S
        if found is None:
            return Excess(out_of_memory=False, what=f"made more than {limits.files} files or nested them too deeply")
        if max(written, found[0]) > limits.disk_bytes:
            return Excess(out_of_memory=False, what=f"wrote more than {_size(limits.disk_bytes)} to disk")
        return None


def _table(path: str) -> dict[str, str]:
    """Lines of ``name: value``; none where the process has ended or the kernel has no such file."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - ten times a second
            return dict(line.split(":", 1) for line in file if ":" in line)
    except OSError:
        return {}


def _number(value: str | None) -> int:
    return int(value.split()[0]) if value else 0


def _measure(folders: Sequence[Path], most: int) -> tuple[int, int] | None:
    """Bytes and number of files below folders, links not followed; None where there are too many to count."""
    size = count = 0
    waiting = [str(folder) for folder in folders]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count > most:
                        return None
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += 512 * entry.stat(follow_symlinks=False).st_blocks
        except (FileNotFoundError, NotADirectoryError, PermissionError):  # removed or closed while we look
            continue
        except OSError:  # the path has become too long
            return None
    return size, count


def _size(count: int) -> str:
    return f"{count / (1 << 30):.3g} GiB"
