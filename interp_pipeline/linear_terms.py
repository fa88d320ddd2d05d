"""A linear function, as models offer it and explainers read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["LinearTerms"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearTerms:
    """Outputs as ``encoded @ coefficients + intercept``."""

    coefficients: FloatArray  # shape (n_columns, n_outputs)
    intercept: FloatArray  # shape (n_outputs,)
