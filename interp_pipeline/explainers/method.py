"""What is to be known of a method of attribution without running it: said once, beside its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from interp_pipeline.errors import ModelError
from interp_pipeline.explanation import Explanation

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explainers.game import IndexArray

__all__ = ["Kind", "Method", "Spending", "require_as_declared"]

Kind = Literal["shap", "lime"]


@dataclass(frozen=True, kw_only=True)
class Spending:
    """How many rows a model is asked about by a method that masks it (see ``masking``), for the planner."""

    # Given the number of features and of sampling rounds: rows asked about per pair of an explained and a background
    # row, by the number of features the two differ on, shape (n_features + 1,). An exact method ignores the rounds.
    queries: Callable[[int, int], IndexArray]
    words: str  # what stands before the number: "Trying every combination takes"


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method. Whoever has to treat it otherwise than another one asks here, and never by its name."""

    name: str  # in configurations, the manifest and tables
    words: str  # what it gives and of which models, as a list shows it
    # "shap": values that add up to the prediction. "lime": weights of one simple model per row, each with its R².
    # Tables, pictures and reports call them SHAP values and LIME weights.
    kind: Kind = "shap"
    sampled: bool = False  # values are estimates, and every one has its standard error
    against_background: bool = True  # base values are the mean output over the background data
    reads_trees: bool = False  # before it is chosen, the trees that were read are held against the model
    spending: Spending | None = None  # None: the model is hardly asked, or nobody can say how often
    # Why "auto" and "shap" take it, a sentence for the report; None: they never do, it is taken by name alone.
    why: Callable[[ExplainableModel, ExplainConfig], str] | None = None

    @property
    def exact(self) -> bool:
        """Whether its numbers are those of the model itself, to rounding."""
        return self.kind == "shap" and not self.sampled


def require_as_declared(explanation: Explanation, method: Method, model: ExplainableModel, rows: pd.DataFrame) -> None:
    """Refuse what is not what the method says it gives, before anybody takes estimates for exact values.

    Args:
        explanation: what its explainer returned.
        method: what it says of itself.
        model: the explained model.
        rows: the rows to explain, columns as the model's features.

    Raises:
        ModelError: it is not; says what.
    """
    if not isinstance(explanation, Explanation):
        msg = f"{method.name} gave no Explanation but a {type(explanation).__name__}; that is a fault of its code"
        raise ModelError(msg)
    wrong = {
        f"says it is by {explanation.method}": explanation.method != method.name,
        "has no standard errors, and its method is sampled": method.sampled and explanation.std_errors is None,
        "has standard errors, and its method is not sampled": not method.sampled and explanation.std_errors is not None,
        f"is not of the kind {method.kind}": (explanation.local_r2 is None) != (method.kind == "shap"),
        "is of other rows": list(explanation.data.index) != list(rows.index),
        "is of other features": list(explanation.feature_names) != list(model.feature_names),
        "is of other outputs": tuple(explanation.output_names) != tuple(model.output_names),
    }
    found = next((what for what, holds in wrong.items() if holds), None)
    if found is not None:
        msg = f"{method.name}: its explanation {found}; that is a fault of its code"
        raise ModelError(msg)
