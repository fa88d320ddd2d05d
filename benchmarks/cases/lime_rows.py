"""LIME: the same numbers as the lime library, bit for bit, on a forest and a network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases.tree_sides import Attribution, apart
from benchmarks.measuring.contest import Contest, Side
from benchmarks.models import fitted, network, task_data
from benchmarks.workload import N_FEATURES, BenchModel, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings
    from interp_pipeline.explanation import FloatArray

__all__ = ["forest", "keras"]

_SAMPLES, _SEED = 5000, 42
_FEW, _MANY = 10, 200  # rows of one explanation: what is shared weighs more where there are few


def forest(settings: Settings) -> Iterator[Record]:
    """A forest of full depth, asked by ``predict_proba`` as lime is told to."""
    estimator = fitted(settings, "full")
    model = BenchModel.of_trees(estimator, estimator.predict_proba, N_FEATURES)
    yield from _contests(settings, "forest", model, {"lime": estimator.predict_proba}, (1.1, 2.0))


def keras(settings: Settings) -> Iterator[Record]:
    """A network, by ``predict`` as lime is told to, and by the same compiled forward pass."""
    net, model = network(settings, N_FEATURES)

    def both(probability: FloatArray) -> FloatArray:
        return np.column_stack([1 - probability, probability])

    def default(rows: FloatArray) -> FloatArray:
        return both(np.asarray(net.predict(rows, verbose=0)[:, 0], dtype=np.float64))

    def fast(rows: FloatArray) -> FloatArray:
        return both(model.forward(rows)[:, 0])

    two = BenchModel(forward=fast, output_names=("no", "yes"), n_features=N_FEATURES)
    peers = {"lime, same forward": fast, "lime, network.predict": default}
    yield from _contests(settings, "Keras", two, peers, (4.0, 10.0))


def _contests(
    settings: Settings,
    kind: str,
    model: BenchModel,
    doors: Mapping[str, Callable[[FloatArray], FloatArray]],
    bar: tuple[float, float],
) -> Iterator[Record]:
    data = task_data(settings)
    first = next(iter(doors.values()))
    truth = _lime(first, data.rows, data.background, 2)

    def ours(n_rows: int) -> Attribution:
        options = {"lime_samples": _SAMPLES, "seed": _SEED}
        explanation = explain("lime", model, data.rows[:n_rows], data.background, **options)
        return Attribution(explanation.values[:, :, -1], explanation.base_values[:, -1])

    def error(answer: Attribution) -> float:
        return apart(answer, truth)

    peers = [
        Side(name=name, explain=partial(_lime, door, data.rows, data.background), error=error, max_rows=_FEW)
        for name, door in doors.items()
    ]
    for n_rows in (_FEW,) if settings.tiny else (_FEW, _MANY):
        side = Side(name="ours 1", explain=ours, error=error, max_rows=n_rows, fixed_rows=n_rows)
        yield from Contest(
            case=f"LIME, {kind}, {n_rows} rows at once",
            error_is=f"distance to the lime library ({next(iter(doors))})",
            ours=[side],
            peers=peers,
            repeats=settings.repeats,
            budget_s=settings.budget_s,
            bars={("ours 1", name): bar for name in doors},
            apart=apart,
            remark=f"{_SAMPLES:,} samples, two outputs; a network's last bits depend on the size of the batch",
        ).run()


def _lime(
    door: Callable[[FloatArray], FloatArray], rows: FloatArray, background: FloatArray, n_rows: int
) -> Attribution:
    """A fresh explainer of the seed for every row, as our values promise to equal."""
    from lime.lime_tabular import LimeTabularExplainer

    values, base = np.empty((n_rows, rows.shape[1])), np.empty(n_rows)
    for i, row in enumerate(rows[:n_rows]):
        explainer = LimeTabularExplainer(background, feature_selection="none", random_state=_SEED)
        found: Any = explainer.explain_instance(
            row, door, labels=(0, 1), num_features=rows.shape[1], num_samples=_SAMPLES
        )
        for feature, weight in found.local_exp[1]:
            values[i, feature] = weight
        base[i] = found.intercept[1]
    return Attribution(values, base)
