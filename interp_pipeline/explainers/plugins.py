"""Explainers of other packages: those that name themselves in the entry-point group ``interp_pipeline.explainers``.

Names are read from what is installed; a package's code is imported when one of its explainers is asked for by name, and
never before. A package that is broken so stands in nobody's way who does not use it.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from interp_pipeline.error_line import error_line
from interp_pipeline.errors import InterpError, ModelError, UsageError
from interp_pipeline.explainers.method import Method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.metadata import EntryPoint

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explainers.protocol import Explainer
    from interp_pipeline.explanation import Explanation

__all__ = ["GROUP", "OfferedExplainer", "load_offered", "offered_names", "package_of"]

GROUP = "interp_pipeline.explainers"


class OfferedExplainer:
    """An explainer of another package: what its code raises becomes one line that names the package."""

    def __init__(self, explainer: Explainer, package: str) -> None:
        """Stand before an explainer of that package, by name and version."""
        self._explainer, self._package = explainer, package
        self.method = explainer.method

    def refusal(self, model: ExplainableModel, config: ExplainConfig) -> str | None:
        """Why this method cannot explain this model; see ``Explainer.refusal``."""
        try:
            return self._explainer.refusal(model, config)
        except Exception as error:
            raise self._failed(error) from error

    def explain(
        self,
        model: ExplainableModel,
        rows: pd.DataFrame,
        background: pd.DataFrame,
        config: ExplainConfig,
        advance: Callable[[int], None],
    ) -> Explanation:
        """Attribute the model's outputs to its raw features; see ``Explainer.explain``.

        Raises:
            ModelError: it failed.
        """
        try:
            return self._explainer.explain(model, rows, background, config, advance)
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> InterpError:
        if isinstance(error, InterpError):
            return error
        return ModelError(
            f"{self.method.name} of the package {self._package} failed, in its own code or in the model's that it asks "
            f"({error_line(error)}); see what it cannot take, or use another method"
        )


def offered_names() -> tuple[str, ...]:
    """Names that other packages offer, by alphabet, none twice; nothing of theirs is imported."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def package_of(name: str) -> str:
    """Which package offers an explainer, with its version; empty: none does.

    Raises:
        UsageError: several do.
    """
    packages = dict.fromkeys(_package(entry) for entry in entry_points(group=GROUP, name=name))
    if len(packages) > 1:
        msg = f"the explainer {name!r} is offered by {' and by '.join(packages)}: uninstall all of them but one"
        raise UsageError(msg)
    return next(iter(packages), "")


def load_offered(name: str, taken: Iterable[str]) -> Explainer | None:
    """Import and make an explainer of another package.

    Args:
        name: of the entry point.
        taken: names that no other package's explainer may have.

    Returns:
        The explainer; None where no package offers one of that name.

    Raises:
        UsageError: the package cannot be used, with its name and what is wrong with it.
    """
    package = package_of(name)
    if not package:
        return None
    entry = next(iter(entry_points(group=GROUP, name=name)))
    where = f"the explainer {name!r} of the package {package} ({entry.value})"
    if name in taken:
        msg = f"{where} cannot be used: that name is one of interp-pipeline's own; the package has to call it otherwise"
        raise UsageError(msg)
    try:
        explainer = entry.load()()
    except (Exception, SystemExit) as error:
        msg = f"{where} cannot be loaded ({error_line(error)}); mend the package, uninstall it, or use another method"
        raise UsageError(msg) from error
    fault = _fault(name, explainer)
    if fault:
        msg = f"{where} cannot be used: {fault}; mend the package, uninstall it, or use another method"
        raise UsageError(msg)
    return OfferedExplainer(cast("Explainer", explainer), package)


def _fault(name: str, explainer: object) -> str:
    """What an explainer of another package lacks to be one; empty: nothing."""
    method = getattr(explainer, "method", None)
    if not isinstance(method, Method):
        return "its attribute 'method' is no interp_pipeline.explainers.method.Method"
    if method.name != name:
        return f"its method is called {method.name!r}, unlike the entry point"
    if method.kind not in {"shap", "lime"}:
        return f"its method is of the kind {method.kind!r}, and there are 'shap' and 'lime'"
    if method.why is not None:
        return "its method has a 'why', but explainers of other packages are taken by name alone"
    lacking = [each for each in ("refusal", "explain") if not callable(getattr(explainer, each, None))]
    return f"it has no {' and no '.join(lacking)}" if lacking else ""


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "without a name"
