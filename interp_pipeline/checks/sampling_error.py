"""How large are the standard errors beside the attributions?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.checks.verdict import at_most

if TYPE_CHECKING:
    from interp_pipeline.checks.verdict import Verdict
    from interp_pipeline.explanation import Explanation

__all__ = ["relative_sampling_error", "sampling_verdict"]

_SMALL, _LARGE = 0.05, 0.2  # of a typical effect


def relative_sampling_error(explanation: Explanation) -> float:
    """Mean standard error as a share of the mean absolute attribution.

    Args:
        explanation: of any method.

    Returns:
        0 where values are exact, or where all of them are 0.
    """
    if explanation.std_errors is None or explanation.values.size == 0:
        return 0.0
    scale = float(np.abs(explanation.values).mean())
    return float(explanation.std_errors.mean()) / scale if scale > 0 else 0.0


def sampling_verdict(error: float) -> Verdict:
    """Good where the order of the main features can be relied on, fair where the main features can, else poor."""
    return at_most(error, _SMALL, _LARGE)
