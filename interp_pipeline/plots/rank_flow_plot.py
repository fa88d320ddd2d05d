"""How the order of the features changed from version to version: a line per feature across the ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.shift_plot import one_row_per_feature, require_columns
from interp_pipeline.plots.text import text_width, wrap
from interp_pipeline.plots.theme import (
    GREY,
    INK,
    LABEL_SIZE,
    MUTED,
    NEGATIVE,
    PAD,
    POSITIVE,
    TICK_SIZE,
    WIDTH,
    line_inches,
)
from interp_pipeline.plots.wording import count_phrase, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import FloatArray

__all__ = ["draw_rank_flow"]

_NAME_ROOM = 2.9  # inches of the widest name on each side
_ROW = 0.3  # inches per rank
_NARROW = 2.4  # the same where more than two versions need room between them
_CLEAR_MOVE = 2  # ranks from which a line is coloured


def draw_rank_flow(features: pd.DataFrame, labels: Sequence[str], *, top: int = 15) -> Figure:
    """Ranks of the features, version by version.

    Args:
        features: one row per feature: ``feature`` and ``rank_<label>`` (1 = most important) for
            each label. Of several rows for a feature the last one counts; a rank may be missing
            where a version does not know the feature, and the line has a gap there.
        labels: of the versions, in the order they came.
        top: features within the first ``top`` ranks of any version are drawn.

    Returns:
        Figure: a line per feature, vermillion where it rose by two ranks or more from the first
        to the last version, blue where it fell as far, grey otherwise.

    Raises:
        UsageError: a column is missing.
    """
    columns = [f"rank_{label}" for label in labels]
    require_columns(features, ["feature", *columns], "rank_flow")
    features = one_row_per_feature(features, columns)
    chosen = features[(features[columns] <= top).any(axis=1)]
    names = [str(name) for name in chosen["feature"]]
    # ranks among the features drawn: no gaps, no shared places
    ranks = chosen[columns].rank(method="first").to_numpy(dtype=np.float64)
    true_ranks = chosen[columns].to_numpy(dtype=np.float64)
    shown = [wrap(name, _NAME_ROOM if len(labels) == 2 else _NARROW, LABEL_SIZE, lines=1) for name in names]  # noqa: PLR2004
    room = max(text_width(name, LABEL_SIZE) for name in shown) + 0.55
    step = (WIDTH - 2 * (PAD + room)) / max(len(labels) - 1, 1)
    heads = [wrap(label, max(step - 0.1, 0.4), TICK_SIZE, lines=3, bold=True) for label in labels]
    head = line_inches(TICK_SIZE, max(text.count("\n") for text in heads) + 1) + 0.14
    height = len(names) * _ROW
    sheet = Sheet(
        _title(names, true_ranks),
        _subtitle(len(names), len(features)),
        height=head + height + 0.1,
        notes=["Vermillion: more important by two ranks or more than in the first version. Blue: less important."],
    )
    ax = sheet.axes(PAD + room, 0.1, sheet.width - 2 * (PAD + room), height, grid="none")
    ax.set_ylim(len(names) + 0.5, 0.5)
    ax.set_xlim(0, max(len(labels) - 1, 1))
    ax.set_xticks([])
    ax.set_yticks([])
    _lines(ax, ranks, true_ranks)
    for k, text in enumerate(heads):
        sheet.text(
            PAD + room + step * k, height + 0.16, text, size=TICK_SIZE, bold=True, ha="center", va="bottom", raw=True
        )
    _side(sheet, shown, ranks[:, 0], true_ranks[:, 0], PAD + room - 0.12, ha="right")
    _side(sheet, shown, ranks[:, -1], true_ranks[:, -1], sheet.width - PAD - room + 0.12, ha="left")
    return sheet.figure


def _title(names: list[str], ranks: FloatArray) -> str:
    moves = ranks[:, 0] - ranks[:, -1]
    if np.isnan(moves).all():
        return "The versions have no feature in common"
    most = int(np.nanargmax(np.abs(moves)))
    if moves[most] == 0:
        return "The order of the features did not change"
    verb = "rose" if moves[most] > 0 else "fell"
    return f"{short(names[most])} {verb} furthest, from rank {int(ranks[most, 0])} to rank {int(ranks[most, -1])}"


def _subtitle(n_shown: int, n_features: int) -> str:
    some = "" if n_shown == n_features else f" · {n_shown} of {count_phrase(n_features, 'feature')} shown"
    return f"rank of each feature by its importance, 1 is the most important{some}"


def _lines(ax: Axes, ranks: FloatArray, true_ranks: FloatArray) -> None:
    x = np.arange(ranks.shape[1])
    for places, true in zip(ranks, true_ranks, strict=True):
        move = true[0] - true[-1]
        colour = GREY if not abs(move) >= _CLEAR_MOVE else POSITIVE if move > 0 else NEGATIVE
        ax.plot(
            x,
            places,
            color=colour,
            linewidth=2.0 if colour != GREY else 1.2,
            marker="o",
            markersize=5,
            clip_on=False,
            zorder=2 if colour == GREY else 3,
        )


def _side(sheet: Sheet, names: list[str], places: FloatArray, ranks: FloatArray, x: float, *, ha: str) -> None:
    """Names with their ranks beside the first or last version, the rank next to the line."""
    out = -1 if ha == "right" else 1
    for name, place, rank in zip(names, places, ranks, strict=True):
        if np.isnan(rank):
            continue
        y = 0.1 + (len(names) - place + 0.5) * _ROW
        sheet.text(x, y, str(int(rank)), size=TICK_SIZE, colour=MUTED, ha=ha)
        sheet.text(x + out * 0.3, y, name, colour=INK, ha=ha)
