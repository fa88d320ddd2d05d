"""Landlock: from now on, no file is opened outside a list of places.

Kernel documentation: userspace-api/landlock. What it does not govern (modes, owners, times, attributes, locks and
notifications of files), and what its early versions do not, is closed by ``seccomp``: nothing that holds a child rests
on a later version alone.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from typing import TYPE_CHECKING

from mlflow_plugin.sandbox.kernel import syscall

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["SINCE_LINUX", "abi_version", "restrict_files"]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all architectures
_ASK_VERSION = 1

# By version of the ABI, as far as it is known here, the kernel that brought it.
SINCE_LINUX = {1: "5.13", 2: "5.19", 3: "6.2", 4: "6.7", 5: "6.10", 6: "6.12", 7: "6.15"}
_PATH_BENEATH = 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_MAKE_AND_REMOVE = (1 << 4) | (1 << 5) | (1 << 7) | (1 << 8) | (1 << 12)  # folders, files, symbolic links
_REFER = 1 << 13  # move a file from one folder to another
_EVERYTHING_OF = {1: (1 << 13) - 1, 2: _REFER, 3: _TRUNCATE, 5: 1 << 15}  # rights each version of the ABI brought
_ON_FILES = _READ_FILE | _WRITE_FILE | _TRUNCATE  # rights that make sense for what is no folder
_READING = _READ_FILE | _READ_DIR
_WRITING = _READING | _WRITE_FILE | _TRUNCATE | _MAKE_AND_REMOVE | _REFER

_TCP = 0b11  # bind and connect, from ABI 4 on
_SCOPES = 0b11  # abstract sockets and signals of processes outside, from ABI 6 on
_ABI_OF_TCP, _ABI_OF_SCOPES = 4, 6


def abi_version() -> int:
    """Which version of Landlock's ABI can be asked for here: the kernel's, or the newest known; 0 for none."""
    try:
        return min(syscall(_CREATE_RULESET, None, 0, _ASK_VERSION), max(SINCE_LINUX))
    except OSError:
        return 0


def restrict_files(readable: Iterable[Path], writable: Iterable[Path], abi: int) -> None:
    """Refuse this thread, and all it starts, every file outside these places, and TCP where the kernel can.

    Nothing may be executed. A place that does not exist is passed over.

    Args:
        readable: files and folders with all below them.
        writable: likewise, where files may also be made, changed and removed.
        abi: the version to ask for, up to ``abi_version``.

    Raises:
        OSError: the kernel refused it, or has no Landlock.
    """
    handled = sum(rights for since, rights in _EVERYTHING_OF.items() if since <= abi)
    tcp = _TCP if abi >= _ABI_OF_TCP else 0
    scopes = _SCOPES if abi >= _ABI_OF_SCOPES else 0
    ruleset = syscall(_CREATE_RULESET, _memory("=QQQ", handled, tcp, scopes), 24, 0)
    try:
        for places, rights in ((readable, _READING), (writable, _WRITING)):
            for place in places:
                _allow(ruleset, place, rights & handled)
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, place: Path, rights: int) -> None:
    try:
        folder = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # what cannot be opened needs no rule
        return
    try:
        if not stat.S_ISDIR(os.fstat(folder).st_mode):
            rights &= _ON_FILES
        syscall(_ADD_RULE, ruleset, _PATH_BENEATH, _memory("=Qi", rights, folder), 0)
    finally:
        os.close(folder)


def _memory(layout: str, *values: int) -> ctypes.Array[ctypes.c_char]:
    packed = struct.pack(layout, *values)
    return ctypes.create_string_buffer(packed, len(packed))
