"""Random forests of several depths: path-dependent and against background data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.shapiq_peer import ShapiqPeer
from benchmarks.cases.tree_sides import TreeWork, leaves
from benchmarks.measuring.records import Figure
from benchmarks.models import FORESTS, fitted, task_data
from benchmarks.workload import BenchModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings

__all__ = ["forest_work", "interventional", "path_dependent"]

_PATH_BARS = {  # must reach and aim, by threads
    "depth 8": {1: (45.0, 100.0)},
    "depth 12": {1: (70.0, 150.0)},
    "full": {1: (40.0, 100.0), 2: (60.0, 150.0)},
    "regressor d12": {},
}
_BACKGROUND_BARS = {1: (8.0, 25.0), 2: (14.0, 40.0)}


def forest_work(settings: Settings, name: str) -> TreeWork:
    """One of the forests and its rows."""
    data = task_data(settings)
    estimator = fitted(settings, name)
    score = estimator.predict if FORESTS[name][1] else estimator.predict_proba
    model = BenchModel.of_trees(estimator, score, data.rows.shape[1])
    return TreeWork(settings=settings, model=model, rows=data.rows, background=data.background)


def path_dependent(settings: Settings, name: str) -> Iterator[Record]:
    """Against shap's TreeExplainer and, where there is a Python for it, shapiq's."""
    work = forest_work(settings, name)
    case = f"forest {name}, path-dependent"
    remark = f"{leaves(work.model.trees):,} leaves"
    peers = [work.shap(interventional=False)]
    with ShapiqPeer.start(work, case) as shapiq:
        if isinstance(shapiq, Figure):
            yield shapiq
        else:
            peers.append(shapiq)
        yield from work.race(case, "shap_tree_path_dependent", peers, _PATH_BARS[name], remark)


def interventional(settings: Settings, name: str) -> Iterator[Record]:
    """Against shap's TreeExplainer with the same 100 background rows."""
    work = forest_work(settings, name)
    remark = f"{len(work.background)} background rows"
    peers = [work.shap(interventional=True)]
    yield from work.race(f"forest {name}, interventional", "shap_tree", peers, _BACKGROUND_BARS, remark)
