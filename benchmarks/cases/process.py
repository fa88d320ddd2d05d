"""What comes before the first row: compiling or loading compiled code, and reading a model's trees."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring.children import call_in_child
from benchmarks.measuring.records import Figure
from benchmarks.models import FORESTS, fitted, network, task_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings

__all__ = ["first_call", "first_call_in_child", "packing"]

_METHODS = ("shap_tree_path_dependent", "shap_tree", "shap_exact", "shap_permutation", "lime")
_TREES = ("shap_tree_path_dependent", "shap_tree", "lime")
_ROWS, _FEATURES = 10, 10
_LIMIT_S = 300.0


def first_call(settings: Settings) -> Iterator[Record]:
    """Ten rows in a fresh process, with an empty cache of compiled code and with a filled one."""
    for method in _METHODS[:1] if settings.tiny or settings.quick else _METHODS:
        with tempfile.TemporaryDirectory() as cache:
            for state in ("nothing compiled yet", "compiled code cached"):
                taken = call_in_child(
                    "benchmarks.cases.process:first_call_in_child",
                    {"folder": str(settings.folder), "quick": settings.quick, "tiny": settings.tiny, "method": method},
                    limit_s=_LIMIT_S,
                    environment={"NUMBA_CACHE_DIR": cache},
                )
                case = f"{method}, {_ROWS} rows, {state}"
                remark = f"imports {taken['imports']:.2f} s, second call {taken['second']:.3f} s"
                yield Figure(
                    case=case, what="first call in a fresh process", value=taken["first"], unit="s", remark=remark
                )


def first_call_in_child(folder: str, method: str, *, quick: bool, tiny: bool) -> dict[str, float]:
    """Seconds for importing, the first and the second explanation; runs in a child process."""
    started = time.perf_counter()
    from benchmarks.workload import BenchModel, Settings, explain
    from interp_pipeline.explainers.registry import load_explainer

    settings = Settings(quick=quick, tiny=tiny, folder=Path(folder))
    if method in _TREES:
        estimator = fitted(settings, "depth 8")
        data = task_data(settings)
        model = BenchModel.of_trees(estimator, estimator.predict_proba, data.rows.shape[1])
    else:
        data = task_data(settings, _FEATURES)
        _, model = network(settings, _FEATURES)
    model.forward(data.rows[:_ROWS])
    load_explainer(method)
    taken = {"imports": time.perf_counter() - started}
    for name in ("first", "second"):
        began = time.perf_counter()
        explain(method, model, data.rows[:_ROWS], data.background)
        taken[name] = time.perf_counter() - began
    return taken


def packing(settings: Settings) -> Iterator[Record]:
    """Reading a fitted ensemble into arrays, which happens once per explanation."""
    from interp_pipeline.explainers.trees.reader import read_forest

    for name in (*FORESTS, "gradient boosting", "histogram boosting", "xgboost", "lightgbm"):
        try:
            estimator = fitted(settings, name)
        except ImportError as missing:
            yield Figure(case=name, what="packing", value=None, unit="s", remark=f"not installed: {missing}")
            continue
        seconds = []
        for _ in range(settings.repeats):
            started = time.perf_counter()
            forest = read_forest(estimator)
            seconds.append(time.perf_counter() - started)
        n_nodes = 0 if forest is None else len(forest.column)
        yield Figure(case=name, what="packing", value=statistics.median(seconds), unit="s", remark=f"{n_nodes:,} nodes")
