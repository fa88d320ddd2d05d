"""SHAP values of any model with many features, sampled until a stated accuracy, with their errors.

Per explained row and background row, ``sampling_rounds`` pairs of a random feature order and its
reverse are walked (see ``permutation_walk``). Background rows are strata: none is left out, so the
base value is exact, every estimate is additive, and only the orders are random.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.inputs import Inputs, TimeLimit
from interp_pipeline.explainers.masking import MaskedModel
from interp_pipeline.explainers.permutation_walk import walk_pairs
from interp_pipeline.explanation import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.protocol import ExplainableModel
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["MAX_ROUNDS_FACTOR", "ShapPermutation"]

MAX_ROUNDS_FACTOR = 50  # max_error may multiply sampling_rounds by this much: errors shrink about 7 fold
_REMEDY = "allow more, or explain fewer rows or with a smaller background"
_PASS_ROUNDS = 2  # rounds per visit of a row; two is the fewest that show their own spread


class ShapPermutation:
    """Samples antithetic feature orders: unbiased, additive to rounding, standard error per value.

    Costs about 2 * rounds * n_rows * n_background * (k - 1) model evaluations, k being the number of
    features on which an explained and a background row differ. A row's orders are drawn from the
    seed and the row's own content: its values do not depend on the rows beside it or their order,
    equal rows get equal values, and the errors of different rows are independent. Deterministic for
    a seed, unless ``max_seconds`` cuts the sampling short.
    """

    name = "shap_permutation"

    def refusal(self, model: ExplainableModel, config: ExplainConfig) -> str | None:
        """Never refuses: any model that can be asked can be sampled."""
        del model, config
        return None

    def explain(
        self,
        model: ExplainableModel,
        rows: pd.DataFrame,
        background: pd.DataFrame,
        config: ExplainConfig,
        advance: Callable[[int], None],
    ) -> Explanation:
        """Attribute the model's outputs to its raw features; see ``Explainer.explain``.

        At least ``sampling_rounds`` rounds are walked; with ``max_error``, as many more as it takes
        until the mean standard error is at most that share of the mean absolute value.
        ``max_seconds`` ends the sampling earlier, after a pass over all rows; without it,
        ``MAX_ROUNDS_FACTOR`` times ``sampling_rounds`` is the most. ``details`` holds the
        ``rounds`` that were walked.

        Raises:
            UsageError: a table is empty or lacks a feature.
            ModelError: ``max_seconds`` is not enough for two rounds, or ``max_error`` is out of
                reach, or columns and features do not belong together.
        """
        limit = TimeLimit(self.name, config.max_seconds)
        inputs = Inputs.encode(model, rows, background)
        sample = _Sample(inputs.rows, MaskedModel(inputs), config.seed)
        steps = _Steps(len(inputs.rows), max(1, config.sampling_rounds // _PASS_ROUNDS), advance)

        def after_row(n_done: int) -> None:
            steps.advance()
            if sample.rounds == 0:
                limit.require(n_done / len(inputs.rows), _REMEDY)

        target = config.sampling_rounds
        while sample.rounds < target and not (sample.rounds and limit.passed):
            left = target - sample.rounds
            # An odd number ends with a pass of three: one round alone shows no spread.
            sample.visit_rows(left if left == _PASS_ROUNDS + 1 else _PASS_ROUNDS, after_row)
            if sample.rounds >= target and config.max_error is not None:
                target = _rounds_for(config.max_error, sample, config)
        steps.finish()
        values, std_errors = sample.estimate()
        players, n_features = sample.masked.players, len(model.feature_names)
        return inputs.explanation(
            method=self.name,
            config=config,
            values=_with_unused(values, players, n_features),
            std_errors=_with_unused(std_errors, players, n_features),
            base_values=sample.masked.base_value,
            predictions=sample.predictions,
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=sample.masked.n_evaluations),
            details={"rounds": float(sample.rounds)},
        )


class _Sample:
    """What was walked so far, as running sums over rounds: memory does not grow with them."""

    def __init__(self, rows: FloatArray, masked: MaskedModel, seed: int) -> None:
        """Nothing is walked yet; the rows' own predictions are known.

        Args:
            rows: encoded, shape (n_rows, n_columns).
            masked: the model and its background.
            seed: of the feature orders.
        """
        self._rows = rows
        self._seed = seed
        self.masked = masked
        self.rounds = 0
        self.predictions = np.stack([masked.predict(row) for row in rows])
        shape = (len(rows), len(masked.players), self.predictions.shape[1])
        self._sums = np.zeros(shape)  # over rounds, of the mean over background rows
        self._spreads = np.zeros(shape)  # over rounds and background rows, of the variance between rounds

    def visit_rows(self, n_rounds: int, after_row: Callable[[int], None]) -> None:
        """Walk ``n_rounds`` further rounds for every row, telling how many rows are done after each."""
        for i, row in enumerate(self._rows):
            random = _generator(self._seed, row, self.rounds)
            estimates = walk_pairs(self.masked, row, self.predictions[i], n_rounds, random)
            self._sums[i] += estimates.mean(axis=1).sum(axis=0)
            self._spreads[i] += n_rounds * estimates.var(axis=0, ddof=1).sum(axis=0)
            after_row(i + 1)
        self.rounds += n_rounds

    def estimate(self) -> tuple[FloatArray, FloatArray]:
        """Values and their standard errors, both of shape (n_rows, n_players, n_outputs).

        Orders are drawn independently per background row and round. So the variance of a value is
        the sum over background rows of the variance between rounds, over rounds * n_background^2;
        pooling it over the strata makes it steady even for few rounds.
        """
        values = self._sums / self.rounds
        std_errors = np.sqrt(self._spreads) / (self.rounds * self.masked.n_background)
        return values, std_errors

    def relative_error(self) -> float:
        """Mean standard error as a share of the mean absolute value; 0 where all values are 0."""
        values, std_errors = self.estimate()
        scale = float(np.abs(values).mean()) if values.size else 0.0
        return float(std_errors.mean()) / scale if scale > 0 else 0.0


@dataclass
class _Steps:
    """Turns passes over all rows into rows finished, as the progress bar counts them."""

    n_rows: int
    n_passes: int
    report: Callable[[int], None]
    visited: int = field(default=0, init=False)
    reported: int = field(default=0, init=False)

    def advance(self) -> None:
        """One row visited once."""
        self.visited += 1
        self._report_up_to(min(self.visited // self.n_passes, self.n_rows))

    def finish(self) -> None:
        """All rows are finished, whether early or after more passes than foreseen."""
        self._report_up_to(self.n_rows)

    def _report_up_to(self, rows: int) -> None:
        if rows > self.reported:
            self.report(rows - self.reported)
            self.reported = rows


def _generator(seed: int, row: FloatArray, rounds_before: int) -> np.random.Generator:
    """Random numbers that depend on the seed, the row's content and the rounds before, nothing else."""
    content = hashlib.sha256(np.ascontiguousarray(row).tobytes()).digest()
    words = np.frombuffer(content, dtype="<u4").tolist()
    return np.random.default_rng([seed, rounds_before, *words])


def _rounds_for(max_error: float, sample: _Sample, config: ExplainConfig) -> int:
    """How many rounds in all should reach the accuracy: errors shrink with their square root.

    Raises:
        ModelError: more than ``MAX_ROUNDS_FACTOR`` times the first rounds, and no time limit
            bounds the work instead.
    """
    error = sample.relative_error()
    if error <= max_error:
        return sample.rounds
    needed = max(sample.rounds + _PASS_ROUNDS, math.ceil(sample.rounds * (error / max_error) ** 2))
    if config.max_seconds is None and needed > MAX_ROUNDS_FACTOR * config.sampling_rounds:
        msg = (
            f"shap_permutation: max_error={max_error:g} needs about {needed} rounds, more than {MAX_ROUNDS_FACTOR} "
            f"times sampling_rounds={config.sampling_rounds} (error now {error:.3g}); raise one of the two"
        )
        raise ModelError(msg)
    return needed


def _with_unused(values: FloatArray, players: tuple[int, ...], n_features: int) -> FloatArray:
    """Values of the players among those of all features, the unused ones exactly 0."""
    result = np.zeros((values.shape[0], n_features, values.shape[2]))
    result[:, list(players)] = values
    return result
