"""One prediction in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.report.wording import PROBABILITY, count, effect, level, listed, name, quoted

if TYPE_CHECKING:
    from interp_pipeline.report.decisions import Decision, Push

__all__ = ["lime_sentence", "opening_sentence", "push_text", "rest_sentence", "start_sentence", "summary_sentence"]


def opening_sentence(decision: Decision) -> str:
    """What the model says about the row, and what was true where that is known."""
    said = level(decision.prediction, decision.unit)
    if decision.unit == PROBABILITY:
        text = f"The model puts the probability of {quoted(decision.output)} at {said}"
        if decision.answer is not None:
            text += f"; its answer is {quoted(decision.answer)}"
    else:
        text = f"The model predicts {name(decision.output)} to be {said}"
    if decision.actual is None:
        return f"{text}."
    actual = quoted(decision.actual) if decision.unit == PROBABILITY else decision.actual
    return f"{text}. The true outcome was {actual}."


def start_sentence(decision: Decision) -> str:
    """From where to where the features move the prediction."""
    start, end = level(decision.base, decision.unit), level(decision.prediction, decision.unit)
    if start == end:
        return f"It starts from the model's average prediction, {start}, and pushes up and down cancel out."
    way = "up" if decision.prediction > decision.base else "down"
    return f"It starts from the model's average prediction, {start}, and the row's values take it {way} to {end}."


def push_text(push: Push, unit: str) -> str:
    """One push: ``duration_months = 6 (+4.1 points)``."""
    return f"{name(push.feature)} = {push.value} ({effect(push.effect, unit)})"


def summary_sentence(decision: Decision) -> str:
    """The strongest push each way in one sentence."""
    up = f"Most in favour: {push_text(decision.up[0], decision.unit)}" if decision.up else "Nothing pushes it up"
    down = f"most against: {push_text(decision.down[0], decision.unit)}" if decision.down else "nothing pushes it down"
    return f"{up}; {down}."


def rest_sentence(decision: Decision) -> str:
    """What all features that are not named do together."""
    if decision.n_rest == 0:
        return "No other feature is involved."
    others = "The other feature adds" if decision.n_rest == 1 else f"The other {decision.n_rest} features together add"
    return f"{others} {effect(decision.rest, decision.unit)}."


def lime_sentence(decision: Decision) -> str:
    """Whether LIME sees the named pushes the same way; empty where LIME gives none of them a weight."""
    judged = [push for push in (*decision.up, *decision.down) if push.lime]
    against = [push for push in judged if push.lime is not None and (push.lime > 0) != (push.effect > 0)]
    if not judged:
        return ""
    named = count(len(judged), "feature")
    if not against:
        return f"LIME, a second method, sees {'it' if len(judged) == 1 else f'all {named} named here'} the same way."
    if len(against) == len(judged):
        opposite = "it" if len(judged) == 1 else f"all {named} named here"
        return f"LIME, a second method, sees {opposite} the other way round: read this row with care."
    differs = listed([name(push.feature) for push in against])
    agree = len(judged) - len(against)
    return f"LIME, a second method, agrees on {agree} of the {named} named here; it sees {differs} the other way round."
