"""Boosted trees: against shap, and against XGBoost's and LightGBM's own contributions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases.tree_sides import Attribution, TreeWork
from benchmarks.measuring.contest import Side
from benchmarks.measuring.records import Figure
from benchmarks.models import fitted, task_data
from benchmarks.workload import BenchModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings
    from interp_pipeline.explanation import FloatArray

__all__ = ["against_own_contributions", "against_shap"]


def _work(settings: Settings, name: str) -> TreeWork:
    data = task_data(settings)
    estimator = fitted(settings, name)
    score = partial(_margin, name, estimator)
    model = BenchModel.of_trees(estimator, score, data.rows.shape[1])
    model.output_unit = "log-odds"
    return TreeWork(settings=settings, model=model, rows=data.rows, background=data.background)


def _margin(name: str, estimator: Any, rows: FloatArray) -> Any:
    """The raw score the trees add up to."""
    if name == "xgboost":
        return estimator.predict(rows, output_margin=True)
    if name == "lightgbm":
        return estimator.predict(rows, raw_score=True)
    return estimator.decision_function(rows)


def against_shap(settings: Settings, name: str) -> Iterator[Record]:
    """scikit-learn's boosted trees, path-dependent and interventional."""
    work = _work(settings, name)
    peers = [work.shap(interventional=False)]
    yield from work.race(f"{name}, path-dependent", "shap_tree_path_dependent", peers, {})
    peers = [work.shap(interventional=True)]
    yield from work.race(f"{name}, interventional", "shap_tree", peers, {})


def against_own_contributions(settings: Settings, name: str) -> Iterator[Record]:
    """A library's own path-dependent contributions, one thread, on its own model."""
    case = f"{name}, path-dependent"
    try:
        work = _work(settings, name)
    except ImportError as missing:
        yield Figure(case=case, what="speed", value=None, unit="rows/s", remark=f"not installed: {missing}")
        return
    contributions = {"xgboost": _xgboost_contributions, "lightgbm": _lightgbm_contributions}[name]
    own = Side(
        name=f"{name}'s own",
        explain=partial(contributions, work),
        error=work.error,
        max_rows=len(work.rows),
    )
    yield from work.race(case, "shap_tree_path_dependent", [own, work.shap(interventional=False)], {})


def _attribution(contributions: Any) -> Attribution:
    """The last column is the base value."""
    table = np.asarray(contributions, dtype=np.float64)
    return Attribution(table[:, :-1], table[:, -1])


def _xgboost_contributions(work: TreeWork, n_rows: int) -> Attribution:
    import xgboost

    estimator: Any = work.model.trees
    matrix = xgboost.DMatrix(work.rows[:n_rows], nthread=1)
    return _attribution(estimator.get_booster().predict(matrix, pred_contribs=True))


def _lightgbm_contributions(work: TreeWork, n_rows: int) -> Attribution:
    estimator: Any = work.model.trees
    return _attribution(estimator.predict(work.rows[:n_rows], pred_contrib=True, num_threads=1))
