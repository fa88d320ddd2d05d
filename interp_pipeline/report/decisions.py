"""One prediction taken apart: where it starts, what pushes it up and down, what LIME says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.explanation import CLASS_SCORES, LOG_ODDS, PROBABILITY, SOFTMAX_SCORE, VOTES
from interp_pipeline.readable import years_in
from interp_pipeline.report.probabilities import implied_probabilities
from interp_pipeline.report.wording import value
from interp_pipeline.rounding import without_noise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["Decision", "Push", "all_pushes", "compute_decision"]

_STRONGEST = 3  # pushes named in each direction
_NEGLIGIBLE = 0.01  # of the sum of all pushes; smaller ones are left to "all other features"


@dataclass(frozen=True, kw_only=True)
class Push:
    """What one feature of one row does to the prediction."""

    feature: str
    value: str  # as text
    effect: float  # in units of the model output
    lime: float | None  # LIME's weight; None where LIME did not explain the row


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One row: starting point, pushes, prediction."""

    row_id: int  # number in the data set it came from
    output: str  # the output that is told: see compute_decision
    unit: str
    base: float
    prediction: float
    # What belongs to ``base`` and to ``prediction``, of log-odds and softmax scores; None for other units.
    probabilities: tuple[float, float] | None
    n_outputs: int  # that the model has
    answer: str | None  # of a classifier, the class it decides for, where the outputs tell
    actual: str | None  # the true outcome, where known
    up: tuple[Push, ...]  # strongest first
    down: tuple[Push, ...]  # strongest first
    n_rest: int  # features not named
    rest: float  # their pushes together


def compute_decision(shap: Explanation, lime: Explanation | None, row: int, actual: str | None = None) -> Decision:
    """Take one explained row apart.

    Args:
        shap: SHAP values.
        lime: LIME weights of the same model; a row it does not hold has no weights.
        row: its number in the data set it came from, one of ``shap.row_ids``.
        actual: the row's true outcome, where known.

    Returns:
        The decision about the positive class of a binary classifier, the predicted class of a
        multi-class one, the single output of a regression. At most three pushes each way, none
        below 1 % of all pushes together.
    """
    position = shap.position(row)
    output = _told_output(shap, position)
    base, prediction = float(shap.base_values[position, output]), float(shap.predictions[position, output])
    effects = without_noise(shap.values[position, :, output], base, prediction)
    weights = _lime_weights(shap, lime, position, output)
    named = _named(effects)
    pushes = _pushes(shap, position, effects, weights, named)
    return Decision(
        row_id=row,
        output=shap.output_names[output],
        unit=shap.output_unit,
        base=base,
        prediction=prediction,
        probabilities=_probabilities(shap, position, output),
        n_outputs=len(shap.output_names),
        answer=_answer(shap, position),
        actual=actual,
        up=tuple(push for push in pushes if push.effect > 0),
        down=tuple(push for push in pushes if push.effect < 0),
        n_rest=len(effects) - len(named),
        rest=float(without_noise(np.append(effects[named], np.delete(effects, named).sum()), base, prediction)[-1]),
    )


def all_pushes(shap: Explanation, lime: Explanation | None, row: int) -> tuple[Push, ...]:
    """What every feature of a row does to the output that ``compute_decision`` takes apart, the strongest first."""
    position = shap.position(row)
    output = _told_output(shap, position)
    base, prediction = float(shap.base_values[position, output]), float(shap.predictions[position, output])
    effects = without_noise(shap.values[position, :, output], base, prediction)
    order = [int(i) for i in np.argsort(-np.abs(effects), kind="stable")]
    return tuple(_pushes(shap, position, effects, _lime_weights(shap, lime, position, output), order))


def _told_output(shap: Explanation, position: int) -> int:
    summary = shap.summary_outputs
    return summary[0] if len(summary) == 1 else int(shap.predictions[position].argmax())


def _pushes(
    shap: Explanation, position: int, effects: FloatArray, weights: Mapping[str, float], features: Sequence[int]
) -> list[Push]:
    cells = shap.shown_data.iloc[position]
    return [
        Push(
            feature=shap.feature_names[i],
            value=value(cells.iloc[i], year=years_in(shap.data.iloc[:, i])),
            effect=float(effects[i]),
            lime=weights.get(shap.feature_names[i]),
        )
        for i in features
    ]


def _probabilities(shap: Explanation, position: int, output: int) -> tuple[float, float] | None:
    """Those that belong to base value and prediction, where their unit tells."""
    scores = np.stack([shap.base_values[position], shap.predictions[position]])
    found = implied_probabilities(scores, shap.output_unit)
    return None if found is None else (float(found[0, output]), float(found[1, output]))


def _answer(shap: Explanation, position: int) -> str | None:
    """The likeliest class; of a single score above zero the class it speaks for, below zero none that has a name."""
    outputs = shap.predictions[position]
    if shap.output_unit in CLASS_SCORES and len(outputs) == 1:
        return shap.output_names[0] if outputs[0] > 0 else None
    # By a decision function the class that leads is not always the answer.
    ordered = {PROBABILITY, LOG_ODDS, SOFTMAX_SCORE, VOTES}
    return shap.output_names[int(outputs.argmax())] if shap.output_unit in ordered else None


def _named(effects: FloatArray) -> list[int]:
    """Features worth naming, the strongest push first."""
    floor = _NEGLIGIBLE * float(np.abs(effects).sum())
    order = [int(i) for i in np.argsort(-np.abs(effects), kind="stable") if abs(effects[i]) > floor]
    up = [i for i in order if effects[i] > 0][:_STRONGEST]
    down = [i for i in order if effects[i] < 0][:_STRONGEST]
    return up + down


def _lime_weights(shap: Explanation, lime: Explanation | None, position: int, output: int) -> dict[str, float]:
    name, row_id = shap.output_names[output], shap.row_ids[position]
    if lime is None or name not in lime.output_names or row_id not in lime.row_ids:
        return {}
    row, column = lime.row_ids.index(row_id), lime.output_names.index(name)
    weights = lime.values[row, :, column]
    return {feature: float(weight) for feature, weight in zip(lime.feature_names, weights, strict=True)}
