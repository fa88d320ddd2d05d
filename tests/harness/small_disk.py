"""A disk so small that a test can fill it: a file system in memory that one worker alone sees."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.workers import WorkerProcess

__all__ = ["SmallDisk"]

_SIZE_BYTES = 4 * 2**20
_MOUNT = f'mount -t tmpfs -o size={_SIZE_BYTES} none "$TMPDIR" && exec "$@"'


class SmallDisk:
    """Where a worker puts its temporary files, and how much of it is free."""

    def __init__(self, folder: Path) -> None:
        """Prepare; the disk is there as soon as a worker runs with ``environment`` and ``within``.

        Args:
            folder: an empty one, which the worker sees the disk in place of.
        """
        self.environment = {"TMPDIR": str(folder)}
        # In namespaces of its own a program may mount things, whoever runs it.
        privileged = () if os.geteuid() == 0 else ("--map-root-user",)
        self.within = ("unshare", *privileged, "--mount", "sh", "-c", _MOUNT, "sh")
        self._folder = folder

    def leave(self, worker: WorkerProcess, free_bytes: int) -> None:
        """Fill the disk of a worker until no more than so much of it is free."""
        seen = Path(f"/proc/{worker.pid}/root{self._folder}")
        filler = seen / "filler"
        filler.unlink(missing_ok=True)
        found = os.statvfs(seen)
        with filler.open("wb") as file:
            file.write(bytes(max(0, found.f_bavail * found.f_frsize - free_bytes)))
