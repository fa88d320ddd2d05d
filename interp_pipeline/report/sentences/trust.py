"""How far the explanation can be trusted, point by point: what the verdicts of the stored checks read like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.checks.additivity import additivity_verdict
from interp_pipeline.checks.agreement import TOP, agreement_verdict
from interp_pipeline.checks.correlated_features import TOGETHER
from interp_pipeline.checks.sampling_error import sampling_verdict
from interp_pipeline.checks.served_answers import served_verdict
from interp_pipeline.checks.surrogate_fidelity import fidelity_verdict
from interp_pipeline.readable import number, share
from interp_pipeline.report.wording import count, gap, listed, minus, name, percent

if TYPE_CHECKING:
    from interp_pipeline.checks.verdict import Verdict
    from interp_pipeline.report.reliability import Reliability

__all__ = ["MEANINGS", "Finding", "caveats", "check_meaning", "findings", "verdict_sentence"]

MEANINGS = {
    "additivity_error": "largest gap between base value plus effects and the prediction, over rows and outputs",
    "base_value_error": "largest gap between the base value and the mean prediction of the background rows",
    "prediction_mismatch": "largest gap between the outputs explained and those the model's own library gives",
    "served_disagreement": "share of rows whose answer by the registered model is not the one explained",
    "relative_sampling_error": "mean standard error of an effect, as a share of the mean size; 0: exact",
    "lime_mean_r2": "mean over rows of R², the fit of LIME's model of a row",
    "lime_min_r2": "smallest R² of LIME's models, in the row that is fitted worst",
    "shap_lime_rank_agreement": "rank correlation of SHAP and LIME within one row, mean over rows",
    "shap_lime_top5_overlap": "share of a row's five most important features SHAP and LIME share, mean over rows",
    "shap_lime_same_direction": "share of a row's five most important features that LIME gives the same sign",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One point: what was looked at, the verdict, and what was found."""

    title: str
    verdict: Verdict
    text: str


def check_meaning(key: str) -> str:
    """What a check measures; empty for one this page does not know."""
    return MEANINGS.get(key, "")


def findings(reliability: Reliability) -> tuple[Finding, ...]:
    """All points that were measured, in the order of a reader's interest."""
    told = (tell(reliability) for check, tell in _TOLD.items() if check in reliability.checks)
    return tuple(finding for finding in told if finding is not None)


def verdict_sentence(found: tuple[Finding, ...]) -> str:
    """The points in one sentence."""
    if not found:
        return "No check of this explanation is known here."
    weak = [_lower(finding.title) for finding in found if finding.verdict != "good"]
    total = count(len(found), "check")
    if not weak:
        return f"All {total} of this explanation came out well."
    good = len(found) - len(weak)
    return f"{good} of {total} of this explanation came out well; read with care: {listed(weak)}."


def _lower(title: str) -> str:
    """A title within a sentence; names such as LIME keep their capitals."""
    return title[:1].lower() + title[1:]


def _additivity(reliability: Reliability) -> Finding:
    error = reliability.checks["additivity_error"]
    verdict = additivity_verdict(error, reliability.output_range)
    rows, largest = count(reliability.n_rows, "explained row"), gap(error)
    if verdict != "good":
        text = f"In {rows} the effects of the features add up to the prediction only up to a gap of {largest}."
    elif reliability.n_rows == 1:
        text = f"In the explained row the effects of the features add up to the prediction (gap {largest})."
    else:
        text = f"In all {rows} the effects of the features add up to the prediction (largest gap {largest})."
    return Finding(title="The effects add up", verdict=verdict, text=text)


def _precision(reliability: Reliability) -> Finding:
    if reliability.is_exact:
        text = "The effects are computed exactly, not estimated: computing them again gives the same numbers."
        return Finding(title="Precision", verdict="good", text=text)
    error = reliability.checks["relative_sampling_error"]
    verdict = sampling_verdict(error)
    advice = {
        "good": "small enough to rely on the order of the main features",
        "fair": "good enough for the main features, too coarse for the small ones",
        "poor": "too coarse to rely on",
    }[verdict]
    text = (
        f"The effects are estimated by sampling. Their typical error is {percent(error)} of a typical effect: {advice}."
    )
    return Finding(title="Precision", verdict=verdict, text=text)


def _agreement(reliability: Reliability) -> Finding:
    checks, n_features, one = reliability.checks, reliability.n_features, reliability.n_rows == 1
    correlation, overlap = checks["shap_lime_rank_agreement"], checks["shap_lime_top5_overlap"]
    verdict = agreement_verdict(correlation, n_features)
    of_a_row, average = ("of this row", "") if one else ("of a row", " on average")
    rank = f"{minus(number(correlation, 2))}{average} (1 would be the same order)"
    if n_features == 1:
        text = "There is one feature, so SHAP and LIME have nothing to rank."
    elif n_features <= TOP:  # then they share all of them, whatever they say
        text = f"SHAP and LIME order the {n_features} features {of_a_row} with a rank correlation of {rank}."
    else:
        text = (
            f"SHAP and LIME share {number(overlap * TOP, 2)} of the {TOP} most important features {of_a_row}{average}; "
            f"the rank correlation over all its features is {rank}."
        )
    if "shap_lime_same_direction" in checks:
        alike = percent(checks["shap_lime_same_direction"])
        text += f" For SHAP's top features they point the same way in {alike} of cases."
    return Finding(title="Agreement of SHAP and LIME", verdict=verdict, text=text)


def _disagreement(reliability: Reliability) -> Finding | None:
    """The model that MLflow serves answers otherwise than the explained outputs say: then they are in question."""
    part = reliability.checks["served_disagreement"]
    verdict = served_verdict(part)
    if verdict == "good":
        return None
    advice = {
        "fair": "look at these rows before relying on their explanation",
        "poor": "what is explained may not be what the model is used for",
    }[verdict]
    text = (
        f"In {share(part, 1.0)} of the explained rows the served model gives another answer than the explained outputs "
        f"imply: {advice}."
    )
    return Finding(title="Agreement with the served answers", verdict=verdict, text=text)


def _fidelity(reliability: Reliability) -> Finding:
    """How well LIME's simple models, one per row, reproduce the model."""
    mean_r2, one = reliability.checks["lime_mean_r2"], reliability.n_rows == 1
    verdict = fidelity_verdict(mean_r2)
    advice = {
        "good": f"its weights describe the model well around {'the' if one else 'each'} row",
        "fair": "its weights describe the model only in outline",
        "poor": (
            "take its weights as hints, not as measurements; the numbers on this page are SHAP's. A narrower kernel "
            "with more samples may follow the model somewhat closer: lime_kernel_width=1, lime_samples=20000 (on "
            "the command line --lime-kernel-width 1 --lime-samples 20000)"
        ),
    }[verdict]
    text = (
        f"LIME replaces the model near {'the' if one else 'each'} row by a simple one that reproduces it with "
        f"an {'' if one else 'average '}R² of {minus(number(mean_r2, 2))} (1 would be perfect): {advice}."
    )
    return Finding(title="Fidelity of LIME", verdict=verdict, text=text)


_TOLD = {
    "additivity_error": _additivity,
    "relative_sampling_error": _precision,
    "shap_lime_rank_agreement": _agreement,
    "lime_mean_r2": _fidelity,
    "served_disagreement": _disagreement,
}


def caveats(reliability: Reliability, n_background: int) -> tuple[str, ...]:
    """What no check can take away."""
    texts = [
        "This page explains the model, not the world: a feature can move the prediction without causing the outcome.",
        (
            f"Effects are relative to {count(n_background, 'background row')} that stand for an average case; "
            "other background rows would give other effects."
        ),
        (
            f"Averages are over {count(reliability.n_rows, 'explained row')}; rows of another kind may be driven "
            "by other features."
        )
        if reliability.n_rows > 1
        else "This page is about one row; other rows may be driven by other features.",
    ]
    if reliability.together is None:
        texts.append("Where features go together, how effect is shared out between them is partly arbitrary.")
    elif reliability.together:
        pairs = listed([f"{name(a)} with {name(b)} ({minus(number(rho, 2))})" for a, b, rho in reliability.together])
        texts.append(
            f"Some features go together: {pairs}. How effect is shared out between such features is partly arbitrary."
        )
    else:
        texts.append(
            f"No two of the main numeric features go together strongly (correlation below {TOGETHER}); where features "
            "do, how effect is shared out between them is partly arbitrary."
        )
    return tuple(texts)
