"""How well do LIME's surrogates follow the model around the rows they explain?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation

__all__ = ["surrogate_fidelity"]


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
