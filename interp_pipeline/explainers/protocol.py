"""What an explainer is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explainers.method import Method
    from interp_pipeline.explanation import Explanation

__all__ = ["Explainer"]


class Explainer(Protocol):
    """One method of attribution."""

    method: Method  # all that is to be known of it without running it

    def refusal(self, model: ExplainableModel, config: ExplainConfig) -> str | None:
        """Why this method cannot explain this model within this configuration; None if it can."""

    def explain(
        self,
        model: ExplainableModel,
        rows: pd.DataFrame,
        background: pd.DataFrame,
        config: ExplainConfig,
        advance: Callable[[int], None],
    ) -> Explanation:
        """Attribute the model's outputs to its raw features.

        Args:
            model: the loaded model.
            rows: rows to explain, columns as ``model.feature_names``; the index holds row ids.
            background: rows that stand for "the feature is unknown", same columns.
            config: seed and accuracy; every random number comes from ``config.seed``.
            advance: called with the number of newly finished rows, len(rows) in all.

        Returns:
            An explanation of all outputs for all rows; deterministic for the same arguments.

        Raises:
            ModelError: the model cannot be explained by this method.
        """
