"""Which explainers exist, and which of them explain a given model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explainers.inputs import used_features

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explainers.protocol import Explainer

__all__ = ["EXPLAINERS", "LIME", "WITHOUT_BACKGROUND", "Choice", "check_methods", "choose_explainers", "load_explainer"]

EXPLAINERS = {
    "shap_tree": "interp_pipeline.explainers.shap_tree:ShapTree",
    "shap_tree_path_dependent": "interp_pipeline.explainers.shap_tree_path_dependent:ShapTreePathDependent",
    "shap_linear": "interp_pipeline.explainers.shap_linear:ShapLinear",
    "shap_exact": "interp_pipeline.explainers.shap_exact:ShapExact",
    "shap_permutation": "interp_pipeline.explainers.shap_permutation:ShapPermutation",
    "lime": "interp_pipeline.explainers.lime:Lime",
}

LIME = "lime"  # the second opinion beside a SHAP method
WITHOUT_BACKGROUND = frozenset({"shap_tree_path_dependent"})  # their base value is not the mean over the background

_SHAP_BY_PREFERENCE = ("shap_tree", "shap_linear", "shap_exact", "shap_permutation")
_GROUPS = ("auto", "shap")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An explainer that will be used, and why it was chosen."""

    name: str  # in the registry
    why: str  # sentences for the manifest and the report
    n_evaluations: int | None = None  # rows the model will be asked about; None: unknown, or not what it costs
    seconds: float | None = None  # what that is expected to take on this machine
    failed: str = ""  # why it gave no numbers after all; empty: it did


def load_explainer(name: str) -> Explainer:
    """Import and make the explainer of that name; the others are not imported.

    Raises:
        UsageError: there is none.
    """
    if name not in EXPLAINERS:
        raise _unknown(name)
    module, _, attribute = EXPLAINERS[name].partition(":")
    return cast("Explainer", getattr(import_module(module), attribute)())


def check_methods(methods: Sequence[str]) -> None:
    """Refuse methods that do not exist; which of them can explain a model is known once it is loaded.

    Raises:
        UsageError: there is no such method.
    """
    for name in methods:
        if name not in _GROUPS and name not in EXPLAINERS:
            raise _unknown(name)


def _unknown(name: str) -> UsageError:
    return UsageError(f"there is no explainer {name!r}; choose among {', '.join([*_GROUPS, *EXPLAINERS])}")


def choose_explainers(
    model: ExplainableModel, config: ExplainConfig, refusal: Callable[[str], str | None] | None = None
) -> tuple[Choice, ...]:
    """Decide which explainers to run.

    ``auto`` means the best SHAP method and LIME, ``shap`` the best SHAP method. A method that is
    named is used or refused, never replaced by another.

    Args:
        model: the model to explain.
        config: ``methods``, and the limits that decide.
        refusal: says of a name why that method cannot be used here, None if it can; by default what
            the explainer itself says about the model. ``plan_explainers`` adds what it would cost.

    Returns:
        One choice per explainer, in the order asked for, none twice.

    Raises:
        UsageError: a name is unknown, or a named explainer cannot explain this model; the message names one
            that can.
        ModelError: no explainer can.
    """
    refuses = refusal or (lambda name: load_explainer(name).refusal(model, config))
    choices: dict[str, Choice] = {}
    for method in config.methods:
        if method in _GROUPS:
            found = [_best_shap(model, config, refuses)]
            if method == "auto":
                found.append(_named("lime", model, config, refuses))
        else:
            found = [_named(method, model, config, refuses)]
        for choice in found:
            choices.setdefault(choice.name, choice)
    return tuple(choices.values())


def _named(name: str, model: ExplainableModel, config: ExplainConfig, refuses: Callable[[str], str | None]) -> Choice:
    if name not in EXPLAINERS:
        raise _unknown(name)
    reason = refuses(name)
    if reason is not None:
        advice = f"; use {_best_shap(model, config, refuses).name}" if name != "lime" else ""
        msg = f"{name} cannot explain this model: {reason}{advice}"
        raise UsageError(msg)
    if name in config.methods:
        return Choice(name=name, why="Requested explicitly.")
    return Choice(name=name, why="LIME gives a second opinion by an independent method.")


def _best_shap(model: ExplainableModel, config: ExplainConfig, refuses: Callable[[str], str | None]) -> Choice:
    """The first SHAP method, in the order of preference, that is not refused."""
    refusals: list[str] = []
    for name in _SHAP_BY_PREFERENCE:
        reason = refuses(name)
        if reason is None:
            why = " ".join([_reason_for(name, model, config), *refusals])
            return Choice(name=name, why=why)
        refusals.append(f"Not {name}: {reason}.")
    msg = f"no SHAP method can explain this model. {' '.join(refusals)}"
    raise ModelError(msg)


def _reason_for(name: str, model: ExplainableModel, config: ExplainConfig) -> str:
    n_used = len(used_features(model))
    accuracy = f"{config.sampling_rounds} rounds of random orders are sampled"
    if config.max_error is not None:
        accuracy = (
            f"random orders are sampled until their mean standard error is {config.max_error:g} of the mean |value|"
        )
    reasons = {
        "shap_tree": "The model is a tree or a forest, whose SHAP values can be read from the trees exactly.",
        "shap_linear": "The model is linear, and its SHAP values can be read from the coefficients exactly.",
        "shap_exact": f"The model uses {n_used} features, few enough to try every combination of them exactly.",
        "shap_permutation": (
            f"The model uses {n_used} features, too many combinations to try them all: {accuracy}, "
            "and every value carries its standard error."
        ),
    }
    return reasons[name]
