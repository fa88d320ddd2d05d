"""What pairs of features do together: the strongest pairs as bars, and a map of who acts with whom."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import number, text_width, wrap
from interp_pipeline.plots.theme import (
    ACCENT,
    AXIS_ROOM,
    INK,
    LABEL_SIZE,
    MUTED,
    PAD,
    PALE,
    TICK_SIZE,
    line_inches,
    text_style,
)
from interp_pipeline.plots.ticks import axis_label
from interp_pipeline.plots.wording import (
    count_phrase,
    effect_label,
    effect_text,
    in_percent,
    is_probability,
    method_line,
    short,
    summary_phrase,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.interactions import Interactions

__all__ = ["interactions"]

_BARS = 6  # pairs one by one
_BAR = 0.62  # of a row's height
_WIDEST_PAIR = 4.6  # inches of the names of a pair
_WIDEST_NAME = 3.0  # inches of a name beside the map
_WIDEST_CELL = 0.95  # inches
_MAP_HEAD = 0.62  # inches above the map: what it shows
_DARK = 0.55  # share of the largest pair from which a cell needs white text
_FAINT = 0.01  # share of the largest pair below which a cell is left without its number
_TIMES = " \N{MULTIPLICATION SIGN} "


def interactions(values: Interactions, *, top: int = 10) -> Figure:
    """The strongest pairs one by one, and all pairs among the features that have a part in these.

    Args:
        values: of a tree ensemble.
        top: at most this many features in the map.

    Returns:
        Figure: bars of mean absolute joint effects above a triangle, whose cells are the pairs of the
        feature to the right of a line's end and the one above a column; what features do alone stands in
        grey on its long side.
    """
    values = _in_percent(values)
    explanation = values.explanation
    pairs = values.ranking[:_BARS]
    column = _label_pairs(values, pairs)
    bars = column.height + AXIS_ROOM if pairs else 0.0
    shown = _shown(values, top)
    labels = [wrap(explanation.feature_names[j], _WIDEST_NAME, LABEL_SIZE, bold=True) for j in shown]
    cell = _cell(labels)
    row_height = line_inches(LABEL_SIZE, 2) + 0.1 if any("\n" in label for label in labels) else 0.34
    height = row_height * len(shown)
    sheet = Sheet(_title(values), method_line(explanation, *_facts(values, shown)), height=bars + _MAP_HEAD + height)
    if pairs:
        _draw_bars(sheet, values, pairs, column, height + _MAP_HEAD)
    ax = sheet.axes(PAD, 0.0, cell * len(shown), height, grid="none")
    _draw_map(ax, values.strength[np.ix_(shown, shown)], cell)
    for i, label in enumerate(labels):
        place = PAD + (i + 1) * cell + 0.1, height - (i + 0.5) * row_height
        sheet.text(*place, label, bold=True, raw=True)
    _explain_map(sheet, height)
    return sheet.figure


def _in_percent(values: Interactions) -> Interactions:
    """Effects on class probabilities in points; others as they are."""
    if not is_probability(values.explanation):
        return values
    return dataclasses.replace(
        values,
        explanation=in_percent(values.explanation),
        mean_abs=100.0 * values.mean_abs,
        mean=100.0 * values.mean,
        values=100.0 * values.values,
    )


def _label_pairs(values: Interactions, pairs: Sequence[tuple[int, int]]) -> LabelColumn:
    """Two names on one line where they fit, else on two."""
    names, labels = values.explanation.feature_names, []
    for pair in pairs:
        first, second = (wrap(names[j], _WIDEST_PAIR, LABEL_SIZE, lines=1) for j in pair)
        together = f"{first}{_TIMES}{second}"
        fits = text_width(together, LABEL_SIZE) <= _WIDEST_PAIR
        labels.append(together if fits else f"{first}{_TIMES.rstrip()}\n{second}")
    return LabelColumn.of(labels)


def _title(values: Interactions) -> str:
    phrase = summary_phrase(values.explanation)
    if not values.ranking:
        return f"No two features move the {phrase} together: each acts alone"
    i, j = values.ranking[0]
    first, second = (short(values.explanation.feature_names[k], 40) for k in (i, j))
    size = effect_text(values.explanation, float(values.strength[i, j]))
    return f"{first} and {second} interact most: their joint effect on the {phrase} is {size} on average"


def _facts(values: Interactions, shown: Sequence[int]) -> list[str]:
    n_rows, n_features = values.explanation.data.shape
    alone = float(np.trace(values.strength)) / values.total if values.total > 0 else 1.0
    n_pairs = len(values.ranking)
    pairs = count_phrase(n_pairs, "pair") if n_pairs else "pairs"
    facts = [f"features alone make up {number(100 * alone, 2)} % of all effects, {pairs} the rest"]
    if n_pairs > _BARS:
        facts.append(f"the {_BARS} strongest pairs as bars")
    if len(values.rows) < n_rows:
        facts.append(f"interactions of {count_phrase(len(values.rows), 'row')}")
    if len(shown) < n_features:
        facts.append(f"the {len(shown)} features of the strongest pairs shown")
    return facts


def _shown(values: Interactions, top: int) -> list[int]:
    """The features of the strongest pairs, filled up with the most important ones; in order of importance."""
    ranking = values.explanation.ranking
    chosen = dict.fromkeys(j for pair in values.ranking for j in pair)
    members = set(list(dict.fromkeys([*chosen, *ranking]))[:top])
    return [j for j in ranking if j in members]


def _cell(labels: Sequence[str]) -> float:
    """Inches of a cell, so that the name at the end of every line fits onto the sheet."""
    room = 10.0 - 2 * PAD - 0.1
    widths = [max(text_width(line, LABEL_SIZE, bold=True) for line in label.split("\n")) for label in labels]
    return min(_WIDEST_CELL, *((room - width) / (i + 1) for i, width in enumerate(widths)))


def _draw_bars(
    sheet: Sheet, values: Interactions, pairs: Sequence[tuple[int, int]], column: LabelColumn, above: float
) -> None:
    sizes = [float(values.strength[pair]) for pair in pairs]
    room = max(text_width(number(size), TICK_SIZE) for size in sizes) + 0.15
    ax = sheet.axes(column.left, above + AXIS_ROOM, sheet.width - column.left - PAD - room, column.height)
    label_rows(ax, column.labels)
    ax.barh(range(len(sizes)), sizes, height=_BAR, color=ACCENT, linewidth=0)
    ax.set_xlim(0, max(sizes) * 1.02)
    for i, size in enumerate(sizes):
        ax.annotate(
            number(size),
            (size, i),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            **text_style(TICK_SIZE, INK),
        )
    axis_label(ax, f"mean size of the joint {effect_label(values.explanation, summary_phrase(values.explanation))}")


def _draw_map(ax: Axes, strength: FloatArray, cell: float) -> None:
    """The lower triangle coloured by the strength of pairs, main effects in grey on the diagonal."""
    n = len(strength)
    edges = np.arange(n + 1) - 0.5
    below = np.tril(np.ones((n, n), dtype=bool), k=-1)
    largest = float(strength[below].max(initial=0.0))
    for values, hidden, colours in (
        (strength, ~below, _colours("#F2F6FA", "#9CC9E3", ACCENT, "#00456F")),
        (np.zeros((n, n)), ~np.eye(n, dtype=bool), _colours(PALE, PALE)),
    ):
        cells = np.ma.array(values, mask=hidden)
        ax.pcolormesh(edges, edges, cells, cmap=colours, vmin=0, vmax=largest or 1.0, edgecolors="white", linewidth=1.5)
    ax.set_ylim(n - 0.5, -0.5)
    ax.set_xlim(-0.5, n - 0.5)
    ax.set_xticks([])
    ax.set_yticks([])
    for i, j in np.argwhere(below | np.eye(n, dtype=bool)).tolist():
        value, text = float(strength[i, j]), number(float(strength[i, j]), 2)
        worth_reading = i == j or value >= _FAINT * largest > 0
        if worth_reading and text_width(text, TICK_SIZE) < cell - 0.06:
            colour = "white" if i != j and value > _DARK * largest else INK
            ax.text(j, i, text, ha="center", va="center", **text_style(TICK_SIZE, colour))


def _colours(*stops: str) -> LinearSegmentedColormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("interp_strength", list(stops))


def _explain_map(sheet: Sheet, top: float) -> None:
    """What the map shows and how it is read, above it."""
    sheet.text(PAD, top + 0.42, "Who acts with whom", bold=True)
    how = (
        "A cell is the joint effect of two features, named at the end of its line and at the top of its column. "
        "Grey: alone. Empty: almost none."
    )
    sheet.text(
        PAD, top + 0.16, wrap(how, sheet.width - 2 * PAD, TICK_SIZE, lines=2), size=TICK_SIZE, colour=MUTED, raw=True
    )
