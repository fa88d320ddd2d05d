"""Interaction values of all pairs of features, forest of depth 8."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases.forests import forest_work
from benchmarks.cases.tree_sides import ADDITIVITY, Attribution, TreeWork, our_threads
from benchmarks.measuring.contest import Contest, Side
from interp_pipeline.explainers.kernels.threads import set_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings

__all__ = ["against_shap"]

_MIN_ROWS = 32
_MAX_ROWS = 400  # a matrix of all pairs for each


def against_shap(settings: Settings) -> Iterator[Record]:
    """Ours against 100 background rows; shap's are path-dependent, the only ones it has."""
    import shap

    work = forest_work(settings, "depth 8")
    explainer = shap.TreeExplainer(work.model.trees, feature_perturbation="tree_path_dependent")

    def theirs(n_rows: int) -> Attribution:
        values = np.asarray(explainer.shap_interaction_values(work.rows[:n_rows]))
        return Attribution(values[..., -1].sum(axis=1), float(np.ravel(explainer.expected_value)[-1]))

    peer = Side(name="shap TreeExplainer", explain=theirs, error=work.error, max_rows=_MAX_ROWS)
    yield from Contest(
        case="forest depth 8, interactions of all pairs",
        error_is=ADDITIVITY,
        ours=[
            Side(
                name=f"ours {threads}",
                explain=partial(_ours, work, threads),
                error=work.error,
                max_rows=_MAX_ROWS,
                min_rows=1 if settings.tiny else _MIN_ROWS,
                threads=threads,
            )
            for threads in our_threads(settings)
        ],
        peers=[peer],
        repeats=settings.repeats,
        budget_s=settings.budget_s,
        remark=f"ours against {len(work.background)} background rows, shap's path-dependent",
    ).run()


def _ours(work: TreeWork, threads: int, n_rows: int) -> Attribution:
    """Values and interactions, from the estimator on; summed over partners to be checked."""
    from interp_pipeline.explainers.trees.interaction_values import interaction_values
    from interp_pipeline.explainers.trees.interventional_values import interventional_values
    from interp_pipeline.explainers.trees.reader import read_forest

    set_threads(threads)
    forest: Any = read_forest(work.model.trees)
    players = np.arange(work.rows.shape[1], dtype=np.int32)
    rows, background = forest.as_compared(work.rows[:n_rows]), forest.as_compared(work.background)
    values = interventional_values(forest, rows, background, players, len(players), lambda _rows: None)
    pairs = interaction_values(forest, rows, background, players, values, lambda _rows: None)
    base = work.model.forward(work.background)[:, -1].mean()
    return Attribution(pairs[..., -1].sum(axis=1), float(base))
