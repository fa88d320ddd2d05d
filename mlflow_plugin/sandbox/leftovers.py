"""What a child leaves on disk: plain files are kept, everything else goes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["keep_plain_files", "remove_tree"]


def keep_plain_files(folder: Path) -> int:
    """Remove from a folder all that is not a plain file: links, folders, pipes, sockets, devices.

    To be called when nothing runs any more that could write there.

    Returns:
        Bytes in the files that are left.
    """
    size = 0
    for path in list(folder.iterdir()):
        entry = path.lstat()
        if stat.S_ISREG(entry.st_mode):
            size += entry.st_size
        elif stat.S_ISDIR(entry.st_mode):
            remove_tree(path)
        else:
            path.unlink()
    return size


def remove_tree(folder: Path) -> None:
    """Remove a folder with all below it, whatever was made there: folders without rights, or nested too deep.

    Folders are moved up to the top one by one, so no path gets longer than the first level's.
    """
    moved = 0
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        current.chmod(0o700)  # no link: nothing runs any more that could have exchanged it
        for path in list(current.iterdir()):
            if not stat.S_ISDIR(path.lstat().st_mode):
                path.unlink()
                continue
            path.chmod(0o700)  # a folder is moved only by who may write to it
            while os.path.lexists(target := folder / f"moved-{moved}"):
                moved += 1
            waiting.append(path.rename(target) if path.parent != folder else path)
        if current != folder:
            current.rmdir()
    folder.rmdir()
