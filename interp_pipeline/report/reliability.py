"""What is told of how far an explanation can be trusted: the stored checks, and what they are told with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from interp_pipeline.checks import output_range
from interp_pipeline.checks.correlated_features import correlated_features
from interp_pipeline.plots.columns import read_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.explanation import Explanation

__all__ = ["Reliability", "compute_reliability"]

_FEATURES_PAIRED = 30  # most important features among which pairs are sought
_PAIRS = 3


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """What speaks for and against relying on an explanation."""

    checks: Mapping[str, float]  # by name, as stored
    n_rows: int
    n_features: int
    output_range: float  # that errors are measured by
    is_exact: bool  # not estimated by sampling
    # Pairs of features that go together, strongest first; None: too few rows to tell.
    together: tuple[tuple[str, str, float], ...] | None


def compute_reliability(shap: Explanation, checks: Mapping[str, float]) -> Reliability:
    """Gather what a reader must know before relying on an explanation.

    Args:
        shap: SHAP values.
        checks: as ``run_checks`` found them.

    Returns:
        The checks as they are. Pairs of features are sought among the 30 most important numeric ones.
    """
    pairs = correlated_features(_numbers(shap))
    return Reliability(
        checks=checks,
        n_rows=len(shap.data),
        n_features=len(shap.feature_names),
        output_range=output_range(shap),
        is_exact=shap.std_errors is None,
        together=None if pairs is None else pairs[:_PAIRS],
    )


def _numbers(shap: Explanation) -> pd.DataFrame:
    """The values of the most important numeric features, NaN where missing."""
    columns = {shap.feature_names[i]: read_column(shap.data.iloc[:, i]) for i in shap.ranking[:_FEATURES_PAIRED]}
    told = {name: column.numbers for name, column in columns.items() if column.kind == "numeric"}
    return pd.DataFrame(told, index=range(len(shap.data)))
