"""All explained rows at once: similar explanations side by side, the prediction above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interp_pipeline.explanation import unit_of_squares
from interp_pipeline.plots.class_legend import class_legend, top_outputs
from interp_pipeline.plots.rows import LabelColumn, label_rows
from interp_pipeline.plots.sheet import Sheet
from interp_pipeline.plots.text import number, signed, text_width, wrap
from interp_pipeline.plots.theme import GREY, INK, MUTED, PAD, TICK_SIZE, push_colours, text_style
from interp_pipeline.plots.ticks import axis_label
from interp_pipeline.plots.wording import (
    explained_output,
    in_percent,
    is_probability,
    level_label,
    method_line,
    output_phrase,
    summary_phrase,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["heatmap", "similarity_order"]

_CURVE = 0.75  # inches of the prediction curve
_BAND = 0.14  # inches of the band of predicted classes
_SCALE_ROOM = 1.15  # inches right of the map for its colour scale, at least
_LEAST_BODY = 1.2  # inches of the map where there are few features: the colour scale beside it needs them
_MOST_CLUSTERED = 2000  # rows; clustering takes O(n²) memory, beyond it rows are ordered by prediction
_SATURATION = 99  # percentile of |value| at which colours end, so that one row does not pale all others


def heatmap(explanation: Explanation, *, top: int = 20) -> Figure:
    """Attributions of all rows: features down, rows across, coloured by the size of the push.

    Args:
        explanation: SHAP or LIME.
        top: at most this many features, the most important first.

    Returns:
        Figure: rows ordered by the similarity of their explanations, the prediction drawn above.
        For a multi-class model each row shows what pushed it towards the class predicted for it.
    """
    explanation = in_percent(explanation)
    features = list(explanation.ranking)[:top]
    rows = np.arange(len(explanation.data))
    outputs = np.array([explained_output(explanation, int(row)) for row in rows])
    values = explanation.values[rows, :, outputs][:, features]
    predictions = explanation.predictions[rows, outputs]
    many = len(explanation.summary_outputs) > 1
    order = similarity_order(values, predictions, outputs)
    column = LabelColumn.fit([explanation.feature_names[j] for j in features])
    body = max(column.height, _LEAST_BODY)
    legend_room = 0.32 if many else 0.0
    top_room = _CURVE + 0.12 + (_BAND + 0.06 if many else 0)
    sheet = Sheet(
        _title(explanation),
        method_line(explanation, *_facts(explanation, len(features))),
        height=body + top_room + 0.35 + legend_room,
    )
    ends = max(text_width(number(float(end)), TICK_SIZE) for end in (predictions.min(), predictions.max()))
    left = max(column.left, PAD + ends + 0.12)
    limit = float(np.percentile(np.abs(values), _SATURATION)) or float(np.abs(values).max()) or 1.0
    width = sheet.width - left - PAD - max(_SCALE_ROOM, 0.5 + text_width(signed(-limit, 2), TICK_SIZE))
    ax = sheet.axes(left, 0.35, width, body, grid="none")
    ax.imshow(values[order].T, aspect="auto", cmap=push_colours(), vmin=-limit, vmax=limit, interpolation="nearest")
    label_rows(ax, column.labels)
    ax.set_xticks([])
    axis_label(ax, "rows, similar explanations side by side")
    above = 0.35 + body + 0.06
    if many:
        _class_band(sheet.axes(left, above, width, _BAND, grid="none"), explanation, outputs[order])
        class_legend(sheet, explanation, left, sheet.height - 0.1)
        above += _BAND + 0.06
    _curve(
        sheet.axes(left, above, width, _CURVE, grid="none"),
        predictions[order],
        explanation.base_values[rows, outputs][order],
    )
    _name_curve(sheet, explanation, left + width + 0.12, above + _CURVE / 2, many=many)
    _colour_scale(sheet, left + width + 0.25, 0.35, body, limit)
    return sheet.figure


def _title(explanation: Explanation) -> str:
    if len(explanation.summary_outputs) > 1:
        return "What pushed each row towards the class predicted for it"
    return f"What pushed the {summary_phrase(explanation)} up or down in each row"


def _facts(explanation: Explanation, n_features: int) -> list[str]:
    points = " in points" if is_probability(explanation) else ""
    facts = [f"colour: push on the output{points}", "dashed: the value effects count from"]
    if n_features < len(explanation.feature_names):
        facts.append(f"the {n_features} most important features shown")
    return facts


def similarity_order(values: FloatArray, predictions: FloatArray, groups: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Rows so that similar explanations are neighbours and predictions rise where they can.

    Ward's agglomerative clustering; the two branches of every merge are turned so that the one
    with the lower mean prediction comes first. Deterministic. Beyond 2,000 rows, by prediction.

    Args:
        values: attributions, shape (n_rows, n_features).
        predictions: shape (n_rows,).
        groups: predicted class per row, shape (n_rows,); groups are kept together.

    Returns:
        Row positions in drawing order, shape (n_rows,).
    """
    parts = []
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        if 2 < len(members) <= _MOST_CLUSTERED:  # noqa: PLR2004 - two rows need no clustering
            parts.append(members[_leaves(values[members], predictions[members])])
        else:
            parts.append(members[np.argsort(predictions[members], kind="stable")])
    return np.concatenate(parts)


def _leaves(values: FloatArray, predictions: FloatArray) -> list[int]:
    """The leaves of Ward's tree from left to right, lower predictions to the left at every fork."""
    from scipy.cluster.hierarchy import linkage

    n = len(values)
    merges = linkage(values / unit_of_squares(values), method="ward")[:, :2].astype(int)
    sums, sizes = np.append(predictions, np.zeros(n - 1)), np.append(np.ones(n), np.zeros(n - 1))
    for i, (a, b) in enumerate(merges):
        sums[n + i], sizes[n + i] = sums[a] + sums[b], sizes[a] + sizes[b]
    means = sums / sizes
    leaves, stack = [], [2 * n - 2]
    while stack:
        node = stack.pop()
        if node < n:
            leaves.append(node)
        else:
            first, second = sorted(merges[node - n], key=lambda child: means[child])
            stack += [int(second), int(first)]
    return leaves


def _curve(ax: Axes, predictions: FloatArray, base_values: FloatArray) -> None:
    """The prediction of every row, above its column, and the value from which its effects count."""
    x = np.arange(len(predictions))
    ax.plot(x, predictions, color=INK, linewidth=1.0, drawstyle="steps-mid")
    ax.set_xlim(-0.5, len(predictions) - 0.5)
    low, high = float(predictions.min()), float(predictions.max())
    lowest, highest = min(low, float(base_values.min())), max(high, float(base_values.max()))
    margin = 0.08 * (highest - lowest) or 0.5
    ax.set_ylim(lowest - margin, highest + margin)
    ax.plot(x, base_values, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), drawstyle="steps-mid")
    ax.set_xticks([])
    ends = [low, high] if high > low else [low]
    ax.set_yticks(ends, [number(end) for end in ends], **text_style(TICK_SIZE, MUTED))


def _name_curve(sheet: Sheet, explanation: Explanation, x: float, y: float, *, many: bool) -> None:
    """What the curve shows, beside it."""
    kind = "probability" if is_probability(explanation) else "prediction"
    phrase = f"{kind} of the predicted class" if many else output_phrase(explanation, explanation.summary_outputs[0])
    phrase = level_label(explanation, phrase)
    sheet.text(x, y, wrap(phrase, sheet.width - PAD - x, TICK_SIZE, lines=4), size=TICK_SIZE, colour=MUTED, raw=True)


def _class_band(ax: Axes, explanation: Explanation, outputs: npt.NDArray[np.intp]) -> None:
    """The predicted class of every row as a colour."""
    from matplotlib.colors import to_rgb

    colours = dict(top_outputs(explanation)[0])
    ax.imshow([[to_rgb(colours.get(int(output), GREY)) for output in outputs]], aspect="auto", interpolation="nearest")
    ax.set_axis_off()


def _colour_scale(sheet: Sheet, left: float, bottom: float, height: float, limit: float) -> None:
    """The colours with their values: the ends and zero."""
    height = min(height, 2.2) - 0.56
    bottom += 0.28
    sheet.text(left, bottom + height + 0.2, "raises", size=TICK_SIZE, colour=MUTED)
    sheet.text(left, bottom - 0.2, "lowers", size=TICK_SIZE, colour=MUTED)
    ax = sheet.axes(left, bottom, 0.14, height, grid="none")
    ax.imshow(np.linspace(1, -1, 128)[:, None], aspect="auto", cmap=push_colours(), extent=(0, 1, -limit, limit))
    ax.set_xticks([])
    ax.yaxis.tick_right()
    style = text_style(TICK_SIZE, MUTED)
    ax.set_yticks([-limit, 0, limit], [signed(-limit, 2), "0", signed(limit, 2)], **style)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)
