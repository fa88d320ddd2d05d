"""Whether an estimator is linear in its input, from its coefficients and checked against its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.explainable import LinearTerms

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.outputs import Outputs

__all__ = ["find_linear_terms"]

_TOLERANCE = 1e-9  # of the largest term: what a sum in another order may differ by


def find_linear_terms(estimator: Any, outputs: Outputs, encoded: FloatArray, answers: FloatArray) -> LinearTerms | None:
    """The outputs as a linear function of the estimator's input; None where they are not.

    Having ``coef_`` does not say so: a Poisson regression has it too, behind an exponential. So the
    sum is compared with the answers, and taken only where they agree on every row.

    Args:
        estimator: fitted estimator.
        outputs: names and sign of what is explained.
        encoded: rows to compare on, shape (n_rows, n_columns).
        answers: the estimator's outputs for them, shape (n_rows, n_outputs).
    """
    weights, intercept = getattr(estimator, "coef_", None), getattr(estimator, "intercept_", None)
    if weights is None or intercept is None:
        return None
    dense = weights.toarray() if hasattr(weights, "toarray") else weights
    coefficients = outputs.sign * np.atleast_2d(np.asarray(dense, dtype=np.float64)).T
    constant = outputs.sign * np.atleast_1d(np.asarray(intercept, dtype=np.float64))
    if coefficients.shape != (encoded.shape[1], answers.shape[1]):
        return None
    sums = encoded @ coefficients + constant
    scale = np.abs(encoded) @ np.abs(coefficients) + np.abs(constant) + np.abs(answers)
    if not (np.abs(sums - answers) <= _TOLERANCE * scale).all():
        return None
    return LinearTerms(
        coefficients=np.ascontiguousarray(coefficients), intercept=np.broadcast_to(constant, answers.shape[1:]).copy()
    )
