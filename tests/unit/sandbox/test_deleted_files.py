from __future__ import annotations

import ctypes
import mmap
import os
from typing import TYPE_CHECKING

from mlflow_plugin.sandbox.deleted_files import deleted_files

if TYPE_CHECKING:
    from pathlib import Path

_THREAD = "/proc/self/task/" + str(os.getpid())
_SIZE = 1 << 20


def _removed(folder: Path) -> int:
    path = folder / "removed"
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.write(file, os.urandom(_SIZE))
    os.fsync(file)
    path.unlink()
    return file


def test_an_open_removed_file_is_seen(tmp_path: Path) -> None:
    before = deleted_files(_THREAD)
    file = _removed(tmp_path)
    held = deleted_files(_THREAD)
    os.close(file)
    assert held.size >= before.size + _SIZE
    assert held.mapped == before.mapped
    assert deleted_files(_THREAD) == before


def test_a_mapped_removed_file_is_seen(tmp_path: Path) -> None:
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    before = deleted_files(_THREAD)
    file = _removed(tmp_path)
    address = libc.mmap(None, _SIZE, mmap.PROT_READ, mmap.MAP_PRIVATE, file, 0)  # Python's own keeps a descriptor
    os.close(file)
    held = deleted_files(_THREAD)
    assert libc.munmap(address, _SIZE) == 0
    assert held.size >= before.size + _SIZE
    assert held.mapped == before.mapped + 1
    assert deleted_files(_THREAD) == before


def test_a_file_that_lies_in_a_folder_is_counted_there(tmp_path: Path) -> None:
    before = deleted_files(_THREAD)
    with (tmp_path / "there").open("wb") as file:
        file.write(os.urandom(_SIZE))
        file.flush()
        assert deleted_files(_THREAD) == before


def test_a_thread_that_has_ended_holds_nothing() -> None:
    assert deleted_files("/proc/0/task/0") == (0, 0)
