"""A model that can only be called, exactly: all coalitions of a network's features."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases.tree_sides import Attribution, apart, our_threads
from benchmarks.measuring.contest import Contest, Side
from benchmarks.models import network, task_data
from benchmarks.reference import exact_values
from benchmarks.workload import explain
from interp_pipeline.explainers.kernels.threads import set_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings
    from interp_pipeline.explanation import FloatArray

__all__ = ["exact"]

_ROWS = 200
_FEWER = 10
_BARS = ((15.0, 40.0), (100.0, 400.0))  # with the same forward pass, and with the default one
_CHECKED_ROWS = 2  # of which the exact values are computed by the formula


def exact(settings: Settings, n_features: int) -> Iterator[Record]:
    """Against shap's ExactExplainer with the same compiled forward pass, and by the network's own door."""
    data = task_data(settings, n_features)
    net, model = network(settings, n_features)
    rows, background = data.rows[:_ROWS], data.background
    truth = exact_values(model.forward, rows[:_CHECKED_ROWS], background)

    def error(answer: Attribution) -> float:
        checked = min(len(answer.values), len(truth))
        return float(np.abs(answer.values[:checked] - truth[:checked]).max())

    def ours(threads: int, n_rows: int) -> Attribution:
        set_threads(threads)
        explanation = explain("shap_exact", model, rows[:n_rows], background)
        return Attribution(explanation.values[:, :, 0], explanation.base_values[:, 0])

    def fast(encoded: FloatArray) -> FloatArray:
        return np.asarray(model.forward(encoded)[:, 0])

    def default(encoded: FloatArray) -> FloatArray:
        return np.asarray(net.predict(encoded, verbose=0)[:, 0])

    def side(name: str, forward: Callable[[FloatArray], FloatArray]) -> Side:
        return Side(name=name, explain=partial(_shap_exact, forward, rows, background), error=error, max_rows=len(rows))

    peers = [side("shap Exact, same forward", fast)]
    if not settings.quick or n_features == _FEWER:  # half a minute
        peers.append(replace(side("shap Exact, network.predict", default), warm=True))
    yield from Contest(
        case=f"any model, exact, {n_features} features",
        error_is="distance to Shapley's formula",
        ours=[
            Side(name=f"ours {n}", explain=partial(ours, n), error=error, max_rows=len(rows), threads=n)
            for n in our_threads(settings)
        ],
        peers=peers,
        repeats=settings.repeats,
        budget_s=settings.budget_s,
        bars={("ours 1", peer.name): bar for peer, bar in zip(peers, _BARS, strict=False)},
        apart=apart,
        remark=f"network {n_features}-64-64-1, {len(background)} background rows",
    ).run()


def _shap_exact(
    forward: Callable[[FloatArray], FloatArray], rows: FloatArray, background: FloatArray, n_rows: int
) -> Attribution:
    import shap

    masker = shap.maskers.Independent(background, max_samples=len(background))
    explanation: Any = shap.ExactExplainer(forward, masker)(rows[:n_rows], silent=True)
    return Attribution(np.asarray(explanation.values), np.asarray(explanation.base_values))
