"""What a process holds on to of files that lie in no folder any more: removed, and still open or mapped."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import NamedTuple

__all__ = ["MOST_MAPPED", "Held", "deleted_files"]

MOST_MAPPED = 16  # removed files that are mapped and not open; how large those are, only root may see
_NO_FILE = ("/dev/zero", "/SYSV", "/memfd:", "anon_inode:")  # shared memory, which counts as memory
_BLOCK_BYTES = 512


class Held(NamedTuple):
    """Removed files of a process."""

    size: int  # bytes on the disk; of those that are mapped and not open at least what is mapped
    mapped: int  # number of those that are mapped and not open


def deleted_files(thread: str) -> Held:
    """Look at the descriptors and mappings of one thread; a sandboxed process has one table of each for all threads.

    Args:
        thread: its folder, ``/proc/PID`` or ``/proc/PID/task/TID``.
    """
    opened = _opened(thread)
    mapped = {file: size for file, size in _mapped(thread).items() if file not in opened}
    return Held(size=sum(opened.values()) + sum(mapped.values()), mapped=len(mapped))


def _opened(thread: str) -> dict[tuple[int, int], int]:
    """Size by device and inode."""
    found: dict[tuple[int, int], int] = {}
    with suppress(OSError), os.scandir(f"{thread}/fd") as descriptors:
        for each in descriptors:
            with suppress(OSError):  # closed meanwhile
                about = os.stat(each.path)  # noqa: PTH116 - a thousand of them, twice a second
                if stat.S_ISREG(about.st_mode) and not about.st_nlink:
                    found[about.st_dev, about.st_ino] = _BLOCK_BYTES * about.st_blocks
    return found


def _mapped(thread: str) -> dict[tuple[int, int], int]:
    """Size by device and inode."""
    found: dict[tuple[int, int], int] = {}
    with suppress(OSError), open(f"{thread}/maps", encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
        for line in lines:
            if not line.endswith(" (deleted)\n"):
                continue
            addresses, _, offset, device, inode, path = line.split(maxsplit=5)
            if path.startswith(_NO_FILE):
                continue
            start, end = (int(address, 16) for address in addresses.split("-"))
            major, minor = (int(part, 16) for part in device.split(":"))
            file = os.makedev(major, minor), int(inode)
            size = int(offset, 16) + end - start
            with suppress(OSError):  # root alone may follow these links
                process = thread.partition("/task/")[0]
                size = _BLOCK_BYTES * os.stat(f"{process}/map_files/{addresses}").st_blocks  # noqa: PTH116
            found[file] = max(found.get(file, 0), size)
    return found
