"""Reads Universal Binary JSON, the form in which XGBoost gives its models without rounding a number.

Draft 12 of the format (ubjson.org): a marker of one letter, then big-endian content. An array whose
elements share a type becomes one numpy array, so that the time is per array, not per number.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from interp_pipeline.errors import ModelError

__all__ = ["read_ubjson"]

_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_ONE = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_CONSTANTS = {b"T": True, b"F": False, b"Z": None}


def read_ubjson(data: bytes) -> Any:
    """The value that ``data`` holds: dict, list, str, number, bool, None or numpy array.

    Args:
        data: a document in Universal Binary JSON.

    Raises:
        ModelError: it is not such a document.
    """
    try:
        return _Reader(data).value()
    except (struct.error, ValueError, KeyError, IndexError) as error:
        msg = f"the model's binary form cannot be read ({error}): save it again with the library it comes from"
        raise ModelError(msg) from error


class _Reader:
    """A position in a document."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def value(self) -> Any:
        """The value at the position, which moves behind it."""
        marker = self._marker()
        if marker == b"{":
            return self._object()
        if marker == b"[":
            return self._array()
        if marker == b"S":
            return self._text()
        return _CONSTANTS[marker] if marker in _CONSTANTS else self._number(marker)

    def _object(self) -> dict[str, Any]:
        found = {}
        while not self._next_is(b"}"):
            name = self._text()
            found[name] = self.value()
        return found

    def _array(self) -> Any:
        if self._next_is(b"$"):
            kind = np.dtype(_NUMBERS[self._marker()])
            self._expect(b"#")
            length = int(self._number(self._marker()))
            found = np.frombuffer(self._data, dtype=kind, count=length, offset=self._at)
            self._at += length * kind.itemsize
            return found
        if self._next_is(b"#"):
            return [self.value() for _ in range(int(self._number(self._marker())))]
        elements = []
        while not self._next_is(b"]"):
            elements.append(self.value())
        return elements

    def _text(self) -> str:
        length = int(self._number(self._marker()))
        self._at += length
        return self._data[self._at - length : self._at].decode()

    def _number(self, marker: bytes) -> float:
        form = _ONE[marker]
        (number,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return number  # type: ignore[no-any-return]  # unpack gives Any; the forms above are numbers

    def _marker(self) -> bytes:
        self._at += 1
        return self._data[self._at - 1 : self._at]

    def _next_is(self, marker: bytes) -> bool:
        """Whether this marker comes next, which is then passed over."""
        if self._data[self._at : self._at + 1] != marker:
            return False
        self._at += 1
        return True

    def _expect(self, marker: bytes) -> None:
        if not self._next_is(marker):
            msg = f"{marker!r} expected at byte {self._at}"
            raise ValueError(msg)
