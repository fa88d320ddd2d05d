"""A network with 30 features: what it takes to get every method's error down to the same size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases.tree_sides import Attribution, our_threads
from benchmarks.measuring.contest import Contest, Side
from benchmarks.measuring.records import Figure
from benchmarks.models import network, task_data
from benchmarks.reference import sampled_values
from benchmarks.workload import N_FEATURES, explain
from interp_pipeline.explainers.kernels.threads import set_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings
    from interp_pipeline.explanation import FloatArray

__all__ = ["same_error"]

TARGET = 0.05  # mean error, as a share of the mean absolute value
_OUR_ROUNDS = (2, 3, 5, 8, 12, 20, 40, 80)
_COALITIONS = (62, 90, 128, 200, 400, 800, 1600, 3200, 6400)
_WALKS = (1, 2, 3, 5, 8, 12, 20, 40, 80)


@dataclass(frozen=True, kw_only=True)
class _Work:
    """Rows whose values are known, and everybody's way of explaining them with some effort."""

    model: Any
    net: Any
    rows: FloatArray
    background: FloatArray
    truth: FloatArray

    def error(self, answer: Attribution) -> float:
        """Mean error as a share of the mean absolute value."""
        truth = self.truth[: len(answer.values)]
        return float(np.abs(answer.values - truth).mean() / np.abs(truth).mean())

    def ours(self, threads: int, rounds: int, n_rows: int) -> Attribution:
        set_threads(threads)
        options = {"sampling_rounds": rounds}
        explanation = explain("shap_permutation", self.model, self.rows[:n_rows], self.background, **options)
        return Attribution(explanation.values[:, :, 0], explanation.base_values[:, 0])

    def fast(self, encoded: FloatArray) -> FloatArray:
        """One compiled call."""
        return np.asarray(self.model.forward(encoded)[:, 0])

    def default(self, encoded: FloatArray) -> FloatArray:
        """What users call."""
        return np.asarray(self.net.predict(encoded, verbose=0)[:, 0])

    def kernel(self, forward: Callable[[FloatArray], FloatArray], coalitions: int, n_rows: int) -> Attribution:
        import shap

        np.random.seed(0)  # noqa: NPY002 - shap draws from numpy's global generator
        explainer = shap.KernelExplainer(forward, self.background)
        values = explainer.shap_values(self.rows[:n_rows], nsamples=coalitions, silent=True, l1_reg=False)
        return Attribution(np.asarray(values), float(explainer.expected_value))

    def permutation(self, forward: Callable[[FloatArray], FloatArray], walks: int, n_rows: int) -> Attribution:
        import shap

        masker = shap.maskers.Independent(self.background, max_samples=len(self.background))
        explainer = shap.PermutationExplainer(forward, masker, seed=0)
        found = explainer(self.rows[:n_rows], max_evals=walks * (2 * N_FEATURES + 1), silent=True)
        return Attribution(np.asarray(found.values), np.asarray(found.base_values))


def same_error(settings: Settings) -> Iterator[Record]:
    """Against shap's Kernel and Permutation, each with the least effort that reaches the error."""
    case = f"network, {N_FEATURES} features, error <= {TARGET:.0%} of mean |value|"
    work = _prepare(settings)
    n_rows = len(work.rows)
    ladders: dict[str, tuple[Sequence[int], Callable[[int, int], Attribution]]] = {
        "shap Kernel": (_COALITIONS, partial(work.kernel, work.fast)),
        "shap Permutation": (_WALKS, partial(work.permutation, work.fast)),
    }
    least: dict[str, int] = {}
    for name, (efforts, run) in ladders.items():
        effort = _least_effort(work, efforts, run)
        if effort is None:
            remark = f"even {efforts[-1]} did not reach it"
            yield Figure(case=case, what=name, value=None, unit="rows/s", remark=remark)
        else:
            least[name] = effort
    rounds = _least_effort(work, _OUR_ROUNDS, partial(work.ours, 1))
    if rounds is None:
        yield Figure(case=case, what="ours", value=None, unit="rows/s", remark="the error was not reached")
        return
    side = partial(Side, error=work.error, max_rows=n_rows)
    peers = [
        side(name=name, explain=partial(ladders[name][1], effort), fixed_rows=n_rows, warm=True)
        for name, effort in least.items()
    ]
    doors = {"shap Kernel": work.kernel, "shap Permutation": work.permutation}
    for name, effort in least.items():
        if not (settings.tiny or settings.quick):  # half a minute each
            run = partial(doors[name], work.default, effort)
            peers.append(side(name=f"{name}, network.predict", explain=run, fixed_rows=1, warm=True))
    yield from Contest(
        case=case,
        error_is="mean error / mean |value|",
        ours=[
            side(name=f"ours {n}", explain=partial(work.ours, n, rounds), fixed_rows=n_rows, threads=n)
            for n in our_threads(settings)
        ],
        peers=peers,
        repeats=settings.repeats,
        budget_s=settings.budget_s,
        bars={("ours 1", peer.name): (50.0, 200.0) for peer in peers},
        remark=f"sampling_rounds={rounds}; " + ", ".join(f"{name}: {effort}" for name, effort in least.items()),
    ).run()


def _prepare(settings: Settings) -> _Work:
    data = task_data(settings)
    net, model = network(settings, N_FEATURES)
    n_rows, orders = (2, 200) if settings.tiny else (4, 300) if settings.quick else (8, 1000)
    rows = data.rows[:n_rows]
    truth = sampled_values(model.forward, rows, data.background, orders)
    return _Work(model=model, net=net, rows=rows, background=data.background, truth=truth)


def _least_effort(work: _Work, efforts: Sequence[int], run: Callable[[int, int], Attribution]) -> int | None:
    """The first effort whose error is small enough; None where none of them is."""
    for effort in efforts:
        if work.error(run(effort, len(work.rows))) <= TARGET:
            return effort
    return None
