"""One row as LIME's local surrogate sees it: the weight of every feature, and how far to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import UsageError
from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.signed_bars import signed_bars
from interp_pipeline.plots.text import number, signed, value_label
from interp_pipeline.plots.theme import AXIS_ROOM, PAD, WARNING
from interp_pipeline.plots.ticks import axis_label
from interp_pipeline.plots.wording import (
    count_phrase,
    effect_label,
    explained_output,
    in_percent,
    level_text,
    method_line,
    output_phrase,
    short,
)
from interp_pipeline.surrogate_fit import LEAST_R2, hardly_follows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import Explanation

__all__ = ["lime"]

_WARNING_ROOM = 0.34  # inches


def lime(explanation: Explanation, row: int, *, top: int = 12) -> Figure:
    """The weights of LIME's surrogate around one row, largest first.

    Args:
        explanation: by LIME.
        row: number of an explained row in the data set it came from, one of ``explanation.row_ids``.
        top: features drawn; the others are named in a note with the sum of their weights.

    Returns:
        Figure: signed bars; a visible warning where the surrogate's R² is below 0.3.

    Raises:
        UsageError: that row was not explained, or the explanation is not LIME's.
    """
    explanation = in_percent(explanation)
    if explanation.local_r2 is None:
        msg = f"the lime plot draws LIME explanations; {explanation.method} gave SHAP values: use waterfall"
        raise UsageError(msg)
    position = explanation.position(row)
    output = explained_output(explanation, position)
    weights = explanation.values[position, :, output]
    order = np.argsort(-np.abs(weights), kind="stable")
    shown, rest = order[:top], order[top:]
    r2 = float(explanation.local_r2[position, output])
    cells = explanation.shown_data
    column = LabelColumn.fit([value_label(cells, position, int(j)) for j in shown])
    low = bool(hardly_follows(r2))
    phrase = output_phrase(explanation, output)
    sheet = Sheet(
        f"Row {row}: LIME hardly follows the model around it"
        if low
        else _title(explanation, row, phrase, float(weights[order[0]]), int(order[0])),
        method_line(
            explanation,
            f"the surrogate explains {number(r2, 2)} of the model's local variance (R²)",
            f"prediction {level_text(explanation, float(explanation.predictions[position, output]))}",
            *_chosen(explanation),
        ),
        height=column.height + AXIS_ROOM + (_WARNING_ROOM if low else 0),
        notes=[_note(len(rest), float(weights[rest].sum()))],
    )
    width = sheet.width - column.left - PAD - 0.1
    ax = sheet.axes(column.left, AXIS_ROOM, width, column.height)
    label_rows(ax, column.labels)
    signed_bars(ax, weights[shown], width)
    axis_label(ax, effect_label(explanation, phrase))
    if low:
        text = (
            f"Do not rely on these weights: R² is below {LEAST_R2}, the surrogate hardly follows the model here. "
            "Read the SHAP values of this row."
        )
        sheet.text(PAD, sheet.height - 0.1, text, colour=WARNING, bold=True)
    return sheet.figure


def _title(explanation: Explanation, row: int, phrase: str, weight: float, feature: int) -> str:
    if weight == 0:
        return f"Row {row}: LIME finds no feature that moves the {phrase}"
    verb = "raises" if weight > 0 else "lowers"
    name = short(explanation.feature_names[feature])
    return f"Row {row}: around it, {name} {verb} the {phrase} most"


def _chosen(explanation: Explanation) -> list[str]:
    """How the surrogate was made, where that was recorded."""
    made = explanation.details
    if not {"samples", "kernel_width", "features"} <= set(made):
        return []
    facts = [count_phrase(int(made["samples"]), "sample"), f"kernel width {number(made['kernel_width'])}"]
    if made["features"] < len(explanation.feature_names):
        facts.append(f"{count_phrase(int(made['features']), 'feature')} in the surrogate")
    return facts


def _note(n_rest: int, total: float) -> str:
    if n_rest == 0:
        return ""
    return f"{count_phrase(n_rest, 'other feature')} not drawn: together {signed(total)}."
