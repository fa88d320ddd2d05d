"""Explain small models of our own, so that the compiled code is in memory before the first real model comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.config import ExplainConfig
from interp_pipeline.explainers.kernels.threads import set_threads
from interp_pipeline.explainers.registry import OURS, load_explainer
from interp_pipeline.explainers.shap_interactions import compute_interactions, plan_interactions
from interp_pipeline.models.adapt import adapt_model

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.models.adapted import AdaptedModel

__all__ = ["warm_up"]

_ROWS, _BACKGROUND = 24, 32
_FEW_FEATURES, _MANY_FEATURES = 4, 14  # for enumerating coalitions, and for sampling them


def warm_up() -> None:
    """Run every compiled method once, in this thread alone.

    Takes about a second where the machine code is kept on disk, else as long as compiling it. No thread is
    left behind, so the process may be forked afterwards.
    """
    set_threads(1)
    try:
        for toy in (_forest(), _formula(_FEW_FEATURES), _formula(_MANY_FEATURES)):
            _explain(toy)
    finally:
        set_threads(None)


def _table(n_features: int) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    values = np.random.default_rng(0).normal(size=(_ROWS + _BACKGROUND, n_features))
    return pd.DataFrame(values, columns=[f"x{i}" for i in range(n_features)])


def _forest() -> tuple[Any, str, pd.DataFrame]:
    from sklearn.ensemble import RandomForestClassifier

    table = _table(_FEW_FEATURES)
    return RandomForestClassifier(3, random_state=0).fit(table, table["x0"] > table["x1"]), "sklearn", table


def _formula(n_features: int) -> tuple[Any, str, pd.DataFrame]:
    return lambda frame: frame["x0"] * frame["x1"], "python_function", _table(n_features)


def _explain(toy: tuple[Any, Any, pd.DataFrame]) -> None:
    """By every method of ours that is for such a model."""
    native, flavor, table = toy
    rows, background = table[:_ROWS], table[_ROWS:]
    model: AdaptedModel = adapt_model(
        native, flavor=flavor, feature_names=tuple(table.columns), rows=rows, background=background
    )
    config = ExplainConfig(rows=_ROWS)
    explainers = [load_explainer(name) for name in OURS]
    for explainer in explainers:
        if explainer.refusal(model, config) is not None:
            continue
        explanation = explainer.explain(model, rows, background, config, lambda _rows: None)
        if explanation.local_r2 is None:
            plan = plan_interactions(model, explanation, len(background), config)
            if plan.rows:
                compute_interactions(model, explanation, background, plan.rows, lambda _rows: None)
