"""The one visual language of all plots: colours, type sizes, axes, and the sheet they are drawn on.

Everything is placed in inches from measured text, so nothing is cut off, nothing has to be laid
out twice, and no global matplotlib state (pyplot, rcParams) is read or changed. Text is always
drawn literally: ``parse_math=False`` keeps a ``$`` in a name from starting a formula.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.plots.fonts import BASE, families
from interp_pipeline.plots.text import clean, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap

__all__ = [
    "ACCENT",
    "AXIS_ROOM",
    "CLASS_COLOURS",
    "GREY",
    "INK",
    "LABEL_SIZE",
    "MUTED",
    "NEGATIVE",
    "PAD",
    "PALE",
    "POSITIVE",
    "TICK_SIZE",
    "WARNING",
    "WIDTH",
    "Sheet",
    "line_inches",
    "push_colours",
    "style_axes",
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


def style_axes(ax: Axes, *, grid: str = "x") -> None:
    """Quiet axes: no box, no tick marks, thin grid lines behind the data.

    Args:
        ax: the axes.
        grid: ``x``, ``y``, ``both`` or ``none``: the axes whose values a reader looks up.
    """
    from interp_pipeline.plots.ticks import readable_axis

    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_facecolor("none")
    ax.set_axisbelow(True)
    ax.grid(visible=False)
    ax.minorticks_off()
    ax.tick_params(length=0, labelsize=TICK_SIZE, labelcolor=MUTED, labelfontfamily=BASE, pad=5)
    for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
        if grid in {name, "both"}:
            axis.grid(visible=True, color=GRID, linewidth=0.8, linestyle="-")
            readable_axis(axis)
        for label in (axis.get_major_ticks(1)[0].label1, axis.get_major_ticks(1)[0].label2):
            label.set_usetex(False)  # further ticks copy the first one


class Sheet:
    """A white sheet with a headline, a line of method below it, room for axes, and notes at the foot.

    Attributes:
        figure: the matplotlib figure.
        width: of the sheet in inches.
        height: of the room for axes in inches; positions count from its lower left corner.
    """

    def __init__(
        self, title: str, subtitle: str, *, height: float, notes: Sequence[str] = (), width: float = WIDTH
    ) -> None:
        """Lay out headline and notes around ``height`` inches of room for axes."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        room = width - 2 * PAD
        title = wrap(title, room, TITLE_SIZE, lines=3, bold=True)
        subtitle = wrap(subtitle, room, SUBTITLE_SIZE, lines=3)
        note = "\n".join(wrap(text, room, NOTE_SIZE, lines=2) for text in notes if text)
        title_room = line_inches(TITLE_SIZE, title.count("\n") + 1) + 0.04
        subtitle_room = line_inches(SUBTITLE_SIZE, subtitle.count("\n") + 1)
        self._foot = PAD * 0.6 + (line_inches(NOTE_SIZE, note.count("\n") + 1) + 0.08 if note else 0.0)
        head = PAD + title_room + subtitle_room + 0.2
        self.width, self.height = width, height
        self._total = self._foot + height + head
        self.figure = Figure(figsize=(width, self._total), dpi=100, facecolor="white")
        self.figure.set_layout_engine("none")  # whatever the user has set as default
        FigureCanvasAgg(self.figure)  # so that text can be measured
        self.text(PAD, height + head - PAD, title, size=TITLE_SIZE, bold=True, va="top", raw=True)
        self.text(PAD, height + head - PAD - title_room, subtitle, size=SUBTITLE_SIZE, colour=MUTED, va="top", raw=True)
        if note:
            self.text(PAD, -0.08, note, size=NOTE_SIZE, colour=MUTED, va="top", raw=True)

    def text(  # noqa: PLR0913 - place and look of a text are all its own
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = LABEL_SIZE,
        colour: str = INK,
        bold: bool = False,
        ha: str = "left",
        va: str = "center",
        raw: bool = False,
    ) -> None:
        """Write text at a place in inches; ``raw`` text is clean already and may hold line breaks."""
        style = text_style(size, colour, bold=bold)
        self.figure.text(
            x / self.width,
            (y + self._foot) / self._total,
            text if raw else clean(text),
            ha=ha,
            va=va,
            linespacing=LINE_HEIGHT * 0.86,  # matplotlib counts from the font's own line height
            **style,
        )

    def axes(self, left: float, bottom: float, width: float, height: float, *, grid: str = "x") -> Axes:
        """Styled axes at a place in inches."""
        ax = self.figure.add_axes(
            (
                left / self.width,
                (bottom + self._foot) / self._total,
                width / self.width,
                height / self._total,
            )
        )
        style_axes(ax, grid=grid)
        return ax
