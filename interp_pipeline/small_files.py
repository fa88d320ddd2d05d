"""Small files of text that a caller names: configuration, data dictionary, secret. What might not end is refused."""

from __future__ import annotations

import errno
import os
import stat
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from interp_pipeline.errors import UsageError

__all__ = ["local_path", "parse_toml", "read_small_file", "require_regular_file", "text_of", "wide_encoding"]

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_ABSENT = {errno.ENOENT, errno.ENOTDIR}
_BYTES_OF_WIDE = {  # what a text begins with that is written in two or four bytes a character
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_DEEPEST = 50  # tables or lists in each other
_INTEGERS = range(-(2**63), 2**63)  # which TOML promises; larger ones could not even be shown in a message


def local_path(source: str) -> Path:
    """The path that a user or a ``file://`` address names.

    Raises:
        UsageError: it is none.
    """
    try:
        if source.lower().startswith("file://"):
            return Path(url2pathname(urlsplit(source).path))
        return Path(source).expanduser()
    except (ValueError, RuntimeError) as error:  # an open bracket, or "~" of a user who is not known
        msg = f"{source} is not a path: {error}"
        raise UsageError(msg) from error


def require_regular_file(path: Path, name: str) -> int:
    """Refuse what is no file to be read: what is not there, a folder, a pipe that may wait for ever, a device.

    Args:
        path: where it is.
        name: what the user calls it, for messages.

    Returns:
        Its size in bytes.

    Raises:
        FileNotFoundError: there is nothing.
        IsADirectoryError: it is a folder.
        UsageError: it cannot be read as a file.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(error, name) from error
    except ValueError as error:  # a zero byte
        msg = f"{name!r} is not a path: {error}"
        raise UsageError(msg) from error
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if kind != stat.S_IFREG:
        msg = f"{name} is {_KINDS.get(kind, 'no plain file')}, which is not read; save what it gives to a file"
        raise UsageError(msg)
    return found.st_size


def read_small_file(path: Path, name: str, max_bytes: int) -> bytes:
    """Read a file that is small if it is what it should be.

    Args:
        path: where it is.
        name: what the user calls it, for messages.
        max_bytes: how large it may be.

    Raises:
        FileNotFoundError: there is nothing.
        IsADirectoryError: it is a folder.
        ValueError: it is larger; the message says so, as it follows the name.
        UsageError: it cannot be read as a file.
    """
    require_regular_file(path, name)
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)  # not by its size, which files of the system do not know
    except OSError as error:
        raise _unreadable(error, name) from error
    if len(content) > max_bytes:
        msg = f"it is larger than {max_bytes // 1024} KiB"
        raise ValueError(msg)
    return content


def _unreadable(error: OSError, name: str) -> Exception:
    if error.errno in _ABSENT:
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return UsageError(f"{name} may not be read: permission denied; check the rights of the file and its folders")
    if error.errno == errno.ELOOP:
        return UsageError(f"{name} is a link that leads back to itself; let it lead to the file")
    return UsageError(f"{name} cannot be read: {error.strerror}")


def text_of(content: bytes) -> str:
    """The text of a file in UTF-8, with or without the mark that some editors put before it.

    Raises:
        ValueError: it is none; the message says why.
    """
    wide = wide_encoding(content[:8])
    if wide is not None:
        msg = f"it is written in {wide}; save it with the encoding UTF-8, for example with: iconv -f {wide} -t UTF-8"
        raise ValueError(msg)
    return content.decode("utf-8-sig")


def wide_encoding(first: bytes) -> str | None:
    """What a text is written in whose characters have two or four bytes; None: it is not so.

    Args:
        first: its first bytes, at least four if it has so many.
    """
    marked = next((what for mark, what in _BYTES_OF_WIDE.items() if first.startswith(mark)), None)
    if marked is not None or len(first) < 4:  # noqa: PLR2004 - two characters
        return marked
    zeros = [position for position, byte in enumerate(first[:4]) if byte == 0]
    if zeros == [1, 3]:
        return "UTF-16LE"
    return "UTF-16BE" if zeros == [0, 2] else None


def parse_toml(text: str) -> dict[str, Any]:
    """Read a text in TOML.

    Raises:
        ValueError: it is none, or holds what no program of ours could show or use; the message says why.
    """
    try:
        content = tomllib.loads(text)
    except RecursionError as error:
        msg = "it is nested too deeply"
        raise ValueError(msg) from error
    except ValueError as error:  # TOMLDecodeError, or what Python thinks of a number
        msg = " ".join(str(error).split())
        raise ValueError(msg) from error
    waiting: list[tuple[int, Any]] = [(0, content)]
    while waiting:
        depth, value = waiting.pop()
        if depth > _DEEPEST:
            msg = "it is nested too deeply"
            raise ValueError(msg)
        if isinstance(value, int) and value not in _INTEGERS:
            msg = "it holds a whole number of more than 64 bits"
            raise ValueError(msg)
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(depth + 1, each) for each in inner]
    return content
