"""Which explainers exist, and which of them explain a given model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explainers.inputs import used_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.protocol import ExplainableModel, Explainer

__all__ = ["EXPLAINERS", "Choice", "check_methods", "choose_explainers", "load_explainer"]

EXPLAINERS = {
    "shap_tree": "interp_pipeline.explainers.shap_tree:ShapTree",
    "shap_exact": "interp_pipeline.explainers.shap_exact:ShapExact",
    "shap_permutation": "interp_pipeline.explainers.shap_permutation:ShapPermutation",
    "lime": "interp_pipeline.explainers.lime:Lime",
}

_SHAP_BY_PREFERENCE = ("shap_tree", "shap_exact", "shap_permutation")
_GROUPS = ("auto", "shap")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An explainer that will be used, and why it was chosen."""

    name: str  # in the registry
    why: str  # a sentence for the manifest and the report


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


def choose_explainers(model: ExplainableModel, config: ExplainConfig) -> tuple[Choice, ...]:
    """Decide which explainers to run.

    ``auto`` means the best SHAP method and LIME, ``shap`` the best SHAP method. A method that is
    named is used or refused, never replaced by another.

    Args:
        model: the model to explain.
        config: ``methods``, and the limits that decide.

    Returns:
        One choice per explainer, in the order asked for, none twice.

    Raises:
        UsageError: a name is unknown.
        ModelError: a named explainer cannot explain this model; the message names one that can.
    """
    choices: dict[str, Choice] = {}
    for method in config.methods:
        if method in _GROUPS:
            found = [_best_shap(model, config)]
            if method == "auto":
                found.append(_named("lime", model, config, "LIME gives a second opinion by an independent method."))
        else:
            found = [_named(method, model, config, "It was asked for by name.")]
        for choice in found:
            choices.setdefault(choice.name, choice)
    return tuple(choices.values())


def _named(name: str, model: ExplainableModel, config: ExplainConfig, why: str) -> Choice:
    reason = load_explainer(name).refusal(model, config)
    if reason is not None:
        advice = f"; use {_best_shap(model, config).name}" if name != "lime" else ""
        msg = f"{name} cannot explain this model: {reason}{advice}"
        raise ModelError(msg)
    return Choice(name=name, why=why)


def _best_shap(model: ExplainableModel, config: ExplainConfig) -> Choice:
    """The first of tree, exact and permutation SHAP that does not refuse."""
    refusals: list[str] = []
    for name in _SHAP_BY_PREFERENCE:
        reason = load_explainer(name).refusal(model, config)
        if reason is None:
            why = " ".join([_reason_for(name, model, config), *refusals])
            return Choice(name=name, why=why)
        refusals.append(f"Not {name}: {reason}.")
    msg = f"no SHAP method can explain this model. {' '.join(refusals)}"
    raise ModelError(msg)


def _reason_for(name: str, model: ExplainableModel, config: ExplainConfig) -> str:
    n_used = len(used_features(model))
    reasons = {
        "shap_tree": "The model is a tree or a forest, whose SHAP values can be read from the trees exactly.",
        "shap_exact": f"The model uses {n_used} features, few enough to try every combination of them exactly.",
        "shap_permutation": (
            f"The model uses {n_used} features, too many to try every combination: "
            f"{config.sampling_rounds} rounds of random orders are sampled and every value carries its standard error."
        ),
    }
    return reasons[name]
