"""Is the model that was explained the model that is served?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["prediction_mismatch"]


def prediction_mismatch(explained: FloatArray, served: FloatArray) -> float:
    """Largest |output that was explained - output the served model gives| for the same rows.

    Args:
        explained: shape (n_rows, n_outputs).
        served: the same.

    Raises:
        UsageError: the shapes differ.
    """
    explained, served = np.asarray(explained, dtype=np.float64), np.asarray(served, dtype=np.float64)
    if explained.shape != served.shape:
        msg = f"explained outputs have shape {explained.shape}, served ones {served.shape}; compare the same rows"
        raise UsageError(msg)
    return float(np.abs(explained - served).max(initial=0.0))
