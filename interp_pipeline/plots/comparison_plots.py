"""The plots of a comparison, from the comparison alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.errors import UsageError
from interp_pipeline.explanation import PROBABILITY
from interp_pipeline.plots.agreement_plot import draw_agreement_matrix
from interp_pipeline.plots.disagreement_plot import draw_disagreement
from interp_pipeline.plots.rank_flow_plot import draw_rank_flow
from interp_pipeline.plots.shift_plot import draw_shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from interp_pipeline.comparison import Comparison

__all__ = ["agreement_matrix", "disagreement", "rank_flow", "shift"]


def shift(comparison: Comparison, *, against: str | None = None, top: int = 20) -> Figure:
    """Importance of every feature in two versions, the shifts beyond noise emphasised.

    Args:
        comparison: of two versions or more.
        against: label of the version that the reference is shown against; None: the last one.
        top: at most this many features, the most important first.

    Returns:
        Figure: a dot per version; the shift and its interval in numbers beside each line.

    Raises:
        UsageError: no version has this label, or it is the reference's.
    """
    other = _other(comparison, against)
    points = comparison.output_unit == PROBABILITY
    labels = [comparison.reference, other]
    amounts = [*(f"importance_{label}" for label in labels), "delta", "ci_low", "ci_high"]
    return draw_shift(_in_percent(comparison.pair(other), amounts, points=points), labels, top=top, points=points)


def rank_flow(comparison: Comparison, *, top: int = 15) -> Figure:
    """Ranks of the features that all versions have, version by version.

    Args:
        comparison: of two versions or more.
        top: features within the first ``top`` ranks of any version are drawn.

    Returns:
        Figure: a line per feature, vermillion where it rose by two ranks or more from the first
        to the last version, blue where it fell as far, grey otherwise.

    Raises:
        UsageError: no feature is in all versions.
    """
    return draw_rank_flow(comparison.rank_table(), comparison.labels, top=top)


def disagreement(comparison: Comparison, *, against: str | None = None) -> Figure:
    """How far apart two versions explain the same rows.

    Args:
        comparison: of two versions or more.
        against: label of the version that is held against the reference; None: the last one.

    Returns:
        Figure: a histogram, below it every row as a dot, the three rows furthest apart named.

    Raises:
        UsageError: no version has this label, or it is the reference's.
    """
    per_row = comparison.per_row
    chosen = per_row[per_row["against"] == _other(comparison, against)]
    points = comparison.output_unit == PROBABILITY
    return draw_disagreement(_in_percent(chosen.reset_index(drop=True), ["distance"], points=points), points=points)


def _in_percent(table: pd.DataFrame, columns: Sequence[str], *, points: bool) -> pd.DataFrame:
    """Amounts of probability in percentage points, as the text tells them; others as they are."""
    return table.assign(**{column: 100.0 * table[column] for column in columns}) if points else table


def agreement_matrix(comparison: Comparison) -> Figure:
    """Rank correlation of the importances of every two versions.

    Args:
        comparison: of two versions or more.

    Returns:
        Figure: cells coloured from opposite (blue) to equal order (vermillion).
    """
    return draw_agreement_matrix(comparison.rank_correlations, comparison.labels)


def _other(comparison: Comparison, against: str | None) -> str:
    """The label of a version other than the reference."""
    others = comparison.labels[1:]
    if against is None:
        return others[-1]
    if against not in others:
        msg = f"against={against!r} is no version that {comparison.reference} was compared with: {', '.join(others)}"
        raise UsageError(msg)
    return against
