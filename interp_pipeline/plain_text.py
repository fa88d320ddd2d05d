"""Text of strangers as it may stand in a log or on a terminal: nothing in it moves a cursor or turns a direction."""

from __future__ import annotations

import json
import unicodedata

__all__ = ["plain", "shown"]

# Controls, marks of direction and other invisible ones, lone surrogates, private use, not assigned, ends of lines.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str, kept: str = "") -> str:
    r"""Text that shows what it holds: characters that cannot be seen are written as JSON writes them, ``\u202e``.

    Args:
        text: with names of strangers in it.
        kept: characters that are left as they are, the end of a line, say.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each in kept or unicodedata.category(each) not in _HIDDEN else _number(each) for each in text
    )


def shown(value: object) -> str:
    """A value as it stands in a one-line message: quoted, escaped, at most 120 characters."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."  # noqa: PLR2004 - said in the line above


def _number(character: str) -> str:
    return json.dumps(character)[1:-1]
