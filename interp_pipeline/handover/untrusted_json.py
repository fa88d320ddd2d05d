"""JSON that somebody hostile may have written, read value by value: types, lengths and ranges are all checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

__all__ = ["LARGEST", "LONGEST_TEXT", "BadAnswerError", "Node"]

LONGEST_TEXT = 16_384  # characters: class names of 10,000 have been seen
LARGEST = 1e100  # no output of a model is larger; the square of a larger one might not be a number any more


class BadAnswerError(Exception):
    """What a child process wrote is not what it has to write; says where."""


@dataclass(frozen=True)
class Node:
    """A value, and where it stands for messages."""

    value: Any
    where: str

    @classmethod
    def parse(cls, content: bytes, where: str) -> Node:
        """The value that a file holds.

        Raises:
            BadAnswerError: it is no JSON, nested too deep, or holds NaN or infinity.
        """

        def refuse(constant: str) -> NoReturn:
            raise ValueError(constant)

        try:
            return cls(json.loads(content.decode("utf-8"), parse_constant=refuse), where)
        except (ValueError, RecursionError) as error:
            msg = f"{where} is no JSON"
            raise BadAnswerError(msg) from error

    def fields(self, *names: str) -> tuple[Node, ...]:
        """The values of a mapping with exactly these keys."""
        if not isinstance(self.value, dict) or set(self.value) != set(names):
            self._refuse(f"no mapping of {', '.join(names)}")
        return tuple(Node(self.value[name], f"{self.where}, {name}") for name in names)

    def items(self, most: int) -> list[Node]:
        """The values of a list of at most that many."""
        if not isinstance(self.value, list) or len(self.value) > most:
            self._refuse(f"no list of at most {most} values")
        return [Node(each, f"an entry of {self.where}") for each in self.value]

    def numbers(self, most: int) -> dict[str, float]:
        """A mapping of at most that many names to numbers."""
        if not isinstance(self.value, dict) or len(self.value) > most:
            self._refuse(f"no mapping of at most {most} numbers")
        return {
            Node(name, f"a key of {self.where}").text(): Node(number, f"an entry of {self.where}").number()
            for name, number in self.value.items()
        }

    def text(self) -> str:
        """A text of at most ``LONGEST_TEXT`` characters that can be written as UTF-8."""
        if not isinstance(self.value, str) or len(self.value) > LONGEST_TEXT:
            self._refuse(f"no text of at most {LONGEST_TEXT:,} characters")
        if any("\ud800" <= character <= "\udfff" for character in self.value):
            self._refuse("a text with half a character in it")
        return str(self.value)

    def number(self) -> float:
        """A number from 0 to ``LARGEST``: all that are handed over as JSON are counts, sizes or durations."""
        if type(self.value) not in {int, float} or not 0 <= self.value <= LARGEST:
            self._refuse(f"no number from 0 to {LARGEST:g}")
        return float(self.value)

    def whole(self, limit: int) -> int:
        """A whole number from 0 to below a limit."""
        if type(self.value) is not int or not 0 <= self.value < limit:
            self._refuse(f"no whole number from 0 to {limit - 1}")
        return int(self.value)

    def given(self) -> Node | None:
        """Itself; None if there is no value."""
        return None if self.value is None else self

    def _refuse(self, why: str) -> NoReturn:
        msg = f"{self.where} is {why}"
        raise BadAnswerError(msg)
