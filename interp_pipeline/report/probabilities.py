"""The probabilities that belong to a classifier's scores, where the scores are of a kind that tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.explanation import LOG_ODDS, SOFTMAX_SCORE

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["implied_probabilities"]


def implied_probabilities(scores: FloatArray, unit: str) -> FloatArray | None:
    """Probabilities that scores stand for.

    Args:
        scores: all outputs of a model, shape (..., n_outputs).
        unit: what one unit of them is.

    Returns:
        The same shape. Log-odds: of each output by itself, so those of several classes need not sum to 1. Softmax
        scores: over all outputs, summing to 1. None for any other unit.
    """
    from scipy.special import expit, softmax

    if unit == LOG_ODDS:
        return np.asarray(expit(scores), dtype=np.float64)
    if unit == SOFTMAX_SCORE:
        return np.asarray(softmax(scores, axis=-1), dtype=np.float64)
    return None
