"""Which rows are shown one by one: the clear cases and the close call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["choose_instances"]


def choose_instances(explanation: Explanation, count: int) -> tuple[int, ...]:
    """Pick rows worth showing, without chance.

    Two classes: the most and the least probable positive, and the one nearest to one half (of a score: to zero).
    More classes: the surest row, the surest row of another class, and the closest call.
    Regression: the highest and the lowest prediction, and the median. Where more are wanted, rows
    spread evenly over the predictions follow.

    Args:
        explanation: its predictions decide; ties go to the earlier row.
        count: how many rows are wanted.

    Returns:
        Numbers of distinct rows, as in ``explanation.row_ids``, at most ``count`` and at most as many as there
        are rows.
    """
    predictions = explanation.predictions
    score = predictions[:, explanation.summary_outputs[0]]
    if len(explanation.summary_outputs) > 1:
        wanted, score = _of_many_classes(predictions)
    elif explanation.positive_class is not None:
        middle = 0.5 if len(explanation.output_names) > 1 else 0.0
        wanted = [int(score.argmax()), int(score.argmin()), int(np.abs(score - middle).argmin())]
    else:
        wanted = [int(score.argmax()), int(score.argmin()), int(np.abs(score - np.median(score)).argmin())]
    spread = np.argsort(score, kind="stable")[np.linspace(0, len(score) - 1, min(len(score), 2 * count)).astype(int)]
    everyone = [*wanted, *(int(i) for i in spread), *range(len(score))]
    return tuple(explanation.row_ids[i] for i in tuple(dict.fromkeys(everyone))[:count])


def _of_many_classes(predictions: FloatArray) -> tuple[list[int], FloatArray]:
    confidence = predictions.max(axis=1)
    predicted = predictions.argmax(axis=1)
    surest = int(confidence.argmax())
    wanted = [surest]
    others = np.flatnonzero(predicted != predicted[surest])
    if len(others):
        wanted.append(int(others[confidence[others].argmax()]))
    ordered = np.sort(predictions, axis=1)
    wanted.append(int((ordered[:, -1] - ordered[:, -2]).argmin()))
    return wanted, np.asarray(confidence, dtype=np.float64)
