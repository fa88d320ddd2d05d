"""Do base value and attributions add up to the model's output?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.checks.verdict import at_most
from interp_pipeline.errors import CheckError

if TYPE_CHECKING:
    from interp_pipeline.checks.verdict import Verdict
    from interp_pipeline.explanation import Explanation

__all__ = ["additivity_error", "additivity_verdict", "output_range", "require_additivity"]

_EXACT = 1e-6  # of the range of the output: rounding in single precision


def additivity_error(explanation: Explanation) -> float:
    """Largest |base value + sum of attributions - prediction| over rows and outputs, in output units.

    Args:
        explanation: a SHAP explanation; LIME's surrogate is not additive by design.
    """
    gaps = explanation.base_values + explanation.values.sum(axis=1) - explanation.predictions
    return float(np.abs(gaps).max(initial=0.0))


def additivity_verdict(error: float, output_range: float) -> Verdict:
    """Good or fair: of what misses by more than a caller allows nothing is published, see ``require_additivity``.

    Args:
        error: ``additivity_error``.
        output_range: ``output_range`` of the same explanation.
    """
    return at_most(error, _EXACT * output_range, float("inf"))


def output_range(explanation: Explanation) -> float:
    """Width of the model output that errors are measured by.

    Returns:
        1 for probabilities; for a regression the spread of the predictions and the base value
        together, or, where they are all one number, its size, and 1 where that is 0.
    """
    if explanation.output_unit == "probability" and len(explanation.output_names) > 1:
        return 1.0
    outputs = np.concatenate([explanation.predictions.ravel(), explanation.base_values.ravel()])
    spread = float(np.ptp(outputs))
    # Rounding noise between equal predictions is no spread to measure by.
    size = float(np.abs(outputs).max())
    return spread if spread > float(np.finfo(np.float32).eps) * size else size or 1.0


def require_additivity(explanation: Explanation, tolerance: float) -> None:
    """Refuse an explanation that does not add up.

    Args:
        explanation: a SHAP explanation.
        tolerance: largest error allowed, as a share of ``output_range``.

    Raises:
        CheckError: the error is larger.
    """
    error, allowed = additivity_error(explanation), tolerance * output_range(explanation)
    if not error <= allowed:
        msg = (
            f"{explanation.method}: base value and attributions miss the model's output by {error:.3g} "
            f"(allowed: {allowed:.3g}), so nothing is published; report the model, or choose another explainer"
        )
        raise CheckError(msg)
