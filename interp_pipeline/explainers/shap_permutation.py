"""SHAP values of any model with many features, sampled until a stated accuracy, with their errors.

Each pair of an explained row x and a background row z is walked from z to x, feature by feature, in
random orders; what the output gains with a feature, on average over orders, is its Shapley value
(Castro, Gomez, Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009). A round
walks one random order, the same order rotated by half its length, and both reversed: four walks whose
errors cancel in part (reversal as the antithetic variate: Mitchell et al., "Sampling permutations for
Shapley value estimation", 2022; the rotation and what it gains are in decision record 0005). Gains
telescope, so every estimate adds up to f(x) - f(z) exactly. Background rows are strata: none is left
out, the base value is exact, and only the orders are random.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.explainers.inputs import Inputs, TimeLimit, used_features, with_unused
from interp_pipeline.explainers.masking import MaskedModel
from interp_pipeline.explainers.method import Method, Spending
from interp_pipeline.explainers.sampling_budget import SamplingBudget, walked_queries
from interp_pipeline.explanation import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explainers.game import Pairs
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["ShapPermutation"]


def _why(model: ExplainableModel, config: ExplainConfig) -> str:
    accuracy = f"{config.sampling_rounds} rounds of random orders are sampled"
    if config.max_error is not None:
        accuracy = (
            f"random orders are sampled until their mean standard error is {config.max_error:g} of the mean |value|"
        )
    return (
        f"The model uses {len(used_features(model))} features, too many combinations to try them all: {accuracy}, "
        "and every value carries its standard error."
    )


class ShapPermutation:
    """Samples feature orders: unbiased, additive to rounding, a standard error per value, any model.

    Costs 4 * rounds * n_rows * n_background * (k - 1) model evaluations, k being the number of
    features on which an explained and a background row differ. A row's orders are drawn from the
    seed and the row's own content: its values do not depend on the rows beside it or their order,
    except that a model may answer in other last bits when it is asked about other rows in the same
    call; equal rows get equal orders, and the errors of different rows are independent.
    Deterministic for a seed, unless ``max_seconds`` cuts the sampling short.
    """

    method = Method(
        name="shap_permutation",
        words="sampled SHAP values of any model, each with its standard error",
        sampled=True,
        spending=Spending(queries=walked_queries, words="Sampling takes about"),
        why=_why,
    )

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

        Rounds are walked for all rows, two at a time, until the first of: ``sampling_rounds``, or with
        ``max_error`` as many as it takes until the mean standard error is at most that share of the
        mean absolute value; ``max_evaluations``; ``max_seconds``. ``details`` holds the ``rounds``, the
        ``relative_error`` they reached, and ``stopped_by_…`` = 1 for what ended them.

        Raises:
            UsageError: a table is empty or lacks a feature.
            ModelError: a budget is not enough for two rounds, or ``max_error`` is out of reach and
                no budget bounds the work, or columns and features do not belong together.
        """
        limit = TimeLimit(self.method.name, config.max_seconds)
        inputs = Inputs.encode(model, rows, background)
        masked = MaskedModel(inputs)
        sample = _Sample(masked, config.seed)
        budget = SamplingBudget(masked, config, limit, advance)
        while n_rounds := budget.next_rounds(sample.rounds, sample.relative_error()):
            sample.walk(n_rounds, budget.after)
        values, std_errors = sample.estimate()
        n_features = len(model.feature_names)
        return inputs.explanation(
            method=self.method.name,
            config=config,
            values=with_unused(values, masked.players, n_features),
            std_errors=with_unused(std_errors, masked.players, n_features),
            base_values=masked.base_value,
            predictions=masked.game.predictions,
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=masked.n_evaluations),
            details={
                "rounds": float(sample.rounds),
                "relative_error": sample.relative_error(),
                f"stopped_by_{budget.stopped_by}": 1.0,
            },
        )


class _Sample:
    """What was walked so far, as running sums over rounds: memory does not grow with them."""

    def __init__(self, masked: MaskedModel, seed: int) -> None:
        """Nothing is walked yet.

        Args:
            masked: the model, the rows and the background.
            seed: of the feature orders.
        """
        self._masked = masked
        self._seed = seed
        self.rounds = 0
        self._sums = np.zeros(masked.values_shape)  # of the estimates, over rounds and background rows
        self._spreads = np.zeros(masked.values_shape)  # of the variance of one round's estimate, likewise

    def walk(self, n_rounds: int, after: Callable[[Pairs], None]) -> None:
        """Walk further rounds for every row.

        Args:
            n_rounds: two or more, so that they show their own spread.
            after: called with each chunk of pairs that is done.
        """
        from interp_pipeline.explainers.kernels.coalitions_walked import add_walked_values, mask_walks

        masked = self._masked
        for pairs in masked.chunks(walked_queries(len(masked.players), n_rounds)):
            orders = self._draw_orders(pairs, n_rounds)
            outputs = masked.outputs(int(pairs.offsets[-1]), partial(mask_walks, masked.game, pairs, orders))
            add_walked_values(masked.game, pairs, orders, outputs, self._sums, self._spreads)
            after(pairs)
        self.rounds += n_rounds

    def _draw_orders(self, pairs: Pairs, n_rounds: int) -> npt.NDArray[np.int32]:
        """Random orders of the players that differ, shape (n_pairs, n_rounds, n_players)."""
        from interp_pipeline.explainers.kernels.coalitions_walked import shuffle_players

        game, shape = self._masked.game, (len(self._masked.game.background), n_rounds, len(self._masked.players))
        uniforms = np.empty((len(pairs.row), *shape[1:]))
        for row in np.unique(pairs.row):
            mine = pairs.row == row
            drawn = _generator(self._seed, game.rows[row], self.rounds).random(shape)
            uniforms[mine] = drawn[pairs.fill[mine]]
        orders = np.empty(uniforms.shape, np.int32)
        shuffle_players(pairs, uniforms, orders)
        return orders

    def estimate(self) -> tuple[FloatArray, FloatArray]:
        """Values and their standard errors, both of shape (n_rows, n_players, n_outputs).

        Orders are drawn independently per background row and round. So the variance of a value is
        the sum over background rows of the variance between rounds, over rounds * n_background^2;
        pooling it over the strata makes it steady even for few rounds.
        """
        estimates = max(1, self.rounds * len(self._masked.game.background))
        return self._sums / estimates, np.sqrt(self._spreads) / estimates

    def relative_error(self) -> float:
        """Mean standard error as a share of the mean absolute value; 0 where all values are 0."""
        values, std_errors = self.estimate()
        scale = float(np.abs(values).mean()) if values.size else 0.0
        return float(std_errors.mean()) / scale if scale > 0 else 0.0


def _generator(seed: int, row: FloatArray, rounds_before: int) -> np.random.Generator:
    """Random numbers that depend on the seed, the row's content and the rounds before, nothing else."""
    content = hashlib.sha256(np.ascontiguousarray(row).tobytes()).digest()
    words = np.frombuffer(content, dtype="<u4").tolist()
    return np.random.default_rng([seed, rounds_before, *words])
