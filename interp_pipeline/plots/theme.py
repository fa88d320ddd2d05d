"""The one visual language of all plots: colours, type sizes, measures.

No global matplotlib state (pyplot, rcParams) is read or changed. Text is always drawn literally:
``parse_math=False`` keeps a ``$`` in a name from starting a formula.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.plots.fonts import families

if TYPE_CHECKING:
    from matplotlib.colors import LinearSegmentedColormap

__all__ = [
    "ACCENT",
    "AXIS_ROOM",
    "CLASS_COLOURS",
    "GREY",
    "GRID",
    "INK",
    "LABEL_SIZE",
    "LINE_HEIGHT",
    "MUTED",
    "NEGATIVE",
    "NOTE_SIZE",
    "PAD",
    "PALE",
    "POSITIVE",
    "SUBTITLE_SIZE",
    "TICK_SIZE",
    "TITLE_SIZE",
    "WARNING",
    "WIDTH",
    "line_inches",
    "push_colours",
    "text_style",
    "value_colours",
]

# Okabe and Ito's palette: told apart with every common colour-vision deficiency.
NEGATIVE = "#0072B2"  # blue: pushes the output down
POSITIVE = "#D55E00"  # vermillion: pushes it up
CLASS_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#7A5195")
ACCENT = "#0072B2"
WARNING = "#A63A00"
INK = "#222222"
MUTED = "#5F6368"
GREY = "#A3A8AD"
PALE = "#D5D8DB"
GRID = "#E6E8EA"

TITLE_SIZE, SUBTITLE_SIZE, LABEL_SIZE, TICK_SIZE, NOTE_SIZE = 14.0, 9.5, 9.5, 9.0, 8.5
WIDTH = 10.0  # inches, of every sheet
PAD = 0.25  # inches around everything
AXIS_ROOM = 0.62  # inches below axes: tick labels and the axis' own label
LINE_HEIGHT = 1.3  # of a line of text, in font sizes


def text_style(size: float = LABEL_SIZE, colour: str = INK, *, bold: bool = False) -> dict[str, Any]:
    """Keyword arguments for every piece of text, wherever matplotlib takes them."""
    from matplotlib.font_manager import FontProperties

    # fontproperties resets what precedes it, so the size goes inside.
    font = FontProperties(family=families(), weight="bold" if bold else "normal", size=size)
    return {"fontproperties": font, "color": colour, "parse_math": False, "usetex": False}


def line_inches(size: float, lines: int = 1) -> float:
    """Height of lines of text in inches."""
    return lines * size * LINE_HEIGHT / 72


def value_colours() -> LinearSegmentedColormap:
    """Low to high values of a feature: light to dark as well as blue to plum, so it survives greyscale."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("interp_values", ["#58B7E3", "#7C77C4", "#8E1B66"])


def push_colours() -> LinearSegmentedColormap:
    """Negative to positive attributions, white at zero."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "interp_push", ["#00456F", NEGATIVE, "#9CC9E3", "#FAFAFA", "#F3BF9A", POSITIVE, "#863B00"]
    )
