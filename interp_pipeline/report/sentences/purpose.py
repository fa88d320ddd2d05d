"""What the model predicts, and from what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.explanation import CLASS_SCORES, LOG_ODDS, SOFTMAX_SCORE, VOTES
from interp_pipeline.report.probabilities import implied_probabilities
from interp_pipeline.report.wording import (
    article,
    clean,
    count,
    level,
    listed,
    output_phrase,
    percent,
    quoted,
    unit_phrase,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.config import Task
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.report.content import ExplanationReport

__all__ = ["base_sentence", "data_sentence", "purpose_sentence", "subject_sentence"]

_NAMED = 12  # outputs


def purpose_sentence(
    model: str, task: Task, target: str | None, outputs: Sequence[str], positive_class: str | None, unit: str
) -> str:
    """What kind of model this is and what it answers.

    Args:
        model: its kind, as it follows an article: ``random forest``.
        task: what is predicted.
        target: name of the target column; None: not known.
        outputs: class names, or the target.
        positive_class: of a binary classifier.
        unit: of the outputs.
    """
    opening = f"{_capital(article(clean(model)))} that"
    names = listed([quoted(output) for output in outputs], most=_NAMED)
    if task == "regression":
        what = f"a number, {names}" if len(outputs) == 1 else f"{len(outputs)} numbers, {names}"
        return f"{opening} predicts {what}."
    opening = f"{opening} gives" if target is None else f"{opening} predicts {quoted(target)}: it gives"
    if unit in CLASS_SCORES:
        return f"{opening} {_scores(outputs, positive_class, unit, names)}."
    if positive_class is not None:
        others = [quoted(output) for output in outputs if output != positive_class]
        return f"{opening} each row a probability of being {quoted(positive_class)} rather than {listed(others, 'or')}."
    return f"{opening} each row a probability for each of {len(outputs)} classes, {names}."


def _scores(outputs: Sequence[str], positive_class: str | None, unit: str, names: str) -> str:
    """The raw scores of a classifier, and what it makes of them."""
    if unit == VOTES:
        return f"each row one of {len(outputs)} answers, {names}"
    kind = {LOG_ODDS: LOG_ODDS, SOFTMAX_SCORE: f"a {SOFTMAX_SCORE}"}.get(unit, f"a score ({unit})")
    if positive_class is not None and len(outputs) == 1:
        return (
            f"each row {kind} for being {quoted(positive_class)}, and answers {quoted(positive_class)} "
            "where that is above zero"
        )
    return f"each row {kind} for each of {len(outputs)} outputs, {names}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def subject_sentence(content: ExplanationReport) -> str:
    """What the numbers on the page are about, and in which unit."""
    positive, unit = content.shap.positive_class, content.shap.output_unit
    if content.task == "regression":
        return f"All effects are in {unit_phrase(unit)}: +1 means that the prediction is higher by 1."
    about = "the class named" if positive is None else quoted(positive)
    if unit == LOG_ODDS:
        about += ", taken by itself" if positive is None else ""
        return (
            f"All effects are about the log-odds of {about}, on which this kind of model adds up: +1 multiplies "
            "the odds by about 2.7. They are no probabilities; 0 stands for even odds."
        )
    if unit == SOFTMAX_SCORE:
        return (
            "All effects are on softmax scores. Every class has one, the highest is the model's answer, and only "
            "differences between classes have a meaning: one point more than another class multiplies the odds of the "
            "one against the other by about 2.7. They are no probabilities."
        )
    if unit == VOTES:
        return f"All effects are about whether the model answers {about}: 1 where it does, 0 where it does not."
    if unit in CLASS_SCORES:
        return (
            f"All effects are in {unit_phrase(unit)}, the score by which the model decides about {about}: they say "
            "which way and how strongly a row is pushed, and are no probabilities."
        )
    return (
        f"All effects are about the probability of {about}, in percentage points: +5 points takes a probability "
        f"from {percent(0.7, 0)} to {percent(0.75, 0)}."
    )


def base_sentence(shap: Explanation) -> str:
    """From where effects are counted, with the probabilities that belong to scores; empty for other outputs."""
    unit, base = shap.output_unit, shap.base_values[0]
    probabilities = implied_probabilities(base, unit)
    if probabilities is None:
        return ""
    told = [
        f"{output_phrase(shap.output_names[i], unit)} at {level(float(base[i]), unit)}"
        f" (a probability of {percent(float(probabilities[i]))})"
        for i in shap.summary_outputs
    ]
    opening = f"Effects are counted from the average prediction, which puts {listed(told, most=_NAMED)}."
    if len(told) == 1:
        return f"{opening} That probability belongs to the average {unit}; it is not the average probability."
    whose = "All of them belong to the average scores" if unit == SOFTMAX_SCORE else "Each is that of a class by itself"
    return f"{opening} {whose}; they are not the average probabilities."


def data_sentence(content: ExplanationReport) -> str:
    """Which rows it learned from, was tested on and is explained on."""
    features = count(len(content.shap.feature_names), "feature")
    source = clean(content.data_source)
    ending = f"This page explains its {_explained(content)} described by {features}."
    if not source:
        return f"What it learned from is not known here. {ending}"
    if content.n_train is None:
        return f"Data: {source}. {ending}"
    tested = "" if content.n_test is None else f" and was tested on {count(content.n_test, 'other row')}"
    return f"It learned from {count(content.n_train, 'row')} of {source}{tested}. {ending}"


def _explained(content: ExplanationReport) -> str:
    """Which predictions, of which rows; a source may name the rows by their numbers already."""
    ids, source = sorted(content.shap.row_ids), clean(content.rows_source)
    one = len(ids) == 1
    if not source:
        return (
            f"prediction for row {ids[0]}, a test row,"
            if one
            else f"predictions for {count(len(ids), 'test row')}, each"
        )
    numbered = f"row{'' if one else 's'} {', '.join(map(str, ids))} of "
    counted = numbered if one else f"{count(len(ids), 'row')} of "
    rows = source if source.startswith(numbered) else f"{counted}{source}"
    caution = ", which need not be its test rows" if content.data_source else ""
    if one:
        return f"prediction for {rows}{caution.replace('its test rows', 'a test row')},"
    return f"predictions for {rows}{caution}, each"
