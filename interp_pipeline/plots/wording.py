"""What a plot says about its explanation in words: the output, the effect, the method."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from interp_pipeline import readable
from interp_pipeline.explanation import CLASS_SCORES, PROBABILITY
from interp_pipeline.plots.text import clean, middle_ellipsis, number

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation

__all__ = [
    "any_output_phrase",
    "count_phrase",
    "effect_label",
    "effect_text",
    "explained_output",
    "in_percent",
    "is_lime",
    "is_probability",
    "level_label",
    "level_text",
    "method_line",
    "output_phrase",
    "short",
    "summary_phrase",
]

_NAME_IN_SENTENCE = 48  # characters; longer names lose their middle


def short(name: str, characters: int = _NAME_IN_SENTENCE) -> str:
    """A name for use within a sentence."""
    return middle_ellipsis(clean(name), characters)


def is_probability(explanation: Explanation) -> bool:
    """Whether the outputs are class probabilities."""
    return explanation.output_unit == PROBABILITY


def in_percent(explanation: Explanation) -> Explanation:
    """Class probabilities in percent, and effects on them in percentage points, as reports tell them.

    Every plot of an explanation begins with it. Other outputs are returned as they are.
    """
    if not is_probability(explanation):
        return explanation
    errors = explanation.std_errors
    return dataclasses.replace(
        explanation,
        values=100.0 * explanation.values,
        base_values=100.0 * explanation.base_values,
        predictions=100.0 * explanation.predictions,
        std_errors=None if errors is None else 100.0 * errors,
    )


def level_text(explanation: Explanation, amount: float) -> str:
    """A base value or prediction of ``in_percent``: ``76.5 %``, or a number in the unit of the output."""
    if is_probability(explanation):
        return f"{number(amount)} %"
    return readable.level_number(amount, explanation.output_unit).replace("-", "\N{MINUS SIGN}")


def effect_text(explanation: Explanation, amount: float) -> str:
    """The size of an effect of ``in_percent``: ``5.1 points``, or a number in the unit of the output."""
    return f"{number(amount)} points" if is_probability(explanation) else number(amount)


def level_label(explanation: Explanation, phrase: str) -> str:
    """What an axis of outputs is called: ``probability of good (%)``."""
    return f"{phrase} (%)" if is_probability(explanation) else phrase


def effect_label(explanation: Explanation, phrase: str) -> str:
    """What an axis of effects is called: ``effect on the probability of good (points)``."""
    effect = "LIME weight" if is_lime(explanation) else "effect"
    return f"{effect} on the {phrase}{' (points)' if is_probability(explanation) else ''}"


def output_phrase(explanation: Explanation, output: int) -> str:
    """One output in words: ``probability of good``, ``log-odds of good``, or the target's name."""
    name = short(explanation.output_names[output])
    return f"{_kind(explanation)} of {name}" if _is_of_class(explanation) else name


def any_output_phrase(explanation: Explanation) -> str:
    """What each of several outputs is, in words: ``probability of the class``."""
    return f"{_kind(explanation)} of the class" if _is_of_class(explanation) else "output"


def _is_of_class(explanation: Explanation) -> bool:
    return is_probability(explanation) or explanation.output_unit in CLASS_SCORES


def _kind(explanation: Explanation) -> str:
    return short(explanation.output_unit)


def summary_phrase(explanation: Explanation) -> str:
    """What a summary speaks about, in words."""
    outputs = explanation.summary_outputs
    if len(outputs) == 1:
        return output_phrase(explanation, outputs[0])
    if is_probability(explanation):
        return "class probabilities"
    return f"{_kind(explanation)} of the classes" if _is_of_class(explanation) else "outputs"


def is_lime(explanation: Explanation) -> bool:
    """Whether the attributions are weights of a local surrogate."""
    return explanation.local_r2 is not None


def count_phrase(count: int, thing: str) -> str:
    """``1 row``, ``12,000 rows``."""
    return readable.count(count, thing)


def method_line(explanation: Explanation, *details: str) -> str:
    """The subtitle: method, number of rows and features, and what else a reader must know."""
    kind = "LIME weights" if is_lime(explanation) else "SHAP values"
    facts = [
        f"{kind} ({short(explanation.method, 40)})",
        count_phrase(len(explanation.data), "row"),
        count_phrase(len(explanation.feature_names), "feature"),
        *details,
    ]
    return " · ".join(facts)


def explained_output(explanation: Explanation, row: int) -> int:
    """The output one row is explained for.

    The positive class of a binary classifier, the predicted class of a multi-class one, the
    single output of a regression.
    """
    outputs = explanation.summary_outputs
    return outputs[0] if len(outputs) == 1 else int(explanation.predictions[row].argmax())
