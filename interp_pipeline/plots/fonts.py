"""The fonts text is drawn with: one that is the same everywhere, and behind it what is installed for other scripts."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BASE", "escaped", "families", "font", "has_glyph"]

BASE = "DejaVu Sans"  # matplotlib ships it: the same glyphs on every machine

# For what it lacks, in the order they are tried: families of common systems, those without serifs.
_FALLBACKS = (
    *("Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK JP", "Noto Sans CJK KR"),
    *("Noto Sans SC", "Noto Sans TC", "Noto Sans JP", "Noto Sans KR"),
    *("Source Han Sans SC", "Source Han Sans", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback"),
    *("PingFang SC", "Hiragino Sans GB", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Microsoft YaHei", "SimHei", "Yu Gothic", "Meiryo", "MS Gothic", "Malgun Gothic"),
    *("IPAexGothic", "IPAGothic", "TakaoGothic", "NanumGothic", "Nanum Gothic"),
    *("Noto Sans", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Gurmukhi", "Noto Sans Gujarati"),
    *("Noto Sans Tamil", "Noto Sans Telugu", "Noto Sans Kannada", "Noto Sans Malayalam", "Noto Sans Sinhala"),
    *("Noto Sans Thai", "Noto Sans Lao", "Noto Sans Khmer", "Noto Sans Myanmar", "Noto Sans Ethiopic"),
    *("Nirmala UI", "Leelawadee UI", "Kohinoor Devanagari", "Thonburi", "FreeSans"),
    *("Noto Sans Symbols", "Noto Sans Symbols 2", "Noto Sans Symbols2", "Segoe UI Symbol", "Noto Emoji", "Symbola"),
    "Unifont",
)

_logger = logging.getLogger("interp")
_lacking: list[str] = []  # the character that was logged


@cache
def families() -> tuple[str, ...]:
    """Families in the order in which they are asked for a glyph: the base, then what of the others is installed."""
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    found = tuple(name for name in _FALLBACKS if name in installed)
    logging.getLogger("matplotlib.font_manager").addFilter(lambda record: not _says_not_bold(record, found))
    return (BASE, *found)


def _says_not_bold(record: logging.LogRecord, names: tuple[str, ...]) -> bool:
    """Whether matplotlib complains that one of these has no bold face: many have none, and the regular one will do."""
    return "font weight" in str(record.msg) and bool(set(names) & set(record.args or ()))


def font(*, bold: bool = False) -> Any:
    """The base font with the others behind it, as matplotlib opens it to measure or draw."""
    from matplotlib.font_manager import get_font

    return get_font(_files(bold=bold))


def has_glyph(character: str) -> bool:
    """Whether a character can be drawn, regular as well as bold."""
    return ord(character) in _glyphs()


def escaped(character: str) -> str:
    r"""A character that no font has as its number, so that names stay told apart: ``\u7279``.

    The first one in a process is logged. It is no Python warning: those may be errors to the caller.
    """
    number = character.encode("ascii", "backslashreplace").decode()
    if not _lacking:
        _lacking.append(character)
        _logger.warning(
            "plots write characters that no font found here has by their numbers, such as %s as %s; "
            "install a font of their script, Noto Sans CJK for example",
            character,
            number,
        )
    return number


@cache
def _files(*, bold: bool) -> Sequence[str]:
    """A file per family, as matplotlib would find it for this family and weight."""
    from matplotlib.font_manager import FontProperties, fontManager

    weight = "bold" if bold else "normal"
    return [
        str(fontManager.findfont(FontProperties(family=name, weight=weight), fallback_to_default=False))
        for name in families()
    ]


@cache
def _glyphs() -> frozenset[int]:
    """Code points that both the regular and the bold faces can draw."""
    from matplotlib.font_manager import get_font

    regular, bold = (
        frozenset().union(*(get_font(file).get_charmap() for file in _files(bold=face))) for face in (False, True)
    )
    return regular & bold
