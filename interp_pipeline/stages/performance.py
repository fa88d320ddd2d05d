"""How well a model of others does on the explained rows, where their true outcomes are known."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.data.typed_rows import is_missing, name_of
from interp_pipeline.explanation import LOG_ODDS, PROBABILITY, SOFTMAX_SCORE
from interp_pipeline.training.metrics import compute_metrics

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.config import Task
    from interp_pipeline.explanation import Explanation, FloatArray
    from interp_pipeline.stages.facts import Facts

__all__ = ["with_performance"]

_FEWEST = 2  # rows with known outcomes
_OF_PROBABILITIES = {"log_loss"}
_OF_SCORES = {"roc_auc"}
_SUM_TOLERANCE = 1e-3  # how far probabilities of one row may be from summing to 1


@dataclass(frozen=True, kw_only=True)
class _Predicted:
    task: Task
    classes: tuple[str, ...]


def with_performance(facts: Facts, outcomes: pd.Series[Any] | None, explained: Explanation | None) -> Facts:
    """Add metrics of the explained rows to what is known of a model of others.

    The metrics are those of our own training. Nothing says whether the model learned from these rows, which is told
    with them. Classes are told apart by their names, or as class 0, 1, ... where the model only numbers them. The
    baseline is the best constant answer for the same rows.

    Args:
        facts: what is known; metrics of training stay what they are.
        outcomes: true outcomes by row id; None: not known.
        explained: any explanation, for the model's outputs.

    Returns:
        Facts with metrics; with a note instead where outcomes and outputs do not fit; unchanged where there are
        fewer than two outcomes, or outputs of which one column of outcomes is not the truth.
    """
    if facts.metrics or outcomes is None or explained is None:
        return facts
    known = outcomes.reindex(explained.row_ids)
    there = ~is_missing(known)
    if there.sum() < _FEWEST:
        return facts
    truth, predictions = known[there], explained.predictions[there]
    if facts.task == "regression":
        found = _of_numbers(truth, predictions)
    else:
        found = _of_classes(facts.task, truth, predictions, explained)
    if isinstance(found, str):
        return dataclasses.replace(facts, notes=(*facts.notes, found) if found else facts.notes)
    return dataclasses.replace(facts, metrics=found, n_test=len(truth), measured_on_explained=True)


def _of_numbers(truth: pd.Series[Any], predictions: FloatArray) -> dict[str, float] | str:
    """Metrics of a regression; why there are none; empty for several outputs."""
    if predictions.shape[1] != 1:
        return ""
    try:
        numbers = truth.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        return "The true outcomes are not all numbers, as the predictions are, so how well it does was not measured."
    return compute_metrics(numbers, predictions, _Predicted(task="regression", classes=()), numbers)


def _of_classes(
    task: Task, truth: pd.Series[Any], predictions: FloatArray, explained: Explanation
) -> dict[str, float] | str:
    """Metrics of a classifier; why there are none; empty for outputs that are not those of one target."""
    probabilities = _probabilities(predictions, explained)
    if probabilities is None:
        return ""
    names = [name_of(value) for value in truth]
    classes = _classes(explained, set(names))
    if classes is None:
        some = ", ".join(sorted(set(names))[:5])
        return (
            f"The true outcomes ({some}) are called otherwise than the model's outputs "
            f"({', '.join(explained.output_names[:5])}), so how well it does was not measured; "
            "name the classes with --class-names."
        )
    codes = np.array([classes.index(name) for name in names], dtype=np.int64)
    found = compute_metrics(codes, probabilities, _Predicted(task=task, classes=classes), codes)
    unit = explained.output_unit
    left_out = set() if unit in {PROBABILITY, LOG_ODDS, SOFTMAX_SCORE} else _OF_PROBABILITIES | _OF_SCORES
    return {name: value for name, value in found.items() if name not in left_out}


def _probabilities(predictions: FloatArray, explained: Explanation) -> FloatArray | None:
    """A column per class that grows with its probability and, where the unit tells it, is the probability."""
    from scipy.special import expit, softmax

    unit = explained.output_unit
    if predictions.shape[1] == 1:
        second = expit(predictions[:, 0])  # above one half exactly where the score speaks for its class
        return np.column_stack([1.0 - second, second])
    if unit == SOFTMAX_SCORE:
        return np.asarray(softmax(predictions, axis=1), dtype=np.float64)
    shares = np.asarray(expit(predictions), dtype=np.float64) if unit == LOG_ODDS else predictions
    sums = shares.sum(axis=1, keepdims=True)
    if unit == PROBABILITY and np.abs(sums - 1.0).max() > _SUM_TOLERANCE:
        return None  # labels that do not exclude each other
    return np.asarray(shares / sums, dtype=np.float64) if unit == LOG_ODDS else shares


def _classes(explained: Explanation, outcomes: set[str]) -> tuple[str, ...] | None:
    """The outcomes' names in the order of the outputs; None where they are others than the model's."""
    names = explained.output_names
    if len(names) == 1:
        others = outcomes - {names[0]}
        return (*(others or {""}), names[0]) if names[0] in outcomes and len(others) <= 1 else None
    if outcomes <= set(names):
        return names
    numbered = tuple(str(i) for i in range(len(names)))
    return numbered if names == tuple(f"class {i}" for i in numbered) and outcomes <= set(numbered) else None
