"""Is the base value the mean prediction over the background?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["base_value_error"]


def base_value_error(explanation: Explanation, background_predictions: FloatArray) -> float:
    """Largest |base value - mean background prediction| over rows and outputs, in output units.

    Args:
        explanation: a SHAP explanation.
        background_predictions: the served model's outputs, shape (n_background, n_outputs).
    """
    expected = np.asarray(background_predictions, dtype=np.float64).mean(axis=0)
    return float(np.abs(explanation.base_values - expected).max(initial=0.0))
