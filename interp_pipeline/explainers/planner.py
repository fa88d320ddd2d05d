"""Which explainers will run, what that will cost, and whether the budget allows it.

Structure decides first (trees, then coefficients, then few enough features to enumerate), the budget
second: a method that would exceed it is passed over for the next one, which is said, and where none
is left that is an error which says what would fit.
"""

from __future__ import annotations

import dataclasses
import time
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.inputs import Inputs
from interp_pipeline.explainers.masking import MaskedModel
from interp_pipeline.explainers.registry import choose_explainers, find_method, load_explainer
from interp_pipeline.explainers.sampling_budget import FEWEST_ROUNDS
from interp_pipeline.explainers.tree_inputs import TreeInputs
from interp_pipeline.readable import count

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explainers.method import Spending
    from interp_pipeline.explainers.registry import Choice

__all__ = ["plan_explainers"]

_PROBE_S = 0.02  # long enough to measure, too short to notice


def plan_explainers(
    model: ExplainableModel, rows: pd.DataFrame, background: pd.DataFrame, config: ExplainConfig
) -> tuple[Choice, ...]:
    """Decide which explainers to run on these rows, as ``choose_explainers`` does, within the budget.

    The model is asked only where its answers are what a method spends: the rows, the background, and
    copies of the background for a few hundredths of a second to see how fast it answers.

    Args:
        model: the model to explain.
        rows: rows to explain.
        background: background data.
        config: ``methods``, and the limits ``max_seconds``, ``max_evaluations`` and ``max_error``.

    Returns:
        One choice per explainer, with what it is expected to cost where the model is asked.

    Raises:
        UsageError: a name is unknown, or a table is empty or lacks a feature, or a named explainer cannot
            explain this model within the budget; the message names one that can.
        ModelError: no explainer can; the message says what would fit.
    """
    work = _Work(model, rows, background, config)
    choices = choose_explainers(model, config, work.refusal)
    return tuple(work.with_forecast(choice) for choice in choices)


class _Work:
    """What explaining these rows costs, by method; measured when it is first needed."""

    def __init__(
        self, model: ExplainableModel, rows: pd.DataFrame, background: pd.DataFrame, config: ExplainConfig
    ) -> None:
        self._model, self._rows, self._background, self._config = model, rows, background, config

    @cached_property
    def _masked(self) -> MaskedModel:
        return MaskedModel(Inputs.encode(self._model, self._rows, self._background))

    @cached_property
    def _fault_of_trees(self) -> str | None:
        """Why the trees that were read are not this model, None if they are: then another method explains it."""
        try:
            TreeInputs.read("trees", self._model, self._rows, self._background)
        except ModelError as error:
            return str(error).removeprefix("trees: ")
        return None

    @cached_property
    def _evaluation_s(self) -> float:
        """Seconds per row that the model is asked about, in calls as long as those to come."""
        n_rows, inputs = 64, self._masked.game.fill_inputs
        while True:
            probe = np.resize(inputs, (n_rows, inputs.shape[1]))
            started = time.perf_counter()
            self._masked.answer(probe)
            elapsed_s = time.perf_counter() - started
            if elapsed_s >= _PROBE_S or n_rows >= self._masked.block_rows:
                return elapsed_s / n_rows
            n_rows = min(4 * n_rows, self._masked.block_rows)

    @property
    def _fixed(self) -> int:
        """Rows the model is asked about whatever the method."""
        return len(self._masked.game.rows) + len(self._masked.game.background)

    def _masked_rows(self, spending: Spending, rounds: int) -> int:
        return self._masked.count_queries(spending.queries(len(self._masked.players), rounds))

    def refusal(self, name: str) -> str | None:
        """Why a method cannot explain the model, or cannot within the budget; None if it can."""
        config = self._config
        explainer = load_explainer(name)
        reason, spending = explainer.refusal(self._model, config), explainer.method.spending
        if reason is None and explainer.method.reads_trees:
            reason = self._fault_of_trees
        if reason is not None or spending is None or (config.max_seconds is None and config.max_evaluations is None):
            return reason
        needed = self._fixed + self._masked_rows(spending, FEWEST_ROUNDS)  # the least that sampling can do
        if config.max_evaluations is not None and needed > config.max_evaluations:
            spent, limit = f"needs {needed:,} model evaluations", f"max_evaluations={config.max_evaluations}"
            return self._too_much(spent, limit, config.max_evaluations / needed)
        if config.max_seconds is not None:
            seconds = needed * self._evaluation_s
            if seconds > config.max_seconds:
                spent, limit = f"would take about {seconds:.2g} s", f"max_seconds={config.max_seconds:g}"
                return self._too_much(spent, limit, config.max_seconds / seconds)
        return None

    def _too_much(self, spent: str, limit: str, share: float) -> str:
        fitting = int(share * len(self._rows))
        remedy = f"explain at most {count(fitting, 'row')}" if fitting else "use a smaller background"
        return f"it {spent} for {count(len(self._rows), 'row')}, more than {limit} (allow more, or {remedy})"

    def with_forecast(self, choice: Choice) -> Choice:
        """That choice with what it is expected to cost."""
        method = find_method(choice.name)
        spending = method.spending
        if spending is None:
            return choice
        rounds = self._affordable_rounds(spending) if method.sampled else 0
        evaluations = self._fixed + self._masked_rows(spending, rounds)
        why = f"{choice.why} {spending.words} {evaluations:,} model evaluations"
        if rounds and self._config.max_error is not None:
            why += f" for {rounds} rounds; it ends sooner or later, when the stated accuracy is reached."
        elif rounds and rounds < self._config.sampling_rounds:
            why += f" for {rounds} of {self._config.sampling_rounds} rounds, which is what the budget allows."
        else:
            why += "."
        return dataclasses.replace(choice, why=why, n_evaluations=evaluations, seconds=evaluations * self._evaluation_s)

    def _affordable_rounds(self, spending: Spending) -> int:
        """Rounds of sampling that the budget allows, at most those that are configured."""
        config = self._config
        per_round = max(1, self._masked_rows(spending, 1))
        allowed = float(config.sampling_rounds)
        if config.max_evaluations is not None:
            allowed = min(allowed, (config.max_evaluations - self._fixed) / per_round)
        if config.max_seconds is not None:
            allowed = min(allowed, (config.max_seconds / self._evaluation_s - self._fixed) / per_round)
        # Two rounds are walked at a time, three where the last would be left alone.
        whole = max(FEWEST_ROUNDS, int(allowed))
        return whole if whole == config.sampling_rounds else whole - whole % FEWEST_ROUNDS
