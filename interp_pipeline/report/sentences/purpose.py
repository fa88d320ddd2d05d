"""What the model predicts, and from what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.report.wording import article, clean, count, listed, percent, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.config import Task
    from interp_pipeline.report.content import ExplanationReport

__all__ = ["data_sentence", "purpose_sentence", "subject_sentence"]

_CLASSES_NAMED = 12


def purpose_sentence(model: str, task: Task, target: str, outputs: Sequence[str], positive_class: str | None) -> str:
    """What kind of model this is and what it answers.

    Args:
        model: its kind, as it follows an article: ``random forest``.
        task: what is predicted.
        target: name of the target column.
        outputs: class names, or the target.
        positive_class: of a binary classifier.
    """
    opening = f"{_capital(article(clean(model)))} that predicts"
    if task == "regression":
        return f"{opening} a number, {quoted(target)}."
    if positive_class is not None:
        others = [quoted(output) for output in outputs if output != positive_class]
        return (
            f"{opening} {quoted(target)}: it gives each row a probability of being "
            f"{quoted(positive_class)} rather than {listed(others, 'or')}."
        )
    classes = listed([quoted(output) for output in outputs], most=_CLASSES_NAMED)
    return f"{opening} {quoted(target)}: it gives each row a probability for each of {len(outputs)} classes, {classes}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def subject_sentence(content: ExplanationReport) -> str:
    """What the numbers on the page are about, and in which unit."""
    positive = content.shap.positive_class
    if content.task == "regression":
        return f"All effects are in units of {quoted(content.target)}: +1 means that the prediction is higher by 1."
    about = "the class named" if positive is None else quoted(positive)
    return (
        f"All effects are about the probability of {about}, in percentage points: +5 points takes a probability "
        f"from {percent(0.7, 0)} to {percent(0.75, 0)}. The pictures show the same as fractions: 5 points are 0.05."
    )


def data_sentence(content: ExplanationReport) -> str:
    """Which rows it learned from, was tested on and is explained on."""
    features = count(len(content.shap.feature_names), "feature")
    source = clean(content.data_source)
    explained = count(len(content.shap.data), "row" if content.rows_source else "test row")
    if content.rows_source:
        explained += f" of {clean(content.rows_source)}, which are not its test rows"
    ending = f"This page explains its predictions for {explained}, each described by {features}."
    if content.n_train is None:
        return f"Data: {source}. {ending}"
    tested = "" if content.n_test is None else f" and was tested on {count(content.n_test, 'other row')}"
    return f"It learned from {count(content.n_train, 'row')} of {source}{tested}. {ending}"
