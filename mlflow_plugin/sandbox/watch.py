"""What the parent looks at while a child runs, beyond what the kernel limits."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from mlflow_plugin.sandbox.deleted_files import MOST_MAPPED, deleted_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlflow_plugin.sandbox.limits import Limits

__all__ = ["Excess", "Watch"]

_FOLDERS_EVERY_S = 0.5
# Pages of its own, shared ones, those that were swapped out, and the tables that lead to them: a byte read in each
# 2 MiB of an empty mapping takes a table of 4 KiB.
_MEMORY = ("RssAnon", "RssShmem", "VmSwap", "VmPTE")


class Excess(NamedTuple):
    """A limit that was passed."""

    out_of_memory: bool
    what: str  # as it follows "the process that ran the model"


class Watch:
    """Looks at one child: memory of every kind, threads, what it writes."""

    def __init__(self, pid: int, limits: Limits, folders: Sequence[Path]) -> None:
        """Watch that process, and what lies in these folders."""
        self._folder = self._thread = f"/proc/{pid}"
        self._limits = limits
        self._folders = folders
        self._next_folders = 0.0

    def excess(self) -> Excess | None:
        """The first limit that the child has passed, if any. A child that has just ended has passed none."""
        return self._of_process() or self._of_disk()

    def _of_process(self) -> Excess | None:
        status = self._status()
        limits = self._limits
        resident = sum(1024 * _number(status.get(name)) for name in _MEMORY)
        if resident > limits.memory_bytes:
            return Excess(out_of_memory=True, what=f"used more than {_size(limits.memory_bytes)} of memory")
        if _number(status.get("Threads")) > limits.threads:
            return Excess(out_of_memory=False, what=f"started more than {limits.threads} threads")
        return None

    def _status(self) -> dict[str, str]:
        """Of the first thread that has memory: the process's own thread may end while others go on."""
        self._thread, status = self._folder, _table(f"{self._folder}/status")
        if "RssAnon" in status:
            return status
        with suppress(OSError):  # the process has ended
            for thread in os.listdir(f"{self._folder}/task"):  # noqa: PTH208 - ten times a second
                told = _table(f"{self._folder}/task/{thread}/status")
                if "RssAnon" in told:
                    self._thread = f"{self._folder}/task/{thread}"
                    return told
        return status

    def _of_disk(self) -> Excess | None:
        limits = self._limits
        counters = _table(f"{self._folder}/io")  # counts what lies in deleted files too, where these lie on a disk
        written = _number(counters.get("write_bytes")) - _number(counters.get("cancelled_write_bytes"))
        found: tuple[int, int] | None = (0, 0)
        if time.monotonic() >= self._next_folders:
            found = _measure(self._folders, limits.files)
            deleted = deleted_files(self._thread)
            if deleted.mapped > MOST_MAPPED:
                return Excess(out_of_memory=False, what=f"kept more than {MOST_MAPPED} removed files mapped")
            if found is not None:
                found = found[0] + deleted.size, found[1]
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
