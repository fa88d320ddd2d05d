"""How exactly do so many rows tell how well a model does?"""

from __future__ import annotations

import math

__all__ = ["accuracy_interval", "is_lead_certain", "mean_error_margin", "tells_r2"]

_CONFIDENCE = 0.95  # of intervals
_Z = 1.96  # of one of them, of a share
_FEWEST_OF_R2 = 4  # rows; fewer say nothing of a share of variation


def accuracy_interval(right: float, n_rows: int) -> tuple[float, float]:
    """Middle and half width of the 95 % interval of a share of right answers.

    Two successes and failures are added, so that 100 % right does not read as certain.

    Source: Agresti and Coull, Approximate is better than "exact", The American Statistician 52 (1998).
    """
    centre = (right * n_rows + 2.0) / (n_rows + 4.0)
    return centre, _Z * math.sqrt(centre * (1.0 - centre) / (n_rows + 4.0))


def is_lead_certain(right: float, baseline: float, n_rows: int) -> bool:
    """Whether a share of right answers is further above another than so many rows let it vary by chance."""
    return right - baseline > accuracy_interval(right, n_rows)[1]


def mean_error_margin(mean_abs: float, root_mean_square: float, n_rows: int) -> float | None:
    """Half width of the 95 % interval of an average error: Student's t, of the spread the two averages tell together.

    Args:
        mean_abs: average size of an error.
        root_mean_square: of the same errors, in the same unit.
        n_rows: how many errors.

    Returns:
        In the unit of the errors; None of one row, which has no spread.
    """
    if n_rows < 2:  # noqa: PLR2004 - see above
        return None
    from scipy.special import stdtrit

    variance = max(root_mean_square**2 - mean_abs**2, 0.0) / (n_rows - 1)
    return -float(stdtrit(n_rows - 1, (1.0 - _CONFIDENCE) / 2.0)) * math.sqrt(variance)


def tells_r2(n_rows: int) -> bool:
    """Whether so many rows tell a share of explained variation from luck at all."""
    return n_rows >= _FEWEST_OF_R2
