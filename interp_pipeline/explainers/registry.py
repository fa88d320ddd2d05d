"""Which explainers exist, and which of them explain a given model."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explainers.lime import Lime
from interp_pipeline.explainers.plugins import load_offered, offered_names, package_of
from interp_pipeline.explainers.shap_exact import ShapExact
from interp_pipeline.explainers.shap_linear import ShapLinear
from interp_pipeline.explainers.shap_permutation import ShapPermutation
from interp_pipeline.explainers.shap_tree import ShapTree
from interp_pipeline.explainers.shap_tree_path_dependent import ShapTreePathDependent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explainers.method import Method
    from interp_pipeline.explainers.protocol import Explainer

__all__ = [
    "OURS",
    "PREFERRED",
    "SECOND_OPINION",
    "Choice",
    "ListedMethod",
    "allowed_methods",
    "check_methods",
    "choose_explainers",
    "find_method",
    "known_against_background",
    "list_methods",
    "load_explainer",
    "needs_background",
    "only_second_opinions",
    "packages_of",
]

# In the order in which "auto" tries them: what is read from the model, what is enumerated, what is sampled.
_EXPLAINERS: tuple[type[Explainer], ...] = (
    ShapTree,
    ShapTreePathDependent,
    ShapLinear,
    ShapExact,
    ShapPermutation,
    Lime,
)
_BY_NAME = {explainer.method.name: explainer for explainer in _EXPLAINERS}
OURS: Mapping[str, Method] = {name: explainer.method for name, explainer in _BY_NAME.items()}
# What "auto" and "shap" choose among, the best first; and what "auto" adds to it.
PREFERRED = tuple(name for name, method in OURS.items() if method.kind == "shap" and method.why is not None)
SECOND_OPINION = Lime.method.name

_GROUPS = ("auto", "shap")
_TIMED = ("load", "interactions", "check", "draw")  # beside methods, in the manifest
_TAKEN = frozenset({*OURS, *_GROUPS, *_TIMED})
_LOG = logging.getLogger("interp")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An explainer that will be used, and why it was chosen."""

    name: str  # in the registry
    why: str  # sentences for the manifest and the report
    n_evaluations: int | None = None  # rows the model will be asked about; None: unknown, or not what it costs
    seconds: float | None = None  # what that is expected to take on this machine
    failed: str = ""  # why it gave no numbers after all; empty: it did


@dataclass(frozen=True, kw_only=True)
class ListedMethod:
    """A method as a list shows it."""

    name: str
    package: str  # that offers it, with its version; empty: this one
    method: Method | None  # None: it cannot be used
    fault: str = ""  # why not


def list_methods() -> tuple[ListedMethod, ...]:
    """All methods, ours first. Imports every package that offers some; one that is broken is listed with its fault."""
    return (*(ListedMethod(name=name, package="", method=method) for name, method in OURS.items()), *_list_offered())


def _list_offered() -> Iterable[ListedMethod]:
    for name in offered_names():
        package = ""
        try:
            package = package_of(name)
            explainer = load_offered(name, _TAKEN)
        except UsageError as error:
            yield ListedMethod(name=name, package=package, method=None, fault=str(error))
        else:
            yield ListedMethod(name=name, package=package, method=None if explainer is None else explainer.method)


def load_explainer(name: str) -> Explainer:
    """Make the explainer of that name; one of another package is imported for it.

    Raises:
        UsageError: there is none, or the package that offers it cannot be used.
    """
    explainer = _BY_NAME[name]() if name in OURS else load_offered(name, _TAKEN)
    if explainer is None:
        raise _unknown(name)
    return explainer


def find_method(name: str) -> Method:
    """What is to be known of the method of that name.

    Raises:
        UsageError: there is none, or the package that offers it cannot be used.
    """
    return OURS[name] if name in OURS else load_explainer(name).method


def allowed_methods(methods: Sequence[str]) -> dict[str, Method]:
    """Our methods and those that are named: all that an explanation may be by where these were asked for.

    Raises:
        UsageError: there is no such method, or the package that offers it cannot be used.
    """
    return {**OURS, **{name: find_method(name) for name in methods if name not in _GROUPS}}


def check_methods(methods: Sequence[str]) -> None:
    """Refuse methods that do not exist; which of them can explain a model is known once it is loaded.

    Raises:
        UsageError: there is no such method, or the package that offers it cannot be used.
    """
    named = allowed_methods(methods).keys() & set(methods)
    for name in sorted(named & OURS.keys() & set(offered_names())):
        _LOG.warning("%s is interp-pipeline's own; the package %s offers another one, not used", name, package_of(name))


def needs_background(methods: Sequence[str]) -> bool:
    """Whether background data enters the values of any of these methods.

    Raises:
        UsageError: there is no such method, or the package that offers it cannot be used.
    """
    return any(name in _GROUPS or find_method(name).against_background for name in methods)


def known_against_background(name: str) -> bool:
    """Whether a published explanation's method is here, and its base values are the mean over the background."""
    try:
        return find_method(name).against_background
    except UsageError:  # the package that offered it is gone, or broken by now
        return False


def only_second_opinions(methods: Sequence[str]) -> bool:
    """Whether nothing but LIME weights was asked for.

    Raises:
        UsageError: there is no such method, or the package that offers it cannot be used.
    """
    return all(name not in _GROUPS and find_method(name).kind == "lime" for name in methods)


def packages_of(methods: Iterable[str]) -> tuple[str, ...]:
    """Names of the packages that offer those of these methods that are not ours."""
    found = (package_of(name).partition(" ")[0] for name in methods if name not in OURS)
    return tuple(dict.fromkeys(package for package in found if package))


def _unknown(name: str) -> UsageError:
    known = dict.fromkeys([*_GROUPS, *OURS, *offered_names()])
    return UsageError(f"there is no explainer {name!r}; choose among {', '.join(known)}")


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
                found.append(_named(OURS[SECOND_OPINION], model, config, refuses))
        else:
            found = [_named(find_method(method), model, config, refuses)]
        for choice in found:
            choices.setdefault(choice.name, choice)
    return tuple(choices.values())


def _named(
    method: Method, model: ExplainableModel, config: ExplainConfig, refuses: Callable[[str], str | None]
) -> Choice:
    reason = refuses(method.name)
    if reason is not None:
        advice = f"; use {_best_shap(model, config, refuses).name}" if method.kind == "shap" else ""
        msg = f"{method.name} cannot explain this model: {reason}{advice}"
        raise UsageError(msg)
    if method.name not in config.methods:
        return Choice(name=method.name, why=_why(method, model, config))
    package = "" if method.name in OURS else package_of(method.name)
    return Choice(name=method.name, why=f"Requested explicitly{f', of the package {package}' if package else ''}.")


def _why(method: Method, model: ExplainableModel, config: ExplainConfig) -> str:
    return method.why(model, config) if method.why is not None else ""


def _best_shap(model: ExplainableModel, config: ExplainConfig, refuses: Callable[[str], str | None]) -> Choice:
    """The first SHAP method, in the order of preference, that is not refused."""
    refusals: list[str] = []
    for name in PREFERRED:
        reason = refuses(name)
        if reason is None:
            return Choice(name=name, why=" ".join([_why(OURS[name], model, config), *refusals]))
        refusals.append(f"Not {name}: {reason}.")
    msg = f"no SHAP method can explain this model. {' '.join(refusals)}"
    raise ModelError(msg)
