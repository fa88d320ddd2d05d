"""The answering half of a model: which of its answers are explained, and how they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.outputs import Outputs

__all__ = ["Head"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """The scores of an estimator that are explained."""

    outputs: Outputs
    ask: Callable[[Any, Any], FloatArray]
    """The library's own door: estimator, or pipeline that ends in it, and its input to (n_rows, n_outputs)."""
    forward: Callable[[FloatArray], FloatArray] | None = None
    """A faster way from a plain matrix to the same numbers; None: ask the estimator."""
    trees: Any | None = None
    may_be_linear: bool = False  # whether coefficients, if there are any, could be those of these scores
