"""Us and shap as sides of a contest over a tree ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measuring.contest import Contest, Side
from benchmarks.workload import explain
from interp_pipeline.explainers.kernels.threads import set_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.measuring.records import Record
    from benchmarks.workload import BenchModel, Settings
    from interp_pipeline.explanation import FloatArray

__all__ = ["ADDITIVITY", "Attribution", "TreeWork", "apart", "leaves", "our_threads"]

ADDITIVITY = "base + values - output"
_MIN_ROWS = {"shap_tree_path_dependent": 200, "shap_tree": 64}


@dataclass(frozen=True, eq=False)
class Attribution:
    """Values of one output: shape (n_rows, n_features), and its base value."""

    values: FloatArray
    base: float | FloatArray


def apart(one: Attribution, other: Attribution) -> float:
    """Largest difference between the values of the rows both have."""
    shared = min(len(one.values), len(other.values))
    return float(np.abs(one.values[:shared] - other.values[:shared]).max())


def our_threads(settings: Settings) -> tuple[int, ...]:
    """Numbers of threads we are measured with."""
    return (1,) if settings.tiny else (1, 2)


@dataclass(frozen=True, kw_only=True)
class TreeWork:
    """A tree ensemble, rows and background; the last output is looked at."""

    settings: Settings
    model: BenchModel
    rows: FloatArray
    background: FloatArray

    def error(self, answer: Attribution) -> float:
        """How far values are from adding up to the model's own output, at most."""
        output = self.model.forward(self.rows[: len(answer.values)])[:, -1]
        return float(np.abs(answer.values.sum(axis=1) + answer.base - output).max())

    def ours(self, method: str) -> list[Side]:
        """Us, with one thread and with several."""
        return [
            Side(
                name=f"ours {threads}",
                explain=partial(self._explain, method, threads),
                error=self.error,
                max_rows=len(self.rows),
                min_rows=1 if self.settings.tiny else _MIN_ROWS[method],
                threads=threads,
            )
            for threads in our_threads(self.settings)
        ]

    def _explain(self, method: str, threads: int, n_rows: int) -> Attribution:
        set_threads(threads)
        explanation = explain(method, self.model, self.rows[:n_rows], self.background)
        return Attribution(explanation.values[:, :, -1], explanation.base_values[:, -1])

    def shap(self, *, interventional: bool) -> Side:
        """The TreeExplainer of shap, which uses one thread."""
        import shap

        if interventional:
            explainer = shap.TreeExplainer(self.model.trees, self.background)
        else:
            explainer = shap.TreeExplainer(self.model.trees, feature_perturbation="tree_path_dependent")

        def run(n_rows: int) -> Attribution:
            values = np.asarray(explainer.shap_values(self.rows[:n_rows], check_additivity=False))
            values = values[:, :, -1] if values.ndim == 3 else values  # noqa: PLR2004 - rows, features, outputs
            return Attribution(values, float(np.ravel(explainer.expected_value)[-1]))

        return Side(name="shap TreeExplainer", explain=run, error=self.error, max_rows=len(self.rows))

    def race(
        self, case: str, method: str, peers: Sequence[Side], bars: Mapping[int, tuple[float, float]], remark: str = ""
    ) -> Iterator[Record]:
        """Run the contest; the bars, by number of threads, hold against the first peer."""
        contest = Contest(
            case=case,
            error_is=ADDITIVITY,
            ours=self.ours(method),
            peers=peers,
            repeats=self.settings.repeats,
            budget_s=self.settings.budget_s,
            bars={(f"ours {threads}", peers[0].name): bar for threads, bar in bars.items()},
            apart=apart,
            remark=remark,
        )
        yield from contest.run()


def leaves(estimator: Any) -> int:
    """Leaves of a scikit-learn forest."""
    return sum(int(tree.tree_.n_leaves) for tree in estimator.estimators_)
