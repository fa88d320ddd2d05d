"""The frame most plots share: one line per feature, its name on the left, values to the right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.plots.text import text_width, wrap
from interp_pipeline.plots.theme import INK, LABEL_SIZE, PAD, line_inches, text_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["LabelColumn", "label_rows"]

_WIDEST = 3.1  # inches of the column of names
_GAP = 0.12  # inches between names and axes


@dataclass(frozen=True, kw_only=True)
class LabelColumn:
    """Names fitted into a column, and the room they need."""

    labels: tuple[str, ...]  # at most two lines each
    left: float  # inches from the sheet's edge to the axes
    row_height: float  # inches per row

    @classmethod
    def fit(cls, names: Sequence[str], *, widest: float = _WIDEST, bold: bool = False) -> LabelColumn:
        """Wrap names into at most two lines of at most ``widest`` inches; ``bold`` if any will be."""
        return cls.of([wrap(name, widest, LABEL_SIZE, bold=bold) for name in names], bold=bold)

    @classmethod
    def of(cls, labels: Sequence[str], *, bold: bool = False) -> LabelColumn:
        """Take labels of at most two lines as they are; ``bold`` if any will be."""
        lines = [line for label in labels for line in label.split("\n")]
        width = max((text_width(line, LABEL_SIZE, bold=bold) for line in lines), default=0.0)
        two = any("\n" in label for label in labels)
        return cls(
            labels=tuple(labels),
            left=PAD + width + _GAP,
            row_height=line_inches(LABEL_SIZE, 2) + 0.1 if two else 0.29,
        )

    @property
    def height(self) -> float:
        """Inches all rows need."""
        return max(len(self.labels), 1) * self.row_height


def label_rows(ax: Axes, labels: Sequence[str], *, bold: Sequence[bool] = (), colours: Sequence[str] = ()) -> None:
    """Number the rows of an axes from the top and write the names beside them.

    Args:
        ax: the axes; row i lies at y = i.
        labels: fitted names, from the top; empty strings leave the row without a name.
        bold: per row, whether its name is bold; all regular if empty.
        colours: per row, the colour of its name.
    """
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_yticks(range(len(labels)), list(labels), linespacing=1.05, **text_style(LABEL_SIZE, INK))
    for i, label in enumerate(ax.get_yticklabels()):
        style = text_style(LABEL_SIZE, colours[i] if colours else INK, bold=bool(bold) and bold[i])
        label.set(**style)
