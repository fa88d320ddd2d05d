"""How the importance of each feature moved between versions: one line per feature, one dot per version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interp_pipeline.errors import UsageError
from interp_pipeline.plots.class_legend import legend
from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import signed, text_width
from interp_pipeline.plots.theme import AXIS_ROOM, CLASS_COLOURS, GREY, INK, MUTED, PAD, PALE, TICK_SIZE
from interp_pipeline.plots.ticks import axis_label
from interp_pipeline.plots.wording import count_phrase, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import FloatArray

__all__ = ["draw_shift", "one_row_per_feature", "require_columns", "version_colours"]

_GREYED = 0.35  # opacity of shifts within noise


def draw_shift(features: pd.DataFrame, labels: Sequence[str], *, top: int = 20, points: bool = False) -> Figure:
    """Importance of every feature in every version, the shifts beyond noise emphasised.

    Args:
        features: one row per feature: ``feature``, ``importance_<label>`` for each label in the
            unit of the model output, ``delta`` (last minus first version), ``ci_low``,
            ``ci_high`` (its confidence interval) and ``significant`` (whether that leaves out 0).
            Of several rows for a feature the last one counts. An importance may be missing where
            a version does not know the feature, and an interval where there is none.
        labels: of the versions, in the order they came.
        top: at most this many features, the most important first.
        points: the amounts are percentage points of a probability, not units of the model output.

    Returns:
        Figure: a dot per version; the shift and its interval in numbers beside each line.

    Raises:
        UsageError: a column is missing.
    """
    columns = [f"importance_{label}" for label in labels]
    require_columns(features, ["feature", *columns, "delta", "ci_low", "ci_high", "significant"], "shift")
    features = one_row_per_feature(features, columns)
    values = features[columns].to_numpy(dtype=np.float64)
    order = np.argsort(-np.nanmax(values, axis=1), kind="stable")[:top]
    shown, values = features.iloc[order], values[order]
    significant = shown["significant"].to_numpy(dtype=bool)
    names = LabelColumn.fit([str(name) for name in shown["feature"]], bold=True)
    shifts = shown[["delta", "ci_low", "ci_high"]].to_numpy(dtype=np.float64)
    notes = [_interval_text(*(float(number) for number in row)) for row in shifts]
    note_room = max((text_width(note, TICK_SIZE) for note in notes), default=0.0) + 0.15
    sheet = Sheet(
        _title(features, points=points), _subtitle(features, len(shown)), height=names.height + AXIS_ROOM + 0.75
    )
    ax = sheet.axes(names.left, AXIS_ROOM, sheet.width - names.left - PAD - note_room, names.height)
    label_rows(ax, names.labels, bold=[bool(flag) for flag in significant])
    _dumbbells(ax, values, significant)
    axis_label(ax, f"importance: mean size of the effect on the {'probability (points)' if points else 'model output'}")
    head = AXIS_ROOM + names.height + 0.2
    legend(sheet, list(zip(labels, version_colours(len(labels)), strict=True)), PAD, sheet.height - 0.12)
    sheet.text(sheet.width - PAD, head, "shift [interval]", size=TICK_SIZE, colour=MUTED, ha="right")
    for i, (note, flag) in enumerate(zip(notes, significant, strict=True)):
        y = AXIS_ROOM + names.height - (i + 0.5) * names.row_height
        sheet.text(sheet.width - PAD, y, note, size=TICK_SIZE, colour=INK if flag else MUTED, ha="right")
    return sheet.figure


def version_colours(count: int) -> list[str]:
    """A colour per version; beyond the palette the versions in the middle share grey."""
    palette = [CLASS_COLOURS[0], CLASS_COLOURS[1], *CLASS_COLOURS[2:]]
    return [palette[i] if i < len(palette) else GREY for i in range(count)]


def require_columns(frame: pd.DataFrame, columns: Sequence[str], plot: str) -> None:
    """Refuse a frame that lacks what a plot needs.

    Raises:
        UsageError: a column is missing, or there is no row.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        present = ", ".join(map(str, frame.columns))
        msg = f"the {plot} plot needs the columns {', '.join(missing)}; the table has {present}"
        raise UsageError(msg)
    if len(frame) == 0:
        msg = f"the {plot} plot has nothing to draw: the table has no rows"
        raise UsageError(msg)


def one_row_per_feature(features: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The last row of every feature (that of the last pair), without features no version has."""
    known = features.dropna(subset=list(columns), how="all")
    return known.drop_duplicates("feature", keep="last")


def _interval_text(delta: float, low: float, high: float) -> str:
    if np.isnan(delta):
        return "not in every version"
    if np.isnan(low) or np.isnan(high):
        return signed(delta, 2)
    return f"{signed(delta, 2)} [{signed(low, 2)}, {signed(high, 2)}]"


def _title(features: pd.DataFrame, *, points: bool) -> str:
    moved = features[features["significant"].astype(bool)]
    if len(moved) == 0:
        return "No feature's importance shifted by more than noise"
    most = moved.iloc[int(np.nanargmax(moved["delta"].abs().to_numpy(dtype=np.float64)))]
    share = f"{len(moved)} of {count_phrase(len(features), 'feature')} shifted by more than noise"
    return (
        f"{share}, {short(str(most['feature']))} the most ({signed(float(most['delta']))}{' points' if points else ''})"
    )


def _subtitle(features: pd.DataFrame, n_shown: int) -> str:
    facts = [
        "dot: importance in a version",
        "bold: the interval of the shift, last minus first version, leaves out zero",
    ]
    if n_shown < len(features):
        facts.append(f"the {n_shown} most important of {count_phrase(len(features), 'feature')} shown")
    return " · ".join(facts)


def _dumbbells(ax: Axes, values: FloatArray, significant: npt.NDArray[np.bool_]) -> None:
    """A bar from the least to the greatest importance, a dot per version."""
    rows = np.arange(len(values))
    widths = np.where(significant, 3.0, 1.5)
    colours = [MUTED if flag else PALE for flag in significant]
    ax.hlines(rows, np.nanmin(values, axis=1), np.nanmax(values, axis=1), colors=colours, linewidths=widths, zorder=2)
    for k, colour in enumerate(version_colours(values.shape[1])):
        for flag in (False, True):
            chosen = significant == flag
            ax.scatter(
                values[chosen, k],
                rows[chosen],
                s=52 if flag else 34,
                color=colour,
                alpha=1.0 if flag else _GREYED,
                linewidths=0,
                zorder=3 + int(flag),
            )
    ax.set_xlim(0, float(np.nanmax(values)) * 1.04 or 1.0)
