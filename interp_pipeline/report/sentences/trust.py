"""How far the explanation can be trusted, point by point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from interp_pipeline.readable import number, share
from interp_pipeline.report.wording import count, gap, listed, minus, name, percent

if TYPE_CHECKING:
    from interp_pipeline.report.reliability import MethodAgreement, Reliability

__all__ = ["Finding", "Verdict", "caveats", "fidelity_finding", "findings", "verdict_sentence"]

Verdict = Literal["good", "fair", "poor"]

_EXACT_GAP = 1e-6  # as a share of the range of predictions
_SMALL_ERROR, _LARGE_ERROR = 0.05, 0.2  # mean standard error as a share of mean |value|
_FAITHFUL, _ROUGH = 0.8, 0.5  # LIME's R²
_FEW_ROWS = 0.05  # share of rows answered otherwise
_ALIKE, _PARTLY = 0.7, 0.4  # rank correlation of SHAP and LIME


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One point: what was looked at, the verdict, and what was found."""

    title: str
    verdict: Verdict
    text: str


def findings(reliability: Reliability) -> tuple[Finding, ...]:
    """All points that were measured, in the order of a reader's interest."""
    found = [_additivity(reliability), _precision(reliability)]
    if reliability.agreement is not None:
        found.append(_agreement(reliability.agreement, reliability.n_rows))
    if reliability.local_r2 is not None:
        found.append(fidelity_finding(reliability.local_r2, reliability.n_rows))
    if reliability.served_disagreement:
        found.append(_disagreement(reliability.served_disagreement))
    return tuple(found)


def verdict_sentence(found: tuple[Finding, ...]) -> str:
    """The points in one sentence."""
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
    rows = count(reliability.n_rows, "explained row")
    largest = gap(reliability.additivity_gap)
    if reliability.additivity_gap <= _EXACT_GAP * reliability.output_range:
        text = f"In all {rows} the effects of the features add up to the prediction (largest gap {largest})."
        if reliability.n_rows == 1:
            text = f"In the explained row the effects of the features add up to the prediction (gap {largest})."
        return Finding(title="The effects add up", verdict="good", text=text)
    text = f"In {rows} the effects of the features add up to the prediction only up to a gap of {largest}."
    return Finding(title="The effects add up", verdict="fair", text=text)


def _precision(reliability: Reliability) -> Finding:
    error = reliability.relative_error
    if error is None:
        text = "The effects are computed exactly, not estimated: computing them again gives the same numbers."
        return Finding(title="Precision", verdict="good", text=text)
    verdict: Verdict = "good" if error <= _SMALL_ERROR else "fair" if error <= _LARGE_ERROR else "poor"
    advice = {
        "good": "small enough to rely on the order of the main features",
        "fair": "good enough for the main features, too coarse for the small ones",
        "poor": "too coarse to rely on",
    }[verdict]
    text = (
        f"The effects are estimated by sampling. Their typical error is {percent(error)} of a typical effect: {advice}."
    )
    return Finding(title="Precision", verdict=verdict, text=text)


def _agreement(agreement: MethodAgreement, n_rows: int) -> Finding:
    """By the average importance over rows; the stored checks, which are means of what single rows give, are others."""
    by = "By the importance in this row, " if n_rows == 1 else "By average importance, "
    correlation = agreement.rank_correlation
    verdict: Verdict = "good" if correlation >= _ALIKE else "fair" if correlation >= _PARTLY else "poor"
    text = (
        f"{by}SHAP and LIME share {agreement.shared} of their {agreement.top} most important features; "
        f"the rank correlation over all features is {minus(number(correlation, 2))} (1 would be the same order)."
    )
    if agreement.top == agreement.n_features:  # then they share all of them, whatever they say
        text = (
            f"{by}SHAP and LIME order the {agreement.n_features} features with a rank correlation of "
            f"{minus(number(correlation, 2))} (1 would be the same order)."
        )
    if agreement.top == 1:
        same = "the same most important feature" if agreement.shared else "different most important features"
        text = f"{by}SHAP and LIME find {same}."
        verdict = "good" if agreement.shared else "poor"
    if agreement.same_direction is not None:
        text += f" For SHAP's top features they point the same way in {percent(agreement.same_direction)} of cases."
    return Finding(title="Agreement of SHAP and LIME", verdict=verdict, text=text)


def _disagreement(part: float) -> Finding:
    """The model that MLflow serves answers otherwise than the explained outputs say: then they are in question."""
    verdict: Verdict = "fair" if part <= _FEW_ROWS else "poor"
    advice = {
        "fair": "look at these rows before relying on their explanation",
        "poor": "what is explained may not be what the model is used for",
    }[verdict]
    text = (
        f"In {share(part, 1.0)} of the explained rows the served model gives another answer than the explained outputs "
        f"imply: {advice}."
    )
    return Finding(title="Agreement with the served answers", verdict=verdict, text=text)


def fidelity_finding(local_r2: float, n_rows: int) -> Finding:
    """How well LIME's simple models, one per row, reproduce the model."""
    verdict: Verdict = "good" if local_r2 >= _FAITHFUL else "fair" if local_r2 >= _ROUGH else "poor"
    advice = {
        "good": f"its weights describe the model well around {'the' if n_rows == 1 else 'each'} row",
        "fair": "its weights describe the model only in outline",
        "poor": (
            "take its weights as hints, not as measurements; the numbers on this page are SHAP's. A narrower kernel "
            "with more samples may follow the model somewhat closer: lime_kernel_width=1, lime_samples=20000 (on "
            "the command line --lime-kernel-width 1 --lime-samples 20000)"
        ),
    }[verdict]
    text = (
        f"LIME replaces the model near {'the' if n_rows == 1 else 'each'} row by a simple one that reproduces it with "
        f"an {'' if n_rows == 1 else 'average '}R² of {minus(number(local_r2, 2))} (1 would be perfect): {advice}."
    )
    return Finding(title="Fidelity of LIME", verdict=verdict, text=text)


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
            "No two of the main numeric features go together strongly (correlation below 0.7); where features do, "
            "how effect is shared out between them is partly arbitrary."
        )
    return tuple(texts)
