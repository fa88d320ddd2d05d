"""Numbers, names and lists as they stand in a sentence."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING

from interp_pipeline.explanation import CLASS_SCORES, LOG_ODDS, PROBABILITY
from interp_pipeline.plots.text import middle_ellipsis
from interp_pipeline.readable import count, level_number, number, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "NO_BREAK",
    "PROBABILITY",
    "article",
    "bar_width",
    "clean",
    "column",
    "count",
    "effect",
    "errors_column",
    "gap",
    "level",
    "listed",
    "minus",
    "name",
    "output_phrase",
    "percent",
    "points",
    "quoted",
    "unit_phrase",
    "value",
]

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
_PLACEHOLDER = "\N{WHITE SQUARE}"
# Controls, invisible direction marks, lone surrogates (which no file can hold), private use.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_ONE_DECIMAL_FROM = 0.95  # points; from here on one decimal shows two digits
_IN_SENTENCE = 60  # characters of a name; longer ones lose their middle, tables keep them whole


def clean(text: str) -> str:
    """Text with white space as single blanks, and a box for each character that cannot be shown."""
    blanks = " ".join(text.split())
    return "".join(_PLACEHOLDER if unicodedata.category(letter) in _UNPRINTABLE else letter for letter in blanks)


def bar_width(size: float, largest: float) -> str:
    """How long the bar of an effect is drawn in a table, in percent of the longest one, as a style sheet reads it."""
    return f"{100 * abs(size) / largest:.1f}" if largest > 0 else "0"


def name(text: str) -> str:
    """A feature's or model's name in a sentence."""
    return middle_ellipsis(clean(text), _IN_SENTENCE) or "(empty)"


def quoted(text: str) -> str:
    """A class or category in a sentence: ``“good”``."""
    return f"“{name(text)}”"


def value(cell: object, *, year: bool | None = None) -> str:
    """One cell of the data: numbers as they are, text in quotes, ``missing``; ``year`` as ``value_text``."""
    text = value_text(cell, year=year)
    return quoted(text) if isinstance(cell, str) and cell else minus(text)


def minus(text: str) -> str:
    """A number's text with a true minus sign."""
    return f"{MINUS}{text[1:]}" if text.startswith("-") else text


def percent(share: float, decimals: int = 1) -> str:
    """A share in percent: ``76.5 %``, or with no decimals ``77 %``.

    Shares that would round to nothing or everything keep apart from it: ``less than 0.1 %``,
    ``more than 99.9 %``. Exactly none and all read ``0 %`` and ``100 %``.
    """
    hundred, step = 100.0 * share, 10.0**-decimals
    if share in {0.0, 1.0}:
        return f"{hundred:.0f}{NO_BREAK}%"
    if 0.0 < hundred < step / 2.0:
        return f"less than {step:.{decimals}f}{NO_BREAK}%"
    if 1.0 - step / 200.0 <= share < 1.0:
        return f"more than {100.0 - step:.{decimals}f}{NO_BREAK}%"
    return f"{minus(f'{hundred:,.{decimals}f}')}{NO_BREAK}%"


def points(share: float, *, signed: bool = True) -> str:
    """A difference of shares in percentage points: ``+5.1 points``; below one point with two digits."""
    hundred = 100.0 * share
    size = abs(hundred)
    text = f"{size:,.1f}" if size >= _ONE_DECIMAL_FROM else number(size, 2)
    return f"{_sign(text, hundred) if signed else ''}{text}{NO_BREAK}points"


def effect(amount: float, unit: str, *, signed: bool = True) -> str:
    """An attribution in words: percentage points of a probability, or the target's own numbers."""
    if unit == PROBABILITY:
        return points(amount, signed=signed)
    text = number(abs(amount))
    return f"{_sign(text, amount) if signed else ''}{text}"


def column(amounts: Sequence[float], unit: str, largest: float, *, signed: bool = False) -> list[str]:
    """Effects for a column of a table, all with the same decimals and without their unit.

    Args:
        amounts: in units of the model output.
        unit: of the model output; probabilities become percentage points with two decimals.
        largest: the amount that is to show three digits, where the unit is not a probability.
        signed: whether positive ones show their sign.
    """
    factor, decimals = (100.0, 2) if unit == PROBABILITY else (1.0, _decimals(largest))
    sizes = [factor * abs(amount) for amount in amounts]
    texts = [f"{size:,.{decimals}f}" for size in sizes]
    zero = f"{0.0:.{decimals}f}"
    signs = [_sign("0" if text == zero else text, amount) for text, amount in zip(texts, amounts, strict=True)]
    return [
        f"{sign if signed or amount < 0 else ''}{text}"
        for sign, text, amount in zip(signs, texts, amounts, strict=True)
    ]


def errors_column(errors: Sequence[float], unit: str, largest: float) -> list[str]:
    """Standard errors beside a ``column`` of the same unit and largest amount; none but a true zero reads as zero."""
    texts = column(errors, unit, largest)
    zero = column([0.0], unit, largest)[0]
    least = f"<{zero[:-1]}1"  # one in the last place shown
    return [least if error > 0 and text == zero else text for error, text in zip(errors, texts, strict=True)]


def level(amount: float, unit: str) -> str:
    """A prediction in words: a probability in percent, or a number in the target's unit."""
    return percent(amount) if unit == PROBABILITY else minus(level_number(amount, unit, 4))


def gap(amount: float) -> str:
    """A tiny number as a reader can take it in: ``0``, ``0.0013``, or in powers of ten."""
    return number(amount, 2).replace("e-", f"e{MINUS}")


def listed(texts: Sequence[str], word: str = "and", most: int | None = None) -> str:
    """``a``, ``a and b``, ``a, b and c``, ``a, b and 7 more``."""
    shown = list(texts)
    if most is not None and len(shown) > most:
        shown = [*shown[:most], f"{len(texts) - most} more"]
    if len(shown) < 2:  # noqa: PLR2004 - nothing to join
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}"


def article(noun: str) -> str:
    """``a random forest``, ``an estimator``, and by the names of its letters ``an SVC``."""
    vowels = "AEFHILMNORSX" if noun[:2].isupper() and len(noun) > 1 else "AEIOUaeiou"
    return f"{'an' if noun[:1] in vowels and noun else 'a'} {noun}"


def output_phrase(output: str, unit: str) -> str:
    """One model output: ``the probability of “good”``, ``the log-odds of “good”``, or the predicted target."""
    if unit == PROBABILITY:
        return f"the probability of {quoted(output)}"
    return f"{_score(unit)} {quoted(output)}" if unit in CLASS_SCORES else f"the predicted {name(output)}"


def _score(unit: str) -> str:
    return f"the {unit} of" if unit == LOG_ODDS else f"the {unit} for"


def unit_phrase(unit: str) -> str:
    """What the numbers of a table are in: ``percentage points``, ``log-odds``, ``units of “income”``."""
    if unit == PROBABILITY:
        return "percentage points"
    if unit in CLASS_SCORES:
        return unit if unit == LOG_ODDS else f"units of the {unit}"
    return f"units of {quoted(unit)}"


def _decimals(largest: float) -> int:
    """Decimals with which a number shows three digits."""
    return max(0, 2 - math.floor(math.log10(largest))) if largest > 0.0 else 0


def _sign(text: str, amount: float) -> str:
    if text == "0":
        return ""
    return "+" if amount > 0 else MINUS
