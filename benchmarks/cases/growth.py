"""How our cost grows: with rows, trees, leaves, features and background rows; memory with rows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases.forests import forest_work
from benchmarks.cases.tree_sides import leaves
from benchmarks.measuring.growth import cpu_seconds, slope_record
from benchmarks.measuring.memory import peak_memory
from benchmarks.measuring.records import Figure
from benchmarks.models import fitted, task_data
from benchmarks.workload import BenchModel, explain
from interp_pipeline.explainers.kernels.threads import set_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings

__all__ = ["memory", "over_background", "over_features", "over_leaves", "over_rows", "over_trees"]

_COST = "CPU seconds"
_METHODS = {"path-dependent": "shap_tree_path_dependent", "interventional": "shap_tree"}


def _seconds(method: str, model: BenchModel, rows: Any, background: Any) -> float:
    set_threads(1)
    return cpu_seconds(partial(explain, method, model, rows, background))


def over_rows(settings: Settings) -> Iterator[Record]:
    """Both tree methods, forest of depth 8."""
    work = forest_work(settings, "depth 8")
    for kind, method in _METHODS.items():
        sizes = (8, 16, 32) if settings.tiny else (250, 500, 1000, 2000)
        if kind == "interventional" and not settings.tiny:
            sizes = (32, 64, 128, 256)
        costs = {float(n): _seconds(method, work.model, work.rows[:n], work.background) for n in sizes}
        yield slope_record(case=f"forest depth 8, {kind}", over="rows", cost=_COST, threads=1, costs=costs)


def over_trees(settings: Settings) -> Iterator[Record]:
    """Path-dependent, depth 8."""
    data = task_data(settings)
    costs = {}
    for n_trees in (2, 4, 8) if settings.tiny else (25, 50, 100) if settings.quick else (25, 50, 100, 200):
        estimator = fitted(settings, "forest", n_estimators=n_trees, max_depth=8)
        model = BenchModel.of_trees(estimator, estimator.predict_proba, data.rows.shape[1])
        costs[float(n_trees)] = _seconds(_METHODS["path-dependent"], model, data.rows[:500], data.background)
    yield slope_record(case="forest depth 8, path-dependent", over="trees", cost=_COST, threads=1, costs=costs)


def over_leaves(settings: Settings) -> Iterator[Record]:
    """Path-dependent, by depth: a tree's cost is that of its splits."""
    data = task_data(settings)
    costs, said = {}, []
    for depth in (2, 3, 4) if settings.tiny else (4, 8, 12) if settings.quick else (4, 6, 8, 10, 12):
        estimator = fitted(settings, "forest", max_depth=depth)
        model = BenchModel.of_trees(estimator, estimator.predict_proba, data.rows.shape[1])
        seconds = _seconds(_METHODS["path-dependent"], model, data.rows[:200], data.background)
        costs[float(leaves(estimator))] = seconds
        said.append(f"depth {depth}: {seconds:.3f} s")
    yield slope_record(
        case="forest, path-dependent", over="leaves", cost=_COST, threads=1, costs=costs, remark=", ".join(said)
    )


def over_features(settings: Settings) -> Iterator[Record]:
    """Path-dependent, depth 8, on ever wider data."""
    costs = {}
    for n_features in (10, 20) if settings.tiny else (10, 30, 100) if settings.quick else (10, 30, 100, 300):
        data = task_data(settings, n_features)
        rows_for_training = min(settings.training_rows, 5_000)
        estimator = fitted(settings, "forest", max_depth=8, n_features=n_features, training_rows=rows_for_training)
        model = BenchModel.of_trees(estimator, estimator.predict_proba, n_features)
        costs[float(n_features)] = _seconds(_METHODS["path-dependent"], model, data.rows[:500], data.background)
    yield slope_record(case="forest depth 8, path-dependent", over="features", cost=_COST, threads=1, costs=costs)


def over_background(settings: Settings) -> Iterator[Record]:
    """Interventional, depth 8."""
    work = forest_work(settings, "depth 8")
    train = task_data(settings).train
    sizes = (10, 20, 40) if settings.tiny else (25, 50, 100, 200, 400)
    costs = {float(n): _seconds(_METHODS["interventional"], work.model, work.rows[:64], train[:n]) for n in sizes}
    yield slope_record(
        case="forest depth 8, interventional", over="background rows", cost=_COST, threads=1, costs=costs
    )


def memory(settings: Settings) -> Iterator[Record]:
    """What the process holds beyond the result, for ever more rows."""
    work = forest_work(settings, "depth 8")
    set_threads(1)
    sizes = (100, 400) if settings.tiny else (4_000, 16_000, 64_000)
    method = _METHODS["path-dependent"]
    explain(method, work.model, work.rows[:10], work.background)
    beyond = {}
    for n_rows in sizes:
        rows = np.resize(work.rows, (n_rows, work.rows.shape[1]))
        with peak_memory() as peak:
            explanation = explain(method, work.model, rows, work.background)
        if peak.added_mb is None:
            remark = "this system cannot tell a process its peak"
            yield Figure(case="memory", what="beyond the result", value=None, unit="MB", remark=remark)
            return
        result_mb = (explanation.values.nbytes + explanation.base_values.nbytes + explanation.predictions.nbytes) / 1e6
        beyond[n_rows] = peak.added_mb - result_mb
        yield Figure(
            case=f"forest depth 8, path-dependent, {n_rows:,} rows",
            what="peak memory added",
            value=peak.added_mb,
            unit="MB",
            remark=f"of which the result {result_mb:.0f} MB",
        )
    grown = (beyond[sizes[-1]] - beyond[sizes[0]]) / (sizes[-1] - sizes[0]) * 1e3
    yield Figure(
        case="forest depth 8, path-dependent",
        what="memory beyond the result",
        value=grown,
        unit="MB per 1,000 rows",
        remark=f"one copy of the explained rows takes {work.rows[0].nbytes / 1e3:.2f}",
    )
