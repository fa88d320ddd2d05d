"""Checks: is this explanation right? One figure per file, with its thresholds and its verdict, and without words.

A figure is measured once and stored; whoever puts it into words asks the verdict of the stored figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.checks.additivity import additivity_error, output_range, require_additivity
from interp_pipeline.checks.agreement import rank_agreement, same_direction, top_feature_overlap
from interp_pipeline.checks.base_value import base_value_error
from interp_pipeline.checks.prediction_match import prediction_mismatch
from interp_pipeline.checks.sampling_error import relative_sampling_error
from interp_pipeline.checks.served_answers import served_disagreement
from interp_pipeline.checks.surrogate_fidelity import surrogate_fidelity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = [
    "additivity_error",
    "base_value_error",
    "output_range",
    "prediction_mismatch",
    "rank_agreement",
    "relative_sampling_error",
    "require_additivity",
    "run_checks",
    "same_direction",
    "served_disagreement",
    "surrogate_fidelity",
    "top_feature_overlap",
]


def run_checks(
    *,
    shap: Explanation | None,
    lime: Explanation | None,
    served_predictions: FloatArray | None = None,
    background_predictions: FloatArray | None = None,
    served_answers: Any = None,
    class_labels: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """Run every check the given explanations and predictions allow.

    Args:
        shap: a SHAP explanation, if there is one.
        lime: a LIME explanation of the same rows, if there is one.
        served_predictions: the served model's outputs for the explained rows, shape (n_rows, n_outputs).
        background_predictions: its outputs for the background, shape (n_background, n_outputs).
        served_answers: whatever the served model answers for the explained rows, where that need not be the
            explained outputs: labels, probabilities or numbers.
        class_labels: class name by the label the model itself gives it, where it has labels.

    Returns:
        Numbers by name; the names are public, as metrics ``explanation_check/<name>``:
        ``additivity_error``, ``base_value_error``, ``relative_sampling_error``,
        ``lime_mean_r2``, ``lime_min_r2``, ``shap_lime_rank_agreement``,
        ``shap_lime_top5_overlap``, ``shap_lime_same_direction``, ``prediction_mismatch``,
        ``served_disagreement``.

    Raises:
        UsageError: the arguments do not belong to the same rows and outputs.
    """
    checks: dict[str, float] = {}
    if shap is not None:
        checks["additivity_error"] = additivity_error(shap)
        checks["relative_sampling_error"] = relative_sampling_error(shap)
        if background_predictions is not None:
            checks["base_value_error"] = base_value_error(shap, background_predictions)
    if lime is not None:
        checks["lime_mean_r2"], checks["lime_min_r2"] = surrogate_fidelity(lime)
    if shap is not None and lime is not None:
        checks["shap_lime_rank_agreement"] = rank_agreement(shap, lime)
        checks["shap_lime_top5_overlap"] = top_feature_overlap(shap, lime)
        alike = same_direction(shap, lime)
        if alike is not None:
            checks["shap_lime_same_direction"] = alike
    explained = shap or lime
    if explained is not None and served_predictions is not None:
        checks["prediction_mismatch"] = prediction_mismatch(explained.predictions, served_predictions)
    if explained is not None and served_answers is not None:
        disagreement = served_disagreement(explained, served_answers, class_labels)
        if disagreement is not None:
            checks["served_disagreement"] = disagreement
    return checks
