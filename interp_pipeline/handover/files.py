"""The folder an answer lies in: what the child writes there, and how the parent reads it without trusting it.

Every name is fixed, so no name a child chooses is ever looked at. Arrays are ``.npy`` files, and the parent
parses none of their headers: it knows type and shape, so it knows every byte of the only header that fits.
"""

from __future__ import annotations

import errno
import io
import math
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from interp_pipeline.errors import TrackingError
from interp_pipeline.handover.untrusted_json import LARGEST, BadAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from interp_pipeline.explanation import FloatArray

__all__ = ["ANSWER", "ERROR", "MOST_BYTES", "AnswerFolder", "array_bytes", "write_arrays", "write_whole"]

ANSWER = "answer.json"  # written last: where it is, everything is
ERROR = "error.json"  # instead of an answer
MOST_BYTES = 2 * 2**30  # of all arrays of an answer

_OF_THE_CHILD = {errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EPERM, errno.ENOTDIR}  # what can be done to a file


def array_bytes(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Size of arrays of doubles with these shapes."""
    return sum(8 * math.prod(shape) for shape in shapes.values())


def write_arrays(folder: Path, arrays: Mapping[str, FloatArray]) -> None:
    """Write arrays of doubles, by name.

    Raises:
        OSError: the folder cannot be written.
    """
    for name, array in arrays.items():
        with _path(folder, name).open("wb") as file:
            file.write(_header(array.shape))
            file.flush()
            np.ascontiguousarray(array, dtype="<f8").tofile(file)


def write_whole(folder: Path, name: str, content: bytes) -> None:
    """Write a file that is there as a whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    part = folder / f"{name}.part"
    part.write_bytes(content)
    part.replace(folder / name)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _header(shape: tuple[int, ...]) -> bytes:
    """What stands before the numbers of an array in a ``.npy`` file."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return header.getvalue()


class AnswerFolder:
    """Reads files that a hostile process may have put there: links, pipes, wrong sizes, wrong contents."""

    def __init__(self, descriptor: int, path: Path) -> None:
        """Hold an open folder.

        Args:
            descriptor: of the folder; it stays the caller's.
            path: of the folder, for messages.
        """
        self._descriptor, self._path = descriptor, path

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[AnswerFolder]:
        """Open a folder.

        Raises:
            TrackingError: it is not there, or cannot be read.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(path, error) from error
        try:
            yield cls(descriptor, path)
        finally:
            os.close(descriptor)

    def content(self, name: str, most: int) -> bytes | None:
        """A file's content; None if there is no such file.

        Raises:
            BadAnswerError: it is no regular file, or has more than ``most`` bytes.
            TrackingError: it cannot be read.
        """
        with self._open(name) as file:
            if file is None:
                return None
            content = file.read(most + 1)
        if len(content) > most:
            msg = f"{name} is larger than {most:,} bytes"
            raise BadAnswerError(msg)
        return content

    def array(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """An array of doubles.

        Args:
            name: what it is called, without the ending of its file.
            shape: the shape it must have, whose size the caller has bounded.

        Raises:
            BadAnswerError: it is not there, or is not exactly such an array of numbers up to ``LARGEST``.
            TrackingError: it cannot be read.
        """
        header, count = _header(shape), math.prod(shape)
        with self._open(f"{name}.npy") as file:
            if file is None:
                msg = f"{name}.npy is missing"
                raise BadAnswerError(msg)
            fits = os.fstat(file.fileno()).st_size == len(header) + 8 * count and file.read(len(header)) == header
            found = np.fromfile(file, dtype="<f8", count=count) if fits else np.empty(0)
        if not fits or len(found) != count:
            msg = f"{name}.npy is no array of doubles of shape {shape}"
            raise BadAnswerError(msg)
        if not (found.min(initial=0.0) >= -LARGEST and found.max(initial=0.0) <= LARGEST):  # nor where one is NaN
            msg = f"{name}.npy holds numbers that are not finite, or larger than {LARGEST:g}"
            raise BadAnswerError(msg)
        return found.astype(np.float64, copy=False).reshape(shape)

    @contextmanager
    def _open(self, name: str) -> Iterator[BinaryIO | None]:
        """Open a regular file without waiting and without following links; None if it is not there."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self._descriptor)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            if error.errno in _OF_THE_CHILD:
                raise _no_file(name) from error
            raise _unreadable(self._path / name, error) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _no_file(name)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            try:
                yield file
            except OSError as error:
                raise _unreadable(self._path / name, error) from error


def _no_file(name: str) -> BadAnswerError:
    return BadAnswerError(f"{name} is no regular file, or may not be read")


def _unreadable(path: Path, error: OSError) -> TrackingError:
    return TrackingError(f"{path} cannot be read ({error.strerror or error}); see to it and try again")
