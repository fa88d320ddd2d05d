"""Which versions explain alike: rank correlations between every two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interp_pipeline.errors import UsageError
from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import number, wrap
from interp_pipeline.plots.theme import INK, LABEL_SIZE, PAD, TICK_SIZE, line_inches, push_colours, text_style
from interp_pipeline.plots.wording import count_phrase, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

__all__ = ["draw_agreement_matrix"]

_CELL = 1.2  # inches, of few versions
_SMALLEST_CELL = 0.42  # inches, for a number to fit
_DARK = 0.6  # |correlation| from which a cell needs white text


def draw_agreement_matrix(matrix: npt.ArrayLike, labels: Sequence[str]) -> Figure:
    """Rank correlation of the importances of every two versions.

    Args:
        matrix: correlations from -1 to 1, shape (n_versions, n_versions); NaN where undefined.
        labels: of the versions.

    Returns:
        Figure: cells coloured from opposite (blue) to equal order (vermillion).

    Raises:
        UsageError: the shape does not fit the labels, or there are fewer than two versions.
    """
    table = np.asarray(matrix, dtype=np.float64)
    n = len(labels)
    if table.shape != (n, n) or n < 2:  # noqa: PLR2004 - two make a comparison
        msg = f"a matrix of shape {table.shape} does not compare {count_phrase(n, 'version')}: it takes two or more"
        raise UsageError(msg)
    column = LabelColumn.fit(list(labels), widest=2.6)
    cell = max(min(_CELL, (10.0 - column.left - PAD) / n), _SMALLEST_CELL)
    height = max(0.6 * cell, column.row_height)
    heads = [wrap(label, cell - 0.08, TICK_SIZE, lines=3) for label in labels]
    head_room = line_inches(TICK_SIZE, max(head.count("\n") for head in heads) + 1) + 0.15
    sheet = Sheet(
        _title(table, labels),
        "rank correlation of the features' importances · 1: same order, 0: unrelated, \N{MINUS SIGN}1: opposite",
        height=n * height + head_room,
        width=max(10.0, column.left + n * cell + PAD),
    )
    ax = sheet.axes(column.left, 0.05, n * cell, n * height, grid="none")
    edges = np.arange(n + 1) - 0.5
    ax.pcolormesh(edges, edges, table, cmap=push_colours(), vmin=-1.2, vmax=1.2, edgecolors="white", linewidth=1.5)
    label_rows(ax, column.labels)
    ax.set_xticks(range(n), heads, linespacing=1.05, **text_style(TICK_SIZE, INK))
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for (i, j), value in np.ndenumerate(table):
        colour = "white" if abs(value) > _DARK else INK
        text = "?" if np.isnan(value) else number(round(float(value), 2), 2)
        ax.text(j, i, text, ha="center", va="center", **text_style(LABEL_SIZE, colour))
    return sheet.figure


def _title(table: npt.NDArray[np.float64], labels: Sequence[str]) -> str:
    pairs = table.copy()
    np.fill_diagonal(pairs, np.nan)
    if np.isnan(pairs).all():
        return "The versions' rankings cannot be compared"
    i, j = np.unravel_index(int(np.nanargmin(pairs)), pairs.shape)
    first, second = short(labels[int(i)], 30), short(labels[int(j)], 30)
    return f"{first} and {second} rank the features least alike ({number(float(pairs[i, j]), 2)})"
