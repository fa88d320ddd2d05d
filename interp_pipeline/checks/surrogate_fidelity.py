"""How well do LIME's surrogates follow the model around the rows they explain?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.checks.verdict import at_least
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from interp_pipeline.checks.verdict import Verdict
    from interp_pipeline.explanation import Explanation

__all__ = ["fidelity_verdict", "surrogate_fidelity"]

_FAITHFUL, _ROUGH = 0.8, 0.5  # mean R²; what is said of a single row rests on ``surrogate_fit``


def surrogate_fidelity(explanation: Explanation) -> tuple[float, float]:
    """Mean and smallest local R² over rows and the summary outputs.

    Args:
        explanation: a LIME explanation.

    Raises:
        UsageError: the explanation has no surrogates.
    """
    if explanation.local_r2 is None:
        msg = f"{explanation.method} fits no surrogate, so it has no fidelity; give a LIME explanation"
        raise UsageError(msg)
    local_r2 = explanation.local_r2[:, list(explanation.summary_outputs)]
    return float(local_r2.mean()), float(local_r2.min())


def fidelity_verdict(mean_r2: float) -> Verdict:
    """Good where surrogates describe the model, fair where they do in outline, poor where weights are but hints."""
    return at_least(mean_r2, _FAITHFUL, _ROUGH)
