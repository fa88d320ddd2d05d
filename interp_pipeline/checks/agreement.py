"""Do SHAP and LIME say the same of a row?

Both explain single rows, so they are compared row by row, and the figures are means over rows: averages over rows of
the two methods may well be alike where no single row is explained alike, and people read single rows.

Source: Krishna, Han, Gu, Pombra, Jabbari, Wu and Lakkaraju, The disagreement problem in explainable machine learning: a
    practitioner's perspective (2022): rank correlation, feature agreement and sign agreement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from interp_pipeline.checks.verdict import at_least
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from interp_pipeline.checks.verdict import Verdict
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["TOP", "agreement_verdict", "rank_agreement", "same_direction", "top_feature_overlap"]

TOP = 5  # most important features of a row that are compared
_ALIKE, _PARTLY = 0.7, 0.4  # rank correlation


def rank_agreement(first: Explanation, second: Explanation) -> float:
    """Mean over rows and summary outputs of Spearman's correlation of absolute attributions.

    The two need not share a scale, so ranks are compared. Rows in which either explanation gives
    all features the same weight have no ranking and are left out.

    Args:
        first: explanation of some rows.
        second: of the same rows, by another method.

    Returns:
        Between -1 and 1; 0 where no row has a ranking.

    Raises:
        UsageError: the explanations are of different rows, features or outputs.
    """
    ranks = [pd.DataFrame(np.abs(weights)).rank(axis=1).to_numpy() for weights in _row_weights(first, second)]
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    norms = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    ranked = norms > 0
    if not ranked.any():
        return 0.0
    return float(((centred[0] * centred[1]).sum(axis=1)[ranked] / norms[ranked]).mean())


def agreement_verdict(rank_agreement: float, n_features: int) -> Verdict:
    """Good, fair or poor by the rank correlation; good of a single feature, which there is no ranking of.

    Args:
        rank_agreement: ``rank_agreement``.
        n_features: that were ranked.
    """
    return "good" if n_features == 1 else at_least(rank_agreement, _ALIKE, _PARTLY)


def top_feature_overlap(first: Explanation, second: Explanation, top_k: int = TOP) -> float:
    """Mean over rows and summary outputs of the share of the ``top_k`` features both name.

    Args:
        first: explanation of some rows.
        second: of the same rows, by another method.
        top_k: size of the sets; all features where there are fewer.

    Returns:
        Between 0 and 1.

    Raises:
        UsageError: the explanations are of different rows, features or outputs.
    """
    tops = [_top(weights, top_k) for weights in _row_weights(first, second)]
    return float((tops[0] & tops[1]).sum(axis=1).mean() / min(top_k, tops[0].shape[1]))


def same_direction(first: Explanation, second: Explanation, top_k: int = TOP) -> float | None:
    """Share of the ``top_k`` features of a row by the first that the second gives the same sign.

    Args:
        first: explanation of some rows.
        second: of the same rows, by another method.
        top_k: size of the sets; all features where there are fewer. A feature to which either gives 0 points no way
            and is not counted.

    Returns:
        Between 0 and 1, over all rows and summary outputs; None where no feature is left to count.

    Raises:
        UsageError: the explanations are of different rows, features or outputs.
    """
    weights = _row_weights(first, second)
    judged = _top(weights[0], top_k) & (weights[0] != 0) & (weights[1] != 0)
    return float((np.sign(weights[0]) == np.sign(weights[1]))[judged].mean()) if judged.any() else None


def _top(weights: FloatArray, top_k: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the largest of a line stand."""
    top = np.zeros(weights.shape, dtype=np.bool_)
    order = np.argsort(-np.abs(weights), axis=1, kind="stable")[:, : min(top_k, weights.shape[1])]
    np.put_along_axis(top, order, values=True, axis=1)
    return top


def _row_weights(first: Explanation, second: Explanation) -> tuple[FloatArray, FloatArray]:
    """Attributions, a line per row and summary output, shape (n_lines, n_features) each."""
    same = (first.row_ids, first.feature_names, first.output_names)
    if same != (second.row_ids, second.feature_names, second.output_names):
        msg = (
            f"{first.method} and {second.method} explain different rows, features or outputs; "
            "explain the same rows of the same model"
        )
        raise UsageError(msg)
    outputs = list(first.summary_outputs)

    def lines(explanation: Explanation) -> FloatArray:
        by_output = explanation.values[:, :, outputs].transpose(0, 2, 1)
        return np.asarray(by_output.reshape(-1, len(explanation.feature_names)), dtype=np.float64)

    return lines(first), lines(second)
