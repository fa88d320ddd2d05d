"""Which classes a classifier takes for which: actual classes down, predicted classes across."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from interp_pipeline.errors import UsageError
from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import number, text_width, wrap
from interp_pipeline.plots.theme import ACCENT, INK, LABEL_SIZE, MUTED, PAD, TICK_SIZE, line_inches, text_style
from interp_pipeline.plots.wording import count_phrase
from interp_pipeline.readable import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["confusion_matrix"]

_MOST_CLASSES = 12  # in rows and columns of their own; the rarer ones are pooled
_CELL = 1.3  # inches, of few classes
_ROW_NAME = 2.4  # inches of the widest class name beside a row
_DARK = 0.45  # share of a row from which its cell needs white text


def confusion_matrix(counts: npt.ArrayLike, class_names: Sequence[str]) -> Figure:
    """Counts of actual against predicted classes, coloured by each actual class's shares.

    Args:
        counts: rows are actual, columns predicted classes, shape (n_classes, n_classes).
        class_names: in the order of both axes.

    Returns:
        Figure: each cell with its count and its share of the actual class. Beyond twelve
        classes the rarest are pooled in one.

    Raises:
        UsageError: the shape does not fit the names.
    """
    table = np.asarray(counts, dtype=np.int64)
    if table.shape != (len(class_names), len(class_names)):
        msg = f"counts of shape {table.shape} do not fit {count_phrase(len(class_names), 'class')}"
        raise UsageError(msg)
    total, right = int(table.sum()), int(np.trace(table))
    table, names = _pool(table, list(class_names))
    n = len(names)
    labels = LabelColumn.fit(names, widest=_ROW_NAME)
    left = labels.left + 0.35
    cell = min(_CELL, (10.0 - left - PAD) / n)
    height = max(0.62 * cell, labels.row_height)
    heads = [wrap(name, cell - 0.08, TICK_SIZE, lines=3) for name in names]
    head_room = line_inches(TICK_SIZE, max(head.count("\n") for head in heads) + 1) + 0.3
    sheet = Sheet(
        f"{share(right, total)} of {count_phrase(total, 'row')} are put into their true class",
        "test rows · row: actual class, column: predicted class · percent of the actual class",
        height=n * height + head_room + 0.1,
    )
    ax = sheet.axes(left, 0.1, n * cell, n * height, grid="none")
    _cells(ax, table, cell)
    label_rows(ax, labels.labels)
    ax.set_xticks(range(n), heads, linespacing=1.05, **text_style(TICK_SIZE, INK))
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    sheet.text(left, sheet.height - 0.1, "predicted", colour=MUTED)
    sheet.figure.text(
        (PAD + 0.05) / sheet.width,
        ax.get_position().y0 + ax.get_position().height / 2,
        "actual",
        rotation=90,
        va="center",
        ha="center",
        **text_style(LABEL_SIZE, MUTED),
    )
    return sheet.figure


def _pool(table: npt.NDArray[np.int64], names: list[str]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Keep the most frequent classes, add up the others."""
    if len(names) <= _MOST_CLASSES:
        return table, names
    by_size = np.argsort(-(table.sum(axis=0) + table.sum(axis=1)), kind="stable")
    kept = np.sort(by_size[: _MOST_CLASSES - 1])
    rest = np.sort(by_size[_MOST_CLASSES - 1 :])
    groups = [[int(i)] for i in kept] + [[int(i) for i in rest]]
    pooled = np.array([[table[np.ix_(a, b)].sum() for b in groups] for a in groups], dtype=np.int64)
    return pooled, [*(names[int(i)] for i in kept), count_phrase(len(rest), "rarer class")]


def _cells(ax: Axes, table: npt.NDArray[np.int64], cell: float) -> None:
    """Coloured cells with their numbers, smaller where cells are narrow."""
    from matplotlib.colors import LinearSegmentedColormap

    totals = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, totals, out=np.zeros(table.shape), where=totals > 0)
    colours: Any = LinearSegmentedColormap.from_list("interp_counts", ["#F3F6F8", "#8DBBD9", ACCENT, "#004C78"])
    edges = np.arange(len(table) + 1) - 0.5
    ax.pcolormesh(edges, edges, shares, cmap=colours, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    for (i, j), count in np.ndenumerate(table):
        style = "white" if shares[i, j] > _DARK else INK
        text = number(float(count))
        if text_width(text, LABEL_SIZE) + 0.08 > cell:
            text = f"{count:.0e}".replace("e+0", "e")  # narrower than any number in full
        ax.text(j, i, f"{text}\n{share(float(shares[i, j]), 1.0)}", ha="center", va="center", **text_style(8.5, style))
