"""What the parent finds out about an answer by itself: is it what was asked for, and does it add up?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.checks import output_range, require_additivity, run_checks
from interp_pipeline.explainers.registry import PREFERRED, SECOND_OPINION, find_method
from interp_pipeline.explainers.shap_interactions import DIVIDED
from interp_pipeline.handover.untrusted_json import BadAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.data.schema import Schema
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.handover.parsed_answer import ParsedAnswer
    from interp_pipeline.interactions import Interactions

__all__ = ["checks_of", "other_features", "require_asked_for", "require_divided", "require_sound", "require_trained"]

_ROUNDING = 1e-9  # by which a share of explained variance may exceed 1


def require_asked_for(parsed: ParsedAnswer, config: ExplainConfig) -> None:
    """Refuse methods that were not asked for, and the lack of one that was.

    Raises:
        BadAnswerError: there are some, or one is lacking.
    """
    chosen = {choice.name for choice in parsed.choices}
    asked = set(config.methods)
    any_shap = bool({"auto", "shap"} & asked)
    named = asked - {"auto", "shap"} | ({SECOND_OPINION} if "auto" in asked else set())
    others = chosen - named
    wrong = not named <= chosen or len(others) > any_shap or not others <= set(PREFERRED)
    if wrong or (any_shap and parsed.shap_method is None):
        msg = f"it is by other methods than {', '.join(config.methods)}"
        raise BadAnswerError(msg)
    divided = parsed.shap_method is not None and parsed.shap_method.name == DIVIDED
    if parsed.interactions is not None and not (config.interactions and divided):
        msg = "it has interactions, for which there is no reason"
        raise BadAnswerError(msg)


def require_trained(parsed: ParsedAnswer, schema: Schema) -> None:
    """Refuse features or outputs that a model we trained does not have.

    Raises:
        BadAnswerError: there are some.
    """
    if parsed.columns != schema.feature_names:
        raise other_features()
    expected = (schema.output_names, schema.output_unit, schema.positive_class)
    if (parsed.output_names, parsed.output_unit, parsed.positive_class) != expected:
        msg = "its outputs are not those the model was trained with"
        raise BadAnswerError(msg)


def other_features() -> BadAnswerError:
    """What is said of an answer about features that the model does not have."""
    return BadAnswerError("its features are not those of the model")


def require_sound(shap: Explanation | None, lime: Explanation | None, config: ExplainConfig) -> None:
    """Refuse numbers that cannot be what they are said to be.

    Raises:
        CheckError: base values and attributions do not add up to the predictions.
        BadAnswerError: a standard error is negative, or a surrogate explains more than there is.
    """
    if shap is not None:
        require_additivity(shap, config.additivity_tolerance)
        if shap.std_errors is not None and shap.std_errors.min(initial=0.0) < 0:
            msg = "it has standard errors below 0"
            raise BadAnswerError(msg)
    if lime is not None and lime.local_r2 is not None and lime.local_r2.max(initial=0.0) > 1 + _ROUNDING:
        msg = "it has surrogates that explain more than all of a prediction"
        raise BadAnswerError(msg)


def require_divided(interactions: Interactions, tolerance: float) -> None:
    """Refuse interactions that do not divide the SHAP values of their rows, or not say of pairs what they say of all.

    Args:
        interactions: with their pairs.
        tolerance: largest error allowed, as a share of the range of the output.

    Raises:
        BadAnswerError: they do not.
    """
    mean, size, shap = interactions.mean, interactions.mean_abs, interactions.explanation
    diagonal = np.arange(len(mean))
    halves = (mean.sum(axis=1) + mean[diagonal, diagonal]) / 2  # main effect, and half of every joint one
    first, second = (np.array([pair[side] for pair in interactions.pairs], dtype=np.intp) for side in (0, 1))
    gaps = (
        halves - shap.values[list(interactions.rows)].mean(axis=0),
        mean - mean.transpose(1, 0, 2),
        size - size.transpose(1, 0, 2),
        np.maximum(np.abs(mean) - size, 0.0),
        interactions.values.mean(axis=0) - mean[first, second],
        np.abs(interactions.values).mean(axis=0) - size[first, second],
    )
    error = max(float(np.abs(gap).max(initial=0.0)) for gap in gaps)
    if not error <= tolerance * output_range(shap):
        msg = f"its interactions miss the SHAP values they divide by {error:.3g}"
        raise BadAnswerError(msg)


def checks_of(
    shap: Explanation | None, lime: Explanation | None, told: Mapping[str, float], *, trained_here: bool
) -> dict[str, float]:
    """All checks: those that need nothing but the numbers made again, the others as they were told.

    Args:
        shap: SHAP values, if there are some.
        lime: LIME weights, if there are some.
        told: checks that need the model.
        trained_here: whether the model is one of ours, which is served by what is explained.

    Raises:
        BadAnswerError: a check is missing, is not one that is made, or gave what it cannot give.
    """
    needed = {"prediction_mismatch"}
    if shap is not None and find_method(shap.method).against_background:
        needed.add("base_value_error")
    possible = needed if trained_here else needed | {"served_disagreement"}
    if not needed <= set(told) <= possible or told.get("served_disagreement", 0.0) > 1:
        msg = "its checks are not those that a computation makes"
        raise BadAnswerError(msg)
    return {**run_checks(shap=shap, lime=lime), **told}
