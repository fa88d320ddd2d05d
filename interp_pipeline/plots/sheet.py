"""The sheet that every plot is drawn on, and its quiet axes.

Everything is placed in inches from measured text, so nothing is cut off and nothing has to be laid out twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.plots.fonts import BASE
from interp_pipeline.plots.text import clean, wrap
from interp_pipeline.plots.theme import (
    GRID,
    INK,
    LABEL_SIZE,
    LINE_HEIGHT,
    MUTED,
    NOTE_SIZE,
    PAD,
    SUBTITLE_SIZE,
    TICK_SIZE,
    TITLE_SIZE,
    WIDTH,
    line_inches,
    text_style,
)
from interp_pipeline.plots.ticks import readable_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["Sheet", "frame_axes"]


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
        _style_axes(ax, grid=grid)
        return ax


def frame_axes(ax: Axes) -> None:
    """A thin border, which tells panels apart that stand side by side."""
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_color(GRID)
        spine.set_linewidth(0.8)


def _style_axes(ax: Axes, *, grid: str = "x") -> None:
    """Quiet axes: no box, no tick marks, thin grid lines behind the data.

    Args:
        ax: the axes.
        grid: ``x``, ``y``, ``both`` or ``none``: the axes whose values a reader looks up.
    """
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
