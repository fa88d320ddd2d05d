"""Do SHAP and LIME name the same features as important for a row?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["rank_agreement", "top_feature_overlap"]


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
    ranks = [pd.DataFrame(weights).rank(axis=1).to_numpy() for weights in _row_weights(first, second)]
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    norms = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    ranked = norms > 0
    if not ranked.any():
        return 0.0
    return float(((centred[0] * centred[1]).sum(axis=1)[ranked] / norms[ranked]).mean())


def top_feature_overlap(first: Explanation, second: Explanation, top_k: int = 5) -> float:
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
    weights = _row_weights(first, second)
    size = min(top_k, weights[0].shape[1])
    tops = [np.zeros(rows.shape, dtype=np.bool_) for rows in weights]
    for top, rows in zip(tops, weights, strict=True):
        np.put_along_axis(top, np.argsort(-rows, axis=1, kind="stable")[:, :size], values=True, axis=1)
    return float((tops[0] & tops[1]).sum(axis=1).mean() / size)


def _row_weights(first: Explanation, second: Explanation) -> tuple[FloatArray, FloatArray]:
    """Absolute attributions, a line per row and summary output, shape (n_lines, n_features) each."""
    same = (first.row_ids, first.feature_names, first.output_names)
    if same != (second.row_ids, second.feature_names, second.output_names):
        msg = (
            f"{first.method} and {second.method} explain different rows, features or outputs; "
            "explain the same rows of the same model"
        )
        raise UsageError(msg)
    outputs = list(first.summary_outputs)

    def lines(explanation: Explanation) -> FloatArray:
        by_output = np.abs(explanation.values[:, :, outputs]).transpose(0, 2, 1)
        return np.asarray(by_output.reshape(-1, len(explanation.feature_names)), dtype=np.float64)

    return lines(first), lines(second)
