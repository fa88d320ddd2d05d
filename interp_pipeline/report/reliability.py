"""How far an explanation can be trusted: numbers taken from the explanations themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from interp_pipeline.plots.columns import read_column

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["MethodAgreement", "Reliability", "compute_reliability"]

_TOP = 5  # size of the sets of most important features that are compared
_TOGETHER = 0.7  # Spearman correlation from which on two features are said to go together
_FEATURES_PAIRED = 30  # most important features among which pairs are sought
_PAIRS = 3
_FEWEST = 3  # rows of which a correlation says anything


@dataclass(frozen=True, kw_only=True)
class MethodAgreement:
    """How far SHAP and LIME tell the same story."""

    shared: int  # features among the most important of both
    top: int  # size of those sets
    n_features: int  # of both
    rank_correlation: float
    same_direction: (
        float | None
    )  # share of SHAP's top features' attributions LIME gives the same sign; None: none to judge


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """What speaks for and against relying on an explanation."""

    n_rows: int
    additivity_gap: float  # largest |base value + sum of values - prediction|
    output_range: float  # from the lowest to the highest prediction or base value
    relative_error: float | None  # mean standard error / mean |value|; None where values are exact
    local_r2: float | None  # LIME's mean fidelity; None without LIME
    agreement: MethodAgreement | None
    # Pairs of features that go together, strongest first; None: too few rows to tell.
    together: tuple[tuple[str, str, float], ...] | None
    served_disagreement: float = 0.0  # share of the rows that the served model answers otherwise


def compute_reliability(shap: Explanation, lime: Explanation | None, served_disagreement: float = 0.0) -> Reliability:
    """Measure what a reader must know before relying on an explanation.

    Args:
        shap: SHAP values.
        lime: LIME weights of the same model, or None.
        served_disagreement: share of the rows that the served model answers otherwise than is explained.

    Returns:
        Gaps and errors in units of the model output. Pairs of features are sought among the 30 most
        important numeric ones, by Spearman's correlation of their values in the explained rows.
    """
    sums = shap.base_values + shap.values.sum(axis=1)
    relative = None
    if shap.std_errors is not None:
        size = float(np.abs(shap.values).mean())
        relative = float(shap.std_errors.mean()) / size if size > 0 else 0.0
    return Reliability(
        n_rows=len(shap.data),
        additivity_gap=float(np.abs(sums - shap.predictions).max()),
        output_range=float(np.ptp(np.concatenate([shap.predictions, shap.base_values]))),
        relative_error=relative,
        local_r2=None if lime is None or lime.local_r2 is None else float(_summary(lime, lime.local_r2).mean()),
        agreement=None if lime is None else _agreement(shap, lime),
        together=_together(shap) if len(shap.data) >= _FEWEST else None,
        served_disagreement=served_disagreement,
    )


def _summary(explanation: Explanation, array: FloatArray) -> FloatArray:
    return array[..., list(explanation.summary_outputs)]


def _agreement(shap: Explanation, lime: Explanation) -> MethodAgreement:
    top = min(_TOP, len(shap.feature_names))
    tops = [{e.feature_names[i] for i in e.ranking[:top]} for e in (shap, lime)]
    frame = pd.DataFrame(
        {
            "shap": pd.Series(shap.importance, index=list(shap.feature_names)).rank(),
            "lime": pd.Series(lime.importance, index=list(lime.feature_names)).rank(),
        }
    )
    varied = bool((frame.max() > frame.min()).all())
    return MethodAgreement(
        shared=len(tops[0] & tops[1]),
        top=top,
        n_features=len(shap.feature_names),
        rank_correlation=float(frame["shap"].corr(frame["lime"])) if varied else 0.0,
        same_direction=_same_direction(shap, lime, shap.ranking[:top]),
    )


def _same_direction(shap: Explanation, lime: Explanation, features: tuple[int, ...]) -> float | None:
    place = {row_id: i for i, row_id in enumerate(lime.row_ids)}
    ours = [i for i, row_id in enumerate(shap.row_ids) if row_id in place]
    theirs = [place[row_id] for row_id in shap.row_ids if row_id in place]
    columns = [lime.feature_names.index(shap.feature_names[i]) for i in features]
    outputs = [lime.output_names.index(shap.output_names[i]) for i in shap.summary_outputs]
    left = shap.values[np.ix_(ours, list(features), list(shap.summary_outputs))]
    right = lime.values[np.ix_(theirs, columns, outputs)]
    judged = (left != 0) & (right != 0)
    return float((np.sign(left) == np.sign(right))[judged].mean()) if judged.any() else None


def _together(shap: Explanation) -> tuple[tuple[str, str, float], ...]:
    numeric: dict[str, FloatArray] = {}
    for feature in shap.ranking[:_FEATURES_PAIRED]:
        column = read_column(shap.data.iloc[:, feature])
        known = column.numbers[~column.missing]
        if column.kind == "numeric" and len(np.unique(known)) > 2:  # noqa: PLR2004 - of two values a rank says little
            numeric[shap.feature_names[feature]] = column.numbers
    correlations = pd.DataFrame(numeric).corr(method="spearman").to_numpy() if numeric else np.empty((0, 0))
    names = list(numeric)
    pairs = [
        (names[i], names[j], float(correlations[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if abs(correlations[i, j]) >= _TOGETHER
    ]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair[2]))[:_PAIRS])
