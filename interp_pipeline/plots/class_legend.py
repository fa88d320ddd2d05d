"""Which class has which colour, and which classes a plot of many of them shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.plots.text import text_width
from interp_pipeline.plots.theme import CLASS_COLOURS, GREY, PAD, TICK_SIZE
from interp_pipeline.plots.wording import count_phrase, short

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.plots.sheet import Sheet

__all__ = ["class_legend", "legend", "top_outputs"]

_SWATCH = 0.13  # inches


def top_outputs(explanation: Explanation) -> tuple[list[tuple[int, str]], list[int]]:
    """The outputs that get a colour of their own, and those that share grey.

    Returns:
        Pairs of output and colour, in the order of the outputs; and the outputs left over: those
        whose attributions are smallest.
    """
    sizes = explanation.mean_abs.sum(axis=0)
    n_outputs = len(explanation.output_names)
    room = len(CLASS_COLOURS)
    largest = sorted(range(n_outputs), key=lambda output: -sizes[output])[:room]
    coloured = sorted(largest)
    return list(zip(coloured, CLASS_COLOURS, strict=False)), [o for o in range(n_outputs) if o not in coloured]


def class_legend(sheet: Sheet, explanation: Explanation, left: float, y: float) -> None:
    """Name the classes' colours in one line, at a place in inches."""
    top, others = top_outputs(explanation)
    entries = [(explanation.output_names[output], colour) for output, colour in top]
    if others:
        entries.append((count_phrase(len(others), "other class"), GREY))
    legend(sheet, entries, left, y)


def legend(sheet: Sheet, entries: list[tuple[str, str]], left: float, y: float) -> None:
    """Swatches with names in one line that ends before the sheet does; long names lose their middle.

    Args:
        sheet: the sheet.
        entries: names and colours.
        left: where the line starts, in inches.
        y: its middle, in inches.
    """
    from matplotlib.patches import Rectangle

    characters = 40
    while characters > 3 and _width(entries, characters) > sheet.width - left - PAD:  # noqa: PLR2004 - "a…z"
        characters -= 1
    for name, colour in entries:
        label = short(name, characters)
        ax = sheet.axes(left, y - _SWATCH / 2, _SWATCH, _SWATCH, grid="none")
        ax.set_axis_off()
        ax.add_patch(Rectangle((0, 0), 1, 1, color=colour, linewidth=0))
        sheet.text(left + _SWATCH + 0.07, y, label, size=TICK_SIZE)
        left += _entry_width(label)


def _entry_width(label: str) -> float:
    return _SWATCH + 0.07 + text_width(label, TICK_SIZE) + 0.22


def _width(entries: list[tuple[str, str]], characters: int) -> float:
    return sum(_entry_width(short(name, characters)) for name, _ in entries)
