"""What of an effect is rounding and no effect: a feature that does nothing comes out as 1e-19, not as 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["all_without_noise", "without_noise"]

_OF_ALL = 1e-6  # of all effects together: no nearer do these have to add up to be published
_OF_LEVEL = 1e-13  # of the numbers the effects lead from and to: a few hundred roundings in double precision


def without_noise(effects: FloatArray, *levels: float) -> FloatArray:
    """Effects that belong together, those that are nothing but rounding as zeros.

    Args:
        effects: in one unit, shape (n,).
        levels: the numbers they lead from and to, such as base value and prediction; rounding is relative to them.
    """
    scale = max((abs(level) for level in levels), default=0.0)
    noise = max(_OF_ALL * float(np.abs(effects).sum()), _OF_LEVEL * scale)
    return np.where(np.abs(effects) <= noise, 0.0, effects)


def all_without_noise(effects: FloatArray, base_values: FloatArray, predictions: FloatArray) -> FloatArray:
    """``without_noise`` for every row and output of an explanation.

    Args:
        effects: shape (n_rows, n_features, n_outputs).
        base_values: shape (n_rows, n_outputs).
        predictions: shape (n_rows, n_outputs).
    """
    scale = np.maximum(np.abs(base_values), np.abs(predictions))
    noise = np.maximum(_OF_ALL * np.abs(effects).sum(axis=1), _OF_LEVEL * scale)
    return np.where(np.abs(effects) <= noise[:, np.newaxis, :], 0.0, effects)
