"""Has the importance of a feature changed by more than noise?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from interp_pipeline.config import CompareConfig
    from interp_pipeline.explanation import FloatArray

__all__ = ["ImportanceShift", "compute_importance_shift", "holm"]

# Differences below this share of the largest importance are rounding, not change: the same values
# summed in another order already differ by 1e-16 of it.
_ROUNDING = 1e-9
_CELLS_PER_BLOCK = 2_000_000  # bootstrap weights held at a time: 16 MB


@dataclass(frozen=True, kw_only=True, eq=False)
class ImportanceShift:
    """Change of importance per feature, all arrays of shape (n_features,)."""

    delta: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray
    significant: npt.NDArray[np.bool_]


def compute_importance_shift(
    before: FloatArray,
    after: FloatArray,
    before_errors: FloatArray,
    after_errors: FloatArray,
    config: CompareConfig,
) -> ImportanceShift:
    """Test for each feature whether its mean absolute attribution changed.

    The rows are paired: of each row and feature only the difference of the absolute values counts.
    The variance of a mean difference is that of its bootstrap over rows plus that of the values'
    own standard errors, taken as independent between rows. The scatter over rows already holds
    such errors once, so an interval is up to 1.4 times too wide where they dominate: the test
    errs on the side of calling a change noise, also with few rows, whose scatter says little.

    An absolute value of an estimate is too large on average (the mean of a folded normal
    distribution), which matters where one side is estimated more coarsely than the other. The
    interval is therefore widened by the largest difference of that bias the data allow.

    A t-test per feature decides, corrected for the number of features by Holm's step-down rule:
    the chance that any feature without a change is called changed is at most 1 - confidence. The
    intervals are drawn at the level at which each feature was tested, so an interval excludes zero
    exactly where the feature is significant.

    Args:
        before: values of the reference, shape (n_rows, n_features, n_outputs).
        after: values of the other explanation, same rows, features and outputs.
        before_errors: standard errors of ``before``, zero where exact.
        after_errors: standard errors of ``after``, zero where exact.
        config: confidence, number of bootstrap samples and seed.

    Returns:
        The shifts; with one row the intervals are NaN and nothing is significant, because one row
        says nothing about others. Deterministic for a seed. Cost: bootstrap_samples * n_rows *
        n_features multiplications.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), ch. 6; Holm, A simple
        sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    from scipy.special import stdtr, stdtrit  # Student's t, without the weight of scipy.stats

    n_rows, n_features, _ = before.shape
    differences = _row_differences(before, after)
    delta = differences.mean(axis=0)
    if n_rows == 1:
        unknown, nothing = np.full(n_features, np.nan), np.zeros(n_features, dtype=np.bool_)
        return ImportanceShift(delta=delta, ci_low=unknown, ci_high=unknown, significant=nothing)
    spread = np.sqrt(_bootstrap_variance(differences, config) + _error_variance(before_errors, after_errors))
    too_high, too_low = _bias_allowance(before, after, before_errors, after_errors)
    certain = np.where(delta > 0, np.maximum(delta - too_high, 0.0), np.maximum(-delta - too_low, 0.0))
    statistic = np.divide(certain, spread, out=np.where(certain > 0, np.inf, 0.0), where=spread > 0)
    p_values = 2.0 * stdtr(n_rows - 1, -statistic)
    significant, levels = holm(p_values, 1.0 - config.confidence)
    reach = -stdtrit(n_rows - 1, levels / 2.0) * spread
    return ImportanceShift(
        delta=delta,
        ci_low=delta - too_high - reach,
        ci_high=delta + too_low + reach,
        significant=significant,
    )


def holm(p_values: FloatArray, alpha: float) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Holm's step-down correction.

    Args:
        p_values: one per hypothesis, shape (n,).
        alpha: chance of any false rejection that is accepted.

    Returns:
        Which hypotheses are rejected, and the level each was tested at, both of shape (n,).
    """
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")
    levels = alpha / np.arange(n, 0, -1)
    passed = p_values[order] < levels
    n_rejected = n if passed.all() else int(np.argmin(passed))
    if n_rejected < n:
        levels[n_rejected:] = levels[n_rejected]
    rejected = np.zeros(n, dtype=np.bool_)
    rejected[order[:n_rejected]] = True
    level_of = np.empty(n)
    level_of[order] = levels
    return rejected, level_of


def _row_differences(before: FloatArray, after: FloatArray) -> FloatArray:
    """Change of the absolute attribution per row, mean over outputs, shape (n_rows, n_features)."""
    old, new = np.abs(before).mean(axis=2), np.abs(after).mean(axis=2)
    scale = max(old.mean(axis=0).max(initial=0.0), new.mean(axis=0).max(initial=0.0))
    differences = np.asarray(new - old, dtype=np.float64)
    differences[np.abs(differences) <= _ROUNDING * scale] = 0.0
    return differences


def _bootstrap_variance(differences: FloatArray, config: CompareConfig) -> FloatArray:
    """Variance over resampled rows of the mean difference, shape (n_features,)."""
    n_rows, n_features = differences.shape
    rng = np.random.default_rng(config.seed)
    centred = differences - differences.mean(axis=0)
    means = np.empty((config.bootstrap_samples, n_features))
    block = max(1, _CELLS_PER_BLOCK // n_rows)
    for start in range(0, config.bootstrap_samples, block):
        size = min(block, config.bootstrap_samples - start)
        counts = rng.multinomial(n_rows, np.full(n_rows, 1.0 / n_rows), size=size)
        means[start : start + size] = counts @ centred / n_rows
    # A bootstrap sample spreads like the rows themselves, whose variance is (n-1)/n of what an
    # unbiased estimate would be; with few rows that matters.
    return np.asarray(means.var(axis=0, ddof=1) * n_rows / (n_rows - 1), dtype=np.float64)


def _error_variance(before_errors: FloatArray, after_errors: FloatArray) -> FloatArray:
    """Variance the values' own standard errors add to the mean difference, shape (n_features,)."""
    n_rows, _, n_outputs = before_errors.shape
    total = (before_errors**2 + after_errors**2).sum(axis=(0, 2))
    return np.asarray(total / (n_rows * n_outputs) ** 2, dtype=np.float64)


def _bias_allowance(
    before: FloatArray, after: FloatArray, before_errors: FloatArray, after_errors: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """How much too high, and too low, the mean difference may be from folding noise alone.

    Returns:
        Two arrays of shape (n_features,), at least one of them zero for each feature; both are
        zero where both sides carry the same standard errors.
    """
    # The bias falls with the size of the true value, so the smallest one the data allow is taken.
    smallest = np.minimum(np.abs(before) - 2.0 * before_errors, np.abs(after) - 2.0 * after_errors)
    smallest = np.maximum(smallest, 0.0)
    gap = _folding_bias(smallest, after_errors) - _folding_bias(smallest, before_errors)
    mean_gap = gap.mean(axis=(0, 2))
    return np.maximum(mean_gap, 0.0), np.maximum(-mean_gap, 0.0)


def _folding_bias(size: FloatArray, error: FloatArray) -> FloatArray:
    """E|X| - size for X normal with mean ``size`` and standard deviation ``error``."""
    from scipy.special import erfc

    ratio = np.divide(size, error, out=np.full_like(size, np.inf), where=error > 0)
    bias = error * np.sqrt(2.0 / np.pi) * np.exp(-(ratio**2) / 2.0)
    shrink = np.where(error > 0, size * erfc(ratio / np.sqrt(2.0)), 0.0)
    return np.asarray(bias - shrink, dtype=np.float64)
