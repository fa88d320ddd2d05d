"""Where a worker puts its temporary files, and what becomes of those of a worker that was killed."""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugin.sandbox.leftovers import remove_tree
from mlflow_plugin.settings import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["workplace"]

_PREFIX = "interp-worker-"
_MARK = ".made-by-interp-worker"  # only a folder with this file in it is ever removed for another worker
_logger = logging.getLogger("interp.worker")


@contextmanager
def workplace() -> Iterator[Path]:
    """Keep all temporary files of this process in one folder for the length of the block, and remove it at its end.

    The folder is locked as long as the process lives, whatever way it ends. Folders beside it that nobody holds are
    of workers that were killed: they are removed first. Where the file system knows no locks, none is.

    Raises:
        UsageError: no file can be written where TMPDIR says.
    """
    parent = temporary_folder()
    _remove_abandoned(parent)
    folder, lock = _held_folder(parent)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        remove_tree(folder)
        os.close(lock)


def _held_folder(parent: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that holds it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        with suppress(FileNotFoundError):  # a worker that starts at the same moment took it for an abandoned one
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                (folder / _MARK).touch()
                return folder, lock
            os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            if folder.lstat().st_uid != os.geteuid() or not (folder / _MARK).is_file():
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(folder)
            finally:
                os.close(lock)
        except OSError as error:  # it is held, or the processes of its worker are still removing theirs
            _logger.debug("%s is left as it is: %s", folder, error)
        else:
            _logger.info("removed the temporary files of a worker that was killed, %s", folder)
