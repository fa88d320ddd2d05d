"""How two versions differ, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from interp_pipeline.comparison.likeness import likeness
from interp_pipeline.explanation import CLASS_SCORES, SOFTMAX_SCORE
from interp_pipeline.readable import number
from interp_pipeline.report.sentences.quality import metric_text, plain_metrics
from interp_pipeline.report.wording import (
    NO_BREAK,
    PROBABILITY,
    count,
    effect,
    level,
    listed,
    minus,
    name,
    output_phrase,
    percent,
    points,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from interp_pipeline.comparison import Comparison

__all__ = [
    "agreement_sentence",
    "flips_sentence",
    "missing_features_sentences",
    "predictions_sentence",
    "quality_sentence",
    "row_sentence",
    "rule_sentences",
    "shift_sentence",
    "subject_sentence",
    "verdict_sentence",
]

_SHIFTS_NAMED = 5


def subject_sentence(comparison: Comparison, target: str | None, data_source: str) -> str:
    """What was compared on which rows."""
    about = f"ffects are about {_outputs(comparison)}."
    others = listed([name(label) for label in comparison.labels[1:]])
    return (
        f"{name(comparison.reference)} is the reference; {others} {'is' if len(comparison.labels) == 2 else 'are'} "  # noqa: PLR2004 - one other
        f"compared with it, on the same {count(comparison.n_rows, 'row')} of {name(data_source)}. "
        + (f"E{about}" if target is None else f"All predict {quoted(target)}; e{about}")
    )


def _outputs(comparison: Comparison) -> str:
    if len(comparison.outputs) == 1:
        return output_phrase(comparison.outputs[0], comparison.output_unit)
    count_ = len(comparison.outputs)
    if comparison.output_unit == PROBABILITY:
        return f"the probabilities of {count_} classes, averaged"
    if comparison.output_unit == SOFTMAX_SCORE:
        return f"the {SOFTMAX_SCORE}s of {count_} classes, averaged"
    if comparison.output_unit in CLASS_SCORES:
        return f"the scores ({comparison.output_unit}) of {count_} classes, averaged"
    return f"{count_} predicted numbers, averaged"


def verdict_sentence(row: pd.Series[Any], pair: pd.DataFrame) -> str:
    """One pair in one sentence.

    Args:
        row: of the agreement table.
        pair: the features of the same pair.
    """
    changed = pair[pair["significant"]]
    gained, lost = int((changed["delta"] > 0).sum()), int((changed["delta"] < 0).sum())
    features = count(len(pair), "feature")
    if changed.empty:
        shifted = f"none of {features} changed in importance by more than noise"
    else:
        ways = [f"{gained} gained" if gained else "", f"{lost} lost" if lost else ""]
        shifted = f"of {features}, {listed([way for way in ways if way])} importance by more than noise"
    return f"{name(row['against'])} and {name(row['reference'])} {_ranked(row['rank_correlation'])}; {shifted}."


def quality_sentence(metrics: Sequence[tuple[str, Mapping[str, float]]], rows: str = "test rows") -> str:
    """Which version does how well; empty where they share no measure, or the measures are not of the same kind of rows.

    Args:
        metrics: label and metrics of each version.
        rows: which rows these are of; empty: not the same kind.
    """
    if not rows:
        return ""
    plain = [(label, plain_metrics(known)) for label, known in metrics]
    for key, before, after in (("accuracy", "is right", " of the time"), ("rmse", "has a typical error of", " (RMSE)")):
        if all(key in known for _, known in plain):
            told = [f"{name(label)} {before} {metric_text(key, known[key])}{after}" for label, known in plain]
            return f"On {'their' if rows == 'test rows' else 'the'} {rows}, {listed(told)}."
    return ""


def _ranked(correlation: float) -> str:
    return {
        "same": "are driven by the same features in nearly the same order",
        "largely": "are driven by largely the same features",
        "partly": "are driven by partly different features",
        "different": "are driven by different features",
    }[likeness(correlation)]


def predictions_sentence(row: pd.Series[Any], n_rows: int, unit: str) -> str:
    """How far apart the predictions of a pair are."""
    apart = row["prediction_mean_abs_difference"]
    text = f"Their predictions differ by {effect(apart, unit, signed=False)} on average"
    if math.isnan(row["different_decisions"]):
        return f"{text}."
    other = round(row["different_decisions"] * n_rows)
    if other == 0:
        return f"{text}; the answer is the same in {'the one row' if n_rows == 1 else f'all {n_rows:,} rows'}."
    return f"{text}; in {other:,} of {count(n_rows, 'row')} ({percent(other / n_rows)}) they give different answers."


def agreement_sentence(row: pd.Series[Any]) -> str:
    """Rank correlation and overlap of the top."""
    top_k = int(row["top_k"])
    shared = round(row["top_k_overlap"] * top_k)
    rank = minus(number(row["rank_correlation"], 2))
    tops = f"share {'all' if shared == top_k else f'{shared} of'} their {top_k} most important features"
    if top_k == 1:
        tops = "have the same most important feature" if shared else "have different most important features"
    return f"They {tops}; the rank correlation over all common features is {rank} (1 would be the same order)."


def flips_sentence(row: pd.Series[Any]) -> str:
    """How often a feature pushes one way in one version and the other way in the other."""
    if row["sign_flips"] == 0:
        return "Wherever both see an effect beyond noise, it points the same way."
    return (
        f"Where both see an effect beyond noise, it points the opposite way in {percent(row['sign_flips'])} of cases."
    )


def shift_sentence(pair: pd.DataFrame, reference: str, against: str, unit: str) -> str:
    """Which features changed in importance by more than noise, the largest change first."""
    changed = pair[pair["significant"]]
    if changed.empty:
        return "No feature changed in importance by more than noise."
    ordered = changed.loc[changed["delta"].abs().sort_values(ascending=False, kind="stable").index]
    told = [_shift(row, reference, against, unit) for _, row in ordered.iterrows()]
    opening = f"{count(len(told), 'feature')} changed in importance by more than noise"
    return f"{opening}: {listed(told, most=_SHIFTS_NAMED)}."


def _shift(row: pd.Series[Any], reference: str, against: str, unit: str) -> str:
    before, after = row[f"rank_{reference}"], row[f"rank_{against}"]
    moved = f"rank {before} as before" if before == after else f"from rank {before} to {after}"
    return f"{name(row['feature'])} ({effect(row['delta'], unit)}, {moved})"


def row_sentence(row: pd.Series[Any], reference: str, unit: str) -> str:
    """The row a pair disagrees about most."""
    if row["distance"] == 0:
        return "Every row is explained the same way by both."
    before, after = row[f"prediction_{reference}"], row[f"prediction_{row['against']}"]
    if unit == PROBABILITY:
        apart = f"the effects differ by {points(row['distance'], signed=False)} in all"
    else:
        apart = f"the effects differ by {effect(row['distance'], unit, signed=False)} in all"
    return (
        f"They disagree most about row {row['row_id']}: {apart}, most of it in {name(row['largest_feature'])}; "
        f"{name(reference)} puts {output_phrase(row['output'], unit)} at {level(before, unit)}, "
        f"{name(row['against'])} at {level(after, unit)}."
    )


def missing_features_sentences(comparison: Comparison) -> tuple[str, ...]:
    """Which features some versions do not have."""
    return tuple(
        f"{name(label)} has {count(len(features), 'feature')} that not every other version has, left out of the "
        f"comparison with those: {listed([name(feature) for feature in features], most=_SHIFTS_NAMED)}."
        for label, features in comparison.only_in.items()
        if features
    )


def rule_sentences(comparison: Comparison) -> tuple[str, ...]:
    """How the numbers were found, for the reader who asks."""
    config = comparison.config
    chance = f"{number(100.0 * (1.0 - config.confidence))}{NO_BREAK}%"
    return (
        "Importance is the average size of a feature's effect over the rows, whichever way it points.",
        (
            "A change counts as more than noise where its interval excludes zero. Intervals come from "
            f"{config.bootstrap_samples:,} bootstrap samples of the rows and the known errors of estimated effects, "
            "corrected for the number of features by Holm's method: where nothing changed, the chance of any "
            f"false alarm is at most {chance}."
        ),
        "An effect points the opposite way only where both versions see more than 1 % of their largest importance, "
        "and more than the known error of estimated effects.".replace(" %", "\N{NO-BREAK SPACE}%"),
        "The disagreement about a row is the sum of the differences of all common features' effects.",
    )
