"""Compare explanations of the same rows: global agreement, shifts per feature, disagreement per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.comparison.align import align
from interp_pipeline.comparison.result import Comparison
from interp_pipeline.comparison.shift import compute_importance_shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from interp_pipeline.comparison.align import AlignedExplanation
    from interp_pipeline.config import CompareConfig
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["compute_comparison"]

_METRICS = ("rank_correlation", "top_k_overlap", "sign_flips", "mean_abs_shift", "significant_features")

# An attribution below this share of its explanation's largest importance has no sign worth counting.
_NEGLIGIBLE = 0.01


def compute_comparison(explanations: Sequence[Explanation], labels: Sequence[str], config: CompareConfig) -> Comparison:
    """Compare explanations with the first of them.

    Features are matched by name, rows by row id, outputs by name; models of any kinds and with
    different feature sets can be compared as long as they were explained on the same rows.

    The measures of a pair, all over the features both have unless said otherwise:

    - rank correlation: Spearman's, of the importances; 1 where both rank alike.
    - top-k overlap: share of common names among each one's k most important features, of all it has.
    - sign flips: share of cells (row, feature, output) whose attributions point in opposite
      directions, of the cells where both are more than noise: larger than 1 % of the explanation's
      largest importance, and than the confidence interval of the value where it is estimated.
    - mean absolute shift: mean over all cells of the absolute difference of attributions.
    - significant features: see ``compute_importance_shift``.

    Args:
        explanations: two or more; the first is the reference.
        labels: one distinct name each.
        config: size of the top, confidence, bootstrap samples and seed.

    Returns:
        The comparison; the same arguments give the same numbers, and so does any order of columns.

    Raises:
        UsageError: fewer than two explanations, labels that are not distinct, or explanations with
            no common output, unit, feature or rows.
    """
    aligned, outputs = align(explanations, labels)
    reference, others = aligned[0], aligned[1:]
    agreement, features, per_row = [], [], []
    for other in others:
        shared = tuple(sorted(set(reference.features) & set(other.features)))
        table = _compare_features(aligned, other, shared, config)
        features.append(table)
        agreement.append(_agreement(reference, other, shared, table, config))
        per_row.append(_compare_rows(aligned, other, shared, outputs, explanations[0].row_ids))
    return Comparison(
        labels=tuple(labels),
        methods=tuple(explanation.method for explanation in explanations),
        outputs=outputs,
        output_unit=explanations[0].output_unit,
        n_rows=len(explanations[0].data),
        features=pd.concat(features, ignore_index=True),
        agreement=pd.DataFrame(agreement),
        per_row=pd.concat(per_row, ignore_index=True),
        rank_correlations=_rank_correlations(aligned),
        only_in=_only_in(aligned),
        metrics={name: float(agreement[-1][name]) for name in _METRICS},
        config=config,
    )


def _compare_features(
    aligned: Sequence[AlignedExplanation], other: AlignedExplanation, shared: tuple[str, ...], config: CompareConfig
) -> pd.DataFrame:
    reference = aligned[0]
    before, before_errors = reference.at(shared)
    after, after_errors = other.at(shared)
    shift = compute_importance_shift(before, after, before_errors, after_errors, config)
    flipped, counted = _sign_flips(reference, other, shared, config)
    columns: dict[str, Any] = {"feature": list(shared), "against": [other.label] * len(shared)}
    for version in aligned:
        importance = dict(zip(version.features, version.importance, strict=True))
        columns[f"importance_{version.label}"] = [importance.get(name, np.nan) for name in shared]
    for version in aligned:
        ranks = pd.array([version.ranks.get(name) for name in shared], dtype="Int64")
        columns[f"rank_{version.label}"] = ranks
    columns |= {
        "delta": shift.delta,
        "ci_low": shift.ci_low,
        "ci_high": shift.ci_high,
        "significant": shift.significant,
        "sign_flips": flipped.sum(axis=(0, 2)) / np.maximum(counted.sum(axis=(0, 2)), 1),
        "mean_abs_shift": np.abs(after - before).mean(axis=(0, 2)),
    }
    return pd.DataFrame(columns).sort_values(f"rank_{reference.label}", ignore_index=True)


def _agreement(
    reference: AlignedExplanation,
    other: AlignedExplanation,
    shared: tuple[str, ...],
    table: pd.DataFrame,
    config: CompareConfig,
) -> dict[str, Any]:
    flipped, counted = _sign_flips(reference, other, shared, config)
    comparable = len(reference.classes) > 1 and reference.classes == other.classes
    return {
        "reference": reference.label,
        "against": other.label,
        "rank_correlation": _rank_correlation(reference, other),
        "top_k": _top_size(reference, other, config),
        "top_k_overlap": _top_overlap(reference, other, _top_size(reference, other, config)),
        "sign_flips": float(flipped.sum() / max(int(counted.sum()), 1)),
        "mean_abs_shift": float(table["mean_abs_shift"].mean()),
        "significant_features": int(table["significant"].sum()),
        "prediction_mean_abs_difference": float(np.abs(other.predictions - reference.predictions).mean()),
        "different_decisions": float(np.mean(reference.decisions != other.decisions)) if comparable else np.nan,
    }


def _compare_rows(
    aligned: Sequence[AlignedExplanation],
    other: AlignedExplanation,
    shared: tuple[str, ...],
    outputs: tuple[str, ...],
    row_ids: tuple[int, ...],
) -> pd.DataFrame:
    reference = aligned[0]
    apart = np.abs(other.at(shared)[0] - reference.at(shared)[0]).mean(axis=2)
    output = np.abs(other.predictions - reference.predictions).argmax(axis=1)
    rows = np.arange(len(row_ids))
    columns: dict[str, Any] = {
        "row_id": list(row_ids),
        "against": [other.label] * len(row_ids),
        "distance": apart.sum(axis=1),
        "output": [outputs[i] for i in output],
    }
    for version in aligned:
        columns[f"prediction_{version.label}"] = version.predictions[rows, output]
    columns["largest_feature"] = [shared[i] for i in apart.argmax(axis=1)]
    table = pd.DataFrame(columns)
    return table.sort_values(["distance", "row_id"], ascending=[False, True], kind="stable", ignore_index=True)


def _sign_flips(
    reference: AlignedExplanation, other: AlignedExplanation, shared: tuple[str, ...], config: CompareConfig
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which cells flip their sign and which are counted, both (n_rows, n_features, n_outputs)."""
    before, _ = reference.at(shared)
    after, _ = other.at(shared)
    counted = _more_than_noise(reference, shared, config) & _more_than_noise(other, shared, config)
    return counted & (np.sign(before) != np.sign(after)), counted


def _more_than_noise(
    version: AlignedExplanation, shared: tuple[str, ...], config: CompareConfig
) -> npt.NDArray[np.bool_]:
    from scipy.special import ndtri

    values, errors = version.at(shared)
    reach = float(ndtri(0.5 + config.confidence / 2.0))
    floor = _NEGLIGIBLE * version.importance.max()
    return np.asarray(np.abs(values) > np.maximum(reach * errors, floor), dtype=np.bool_)


def _rank_correlations(aligned: Sequence[AlignedExplanation]) -> pd.DataFrame:
    labels = [version.label for version in aligned]
    cells = [[_rank_correlation(one, other) for other in aligned] for one in aligned]
    return pd.DataFrame(cells, index=labels, columns=labels)


def _rank_correlation(one: AlignedExplanation, other: AlignedExplanation) -> float:
    """Spearman's correlation over common features; of constant importances 1 where both are, else 0."""
    shared = sorted(set(one.features) & set(other.features))
    if not shared:
        return 0.0
    a, b = _centred_ranks(one, shared), _centred_ranks(other, shared)
    scale = float(np.sqrt((a @ a) * (b @ b)))
    if scale == 0.0:
        return 1.0 if not a.any() and not b.any() else 0.0
    return float(np.clip((a @ b) / scale, -1.0, 1.0))


def _centred_ranks(version: AlignedExplanation, features: Sequence[str]) -> FloatArray:
    importance = pd.Series(version.importance, index=list(version.features))
    ranks = importance[list(features)].rank().to_numpy(dtype=np.float64)
    return np.asarray(ranks - ranks.mean(), dtype=np.float64)


def _top_size(reference: AlignedExplanation, other: AlignedExplanation, config: CompareConfig) -> int:
    return min(config.top_k, len(reference.features), len(other.features))


def _top_overlap(reference: AlignedExplanation, other: AlignedExplanation, k: int) -> float:
    tops = [{name for name, rank in version.ranks.items() if rank <= k} for version in (reference, other)]
    return len(tops[0] & tops[1]) / k


def _only_in(aligned: Sequence[AlignedExplanation]) -> dict[str, tuple[str, ...]]:
    everywhere = set.intersection(*(set(version.features) for version in aligned))
    return {version.label: tuple(name for name in version.features if name not in everywhere) for version in aligned}
