"""What each stored check measures, in plain words."""

from __future__ import annotations

__all__ = ["check_meaning"]

_MEANINGS = {
    "additivity_error": "largest gap between base value plus effects and the prediction, over rows and outputs",
    "base_value_error": "largest gap between the base value and the mean prediction of the background rows",
    "prediction_mismatch": "largest gap between the outputs explained and those the model's own library gives",
    "served_disagreement": "share of rows whose answer by the registered model is not the one explained",
    "relative_sampling_error": "mean standard error of an effect, as a share of the mean size; 0: exact",
    "lime_mean_r2": "how well LIME's models fit: R², mean over rows",
    "lime_min_r2": "the same in the row it fits worst",
    "shap_lime_rank_agreement": "rank correlation of SHAP and LIME within one row, mean over rows",
    "shap_lime_top5_overlap": "share of a row's five most important features SHAP and LIME share, mean over rows",
}


def check_meaning(key: str) -> str:
    """What a check measures; empty for one this page does not know."""
    return _MEANINGS.get(key, "")
