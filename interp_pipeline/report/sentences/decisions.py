"""One prediction in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.explanation import CLASS_SCORES, SOFTMAX_SCORE
from interp_pipeline.report.wording import (
    PROBABILITY,
    count,
    effect,
    level,
    listed,
    name,
    output_phrase,
    percent,
    quoted,
)

if TYPE_CHECKING:
    from interp_pipeline.report.decisions import Decision

__all__ = ["lime_sentence", "opening_sentence", "pushes_sentence", "rest_sentence", "start_sentence"]


def opening_sentence(decision: Decision) -> str:
    """What the model says about the row, and what was true where that is known."""
    said = level(decision.prediction, decision.unit)
    if decision.unit == PROBABILITY or decision.unit in CLASS_SCORES:
        text = f"The model puts {output_phrase(decision.output, decision.unit)} at {said}{_meaning(decision)}"
        text += f"; its answer is {quoted(decision.answer)}" if decision.answer is not None else ""
    else:
        text = f"The model predicts {name(decision.output)} to be {said}"
    if decision.actual is None:
        return f"{text}."
    return f"{text}. The true outcome was {_actual(decision.actual, decision.unit)}."


def _meaning(decision: Decision) -> str:
    """The probability that belongs to a score, where there is one."""
    if decision.probabilities is None:
        return ""
    share = percent(decision.probabilities[1])
    if decision.unit == SOFTMAX_SCORE:
        return f", which beside the scores of the other classes is a probability of {share}"
    return f", which is a probability of {share}{' for this class by itself' if decision.n_outputs > 1 else ''}"


def _actual(outcome: str, unit: str) -> str:
    """A true outcome: a class in quotes, a number like the prediction beside it."""
    if unit == PROBABILITY or unit in CLASS_SCORES:
        return quoted(outcome)
    try:
        return level(float(outcome), unit)
    except ValueError:
        return name(outcome)


def start_sentence(decision: Decision) -> str:
    """From where to where the features move the prediction."""
    start, end = level(decision.base, decision.unit), level(decision.prediction, decision.unit)
    cancel = start == end
    if decision.probabilities is not None:
        start += f" (a probability of {percent(decision.probabilities[0])})"
        end += f" ({percent(decision.probabilities[1])})"
    if cancel:
        return f"It starts from the model's average prediction, {start}, and pushes up and down cancel out."
    way = "up" if decision.prediction > decision.base else "down"
    return f"It starts from the model's average prediction, {start}, and the row's values take it {way} to {end}."


def pushes_sentence(decision: Decision) -> str:
    """The strongest pushes both ways, for those who read no further."""
    up, down = (
        listed([f"{name(push.feature)} = {push.value} ({effect(push.effect, decision.unit)})" for push in side])
        for side in (decision.up, decision.down)
    )
    if up and down:
        return f"It is pushed up most by {up}, and down most by {down}."
    if up or down:
        way, other = ("up", "down") if up else ("down", "up")
        return f"It is pushed {way} most by {up or down}; nothing worth naming pushes it {other}."
    return "No feature pushes it up or down."


def rest_sentence(decision: Decision) -> str:
    """What all features that are not named do together."""
    if decision.n_rest == 0:
        return "No other feature is involved."
    one = decision.n_rest == 1
    others = "The other feature" if one else f"The other {decision.n_rest} features together"
    if decision.rest == 0:
        return f"{others} {'does' if one else 'do'} not move it."
    return f"{others} {'moves' if one else 'move'} it by {effect(decision.rest, decision.unit)}."


def lime_sentence(decision: Decision) -> str:
    """Whether LIME sees the named pushes the same way; empty where LIME gives none of them a weight."""
    judged = [push for push in (*decision.up, *decision.down) if push.lime]
    against = [push for push in judged if push.lime is not None and (push.lime > 0) != (push.effect > 0)]
    if not judged:
        return ""
    named = count(len(judged), "feature")
    everything = {1: "it", 2: "both features named here"}.get(len(judged), f"all {named} named here")
    if not against:
        return f"LIME, a second method, sees {everything} the same way."
    if len(against) == len(judged):
        return f"LIME, a second method, sees {everything} the other way round: read this row with care."
    differs = listed([name(push.feature) for push in against])
    agree = len(judged) - len(against)
    return f"LIME, a second method, agrees on {agree} of the {named} named here; it sees {differs} the other way round."
