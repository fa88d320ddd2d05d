"""Text that survives being drawn: cleaned of what no font can show, measured, wrapped, shortened.

Names come from users. They may be long, right-to-left, full of control characters, or in a
script that no installed font has. Nothing here depends on a figure, so a layout is known before it is drawn.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from interp_pipeline import readable
from interp_pipeline.plots.fonts import escaped, font, has_glyph

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["clean", "middle_ellipsis", "number", "signed", "text_width", "value_label", "wrap"]

PLACEHOLDER = "\N{WHITE SQUARE}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn"}  # controls, invisible directions, lone surrogates, private use
_LONG_WORD = 20  # characters; shorter words, and numbers, stay in one piece
_WORD = re.compile(r"\S+\s*|\s+")
_PART = re.compile(r"[^_/.,:;|)-]*[_/.,:;|)-]+\s*|[^_/.,:;|)-]+")
_TAIL_SHARE = 0.6  # of a shortened name: its end, where names of one family differ, gets more room
_SLACK = 1.02  # the renderer's hinting may make text a little wider than measured
_LONGEST = 2000  # characters of a text that are looked at: no picture or sentence has room for more
_NARROWEST = 0.15  # of the size: visible characters of the fonts in use are wider
_VALUE_CHARACTERS = 34  # of a value in "feature = value", so that the feature stays recognisable


@lru_cache(maxsize=8192)
def clean(text: str) -> str:
    """The text with white space as single blanks.

    A box stands for what is nothing to draw, such as a control character; a character that no installed font
    has is written as its number. A very long text loses its middle.
    """
    composed = unicodedata.normalize("NFC", middle_ellipsis(text, _LONGEST))
    return "".join(_drawable(character) for character in " ".join(composed.split()))


def _drawable(character: str) -> str:
    if unicodedata.category(character) in _UNPRINTABLE:
        return PLACEHOLDER
    return character if has_glyph(character) else escaped(character)


def number(value: float, digits: int = 3) -> str:
    """A number for a drawing: ``readable.number`` with a true minus sign."""
    return readable.number(value, digits).replace("-", "\N{MINUS SIGN}")


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign for a drawing."""
    return f"+{number(value, digits)}" if value > 0 else number(value, digits)


@lru_cache(maxsize=32768)
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of one line of clean text in inches, at a size in points."""
    face = font(bold=bold)
    face.set_size(size, 72)
    face.set_text(text, 0.0)
    return float(face.get_width_height()[0]) / 64 / 72 * _SLACK


def middle_ellipsis(text: str, characters: int) -> str:
    """At most ``characters`` characters, the middle left out, more of the end than of the beginning kept."""
    if len(text) <= characters:
        return text
    tail = round((characters - 1) * _TAIL_SHARE)
    head = characters - 1 - tail
    return text[:head].rstrip() + ELLIPSIS + text[len(text) - tail :].lstrip()


def _break(text: str, width: float, size: float, *, bold: bool) -> list[str]:
    """Greedy lines of at most ``width`` inches; a word wider than that is cut."""
    lines, line = [], ""
    for piece in _pieces(text):
        if not line or text_width((line + piece).rstrip(), size, bold=bold) <= width:
            line += piece
        else:
            lines.append(line)
            line = piece
        while text_width(line.rstrip(), size, bold=bold) > width and len(line) > 1:
            kept = _longest_prefix(line, width, size, bold=bold)
            lines.append(line[:kept])
            line = line[kept:]
    return [part.strip() for part in [*lines, line] if part.strip()] or [""]


def _pieces(text: str) -> list[str]:
    """The text cut after blanks and, in long words only, after punctuation; nothing lost."""
    pieces: list[str] = []
    for word in _WORD.findall(text):
        pieces += _PART.findall(word) if len(word) > _LONG_WORD else [word]
    return pieces


def _longest_prefix(text: str, width: float, size: float, *, bold: bool) -> int:
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_width(text[:middle], size, bold=bold) <= width else (low, middle - 1)
    return low


@lru_cache(maxsize=4096)
def wrap(text: str, width: float, size: float, *, lines: int = 2, bold: bool = False) -> str:
    """Text cleaned and fitted into a box.

    Args:
        text: as the user wrote it.
        width: of the box in inches.
        size: of the font in points.
        lines: of the box; what does not fit loses its middle to an ellipsis.
        bold: whether it will be drawn bold.

    Returns:
        At most ``lines`` lines joined by newlines, none wider than ``width``.
    """
    text = _within(clean(text), width, size, lines)
    broken = _break(text, width, size, bold=bold)
    low, high = 1, len(text)
    while len(broken) > lines and low < high:
        middle = (low + high + 1) // 2
        fits = len(_break(middle_ellipsis(text, middle), width, size, bold=bold)) <= lines
        low, high = (middle, high) if fits else (low, middle - 1)
    if len(broken) > lines:
        broken = _break(middle_ellipsis(text, low), width, size, bold=bold)[:lines]
    return "\n".join(broken)


def _within(text: str, width: float, size: float, lines: int) -> str:
    """The text without what a box of this size has no room for: to measure it costs the square of its length."""
    return middle_ellipsis(text, lines * math.ceil(width * 72 / (size * _NARROWEST)))


def value_label(data: pd.DataFrame, row: int, column: int) -> str:
    """``feature = value`` of one cell, the value short enough to leave the feature room."""
    feature, cells = str(data.columns[column]), data.iloc[:, column]
    value = readable.value_text(cells.iloc[row], year=readable.years_in(cells))
    value_part = middle_ellipsis(clean(value), _VALUE_CHARACTERS)
    return f"{clean(feature)} = {value_part}".replace("= -", "= \N{MINUS SIGN}")
