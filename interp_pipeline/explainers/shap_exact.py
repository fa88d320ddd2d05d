"""Exact SHAP values of any model, by enumerating every coalition of features.

Shapley's formula (L. S. Shapley, "A value for n-person games", 1953) on the interventional game
(Janzing et al., "Feature relevance quantification in explainable AI", 2020): over all coalitions S
without player j, ``v(S + j) - v(S)`` weighted by ``|S|! (k - |S| - 1)! / k!``. It is applied to
each pair of an explained and a background row and averaged; players on which the pair agrees are
dummies of that pair's game, so k counts only those that differ (see ``masking``).
"""

from __future__ import annotations

from functools import cache
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.explainers.inputs import Inputs, TimeLimit, used_features
from interp_pipeline.explainers.masking import BLOCK_ROWS, MaskedModel
from interp_pipeline.explanation import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.masking import BoolArray, IndexArray
    from interp_pipeline.explainers.protocol import ExplainableModel
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["ShapExact"]

_REMEDY = "allow more, explain fewer rows, or ask for shap_permutation"


class ShapExact:
    """Enumerates coalitions: exact, additive to rounding, deterministic, any model.

    Costs at most n_rows * n_background * 2^d model evaluations for d used features; fewer where
    rows share values with the background. Memory does not grow with the rows.
    """

    name = "shap_exact"

    def refusal(self, model: ExplainableModel, config: ExplainConfig) -> str | None:
        """Why not: too many features to enumerate."""
        n_used = len(used_features(model))
        if n_used > config.max_exact_features:
            return (
                f"the model uses {n_used} features, and enumerating their coalitions is allowed "
                f"up to max_exact_features={config.max_exact_features}"
            )
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

        A row's values depend on that row and the background alone, not on the rows beside it.

        Raises:
            UsageError: a table is empty or lacks a feature.
            ModelError: ``max_seconds`` is not enough, or columns and features do not belong together.
        """
        limit = TimeLimit(self.name, config.max_seconds)
        inputs = Inputs.encode(model, rows, background)
        masked = MaskedModel(inputs)
        n_rows, n_outputs = len(inputs.rows), masked.background_outputs.shape[1]
        values = np.zeros((n_rows, len(model.feature_names), n_outputs))
        predictions = np.empty((n_rows, n_outputs))
        players = np.asarray(masked.players, dtype=np.intp)
        for i, row in enumerate(inputs.rows):
            predictions[i] = masked.predict(row)
            values[i, players] = _row_values(masked, row, predictions[i])
            advance(1)
            limit.require((i + 1) / n_rows, _REMEDY)
        return inputs.explanation(
            method=self.name,
            config=config,
            values=values,
            base_values=masked.base_value,
            predictions=predictions,
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=masked.n_evaluations),
        )


def _row_values(masked: MaskedModel, row: FloatArray, prediction: FloatArray) -> FloatArray:
    """Shapley values of one row, shape (n_players, n_outputs): the mean over its pairs."""
    differing = masked.differing(row)
    sizes = differing.sum(axis=1)
    total = np.zeros((differing.shape[1], len(prediction)))
    for size in np.unique(sizes[sizes > 0]):
        pairs = np.flatnonzero(sizes == size)
        at_once = max(1, (16 * BLOCK_ROWS) >> int(size))  # bounds the memory for the coalitions' values
        for start in range(0, len(pairs), at_once):
            chosen = pairs[start : start + at_once]
            total += _sum_of_pair_values(masked, row, prediction, chosen, differing[chosen])
    return np.asarray(total / masked.n_background, dtype=np.float64)


def _sum_of_pair_values(
    masked: MaskedModel, row: FloatArray, prediction: FloatArray, pairs: IndexArray, differing: BoolArray
) -> FloatArray:
    """Shapley values summed over pairs that differ on equally many players.

    Args:
        masked: the model.
        row: encoded explained row, shape (n_columns,).
        prediction: its outputs, shape (n_outputs,).
        pairs: background rows, shape (n_pairs,).
        differing: players on which they differ from the row, shape (n_pairs, n_players).

    Returns:
        Shape (n_players, n_outputs).
    """
    size = int(differing[0].sum())
    n_coalitions = 1 << size
    bit = np.cumsum(differing, axis=1) - 1  # a differing player's bit in a coalition's number
    worth = np.empty((len(pairs) * n_coalitions, len(prediction)))
    for start in range(0, len(worth), BLOCK_ROWS):
        query = np.arange(start, min(start + BLOCK_ROWS, len(worth)))
        pair, coalition = np.divmod(query, n_coalitions)
        inside = (coalition > 0) & (coalition < n_coalitions - 1)  # the empty and the full one are known
        pair, coalition, query = pair[inside], coalition[inside], query[inside]
        members = ((coalition[:, np.newaxis] >> bit[pair]) & 1).astype(np.bool_) & differing[pair]
        worth[query] = masked.outputs(row, pairs[pair], members)
    per_pair = worth.reshape(len(pairs), n_coalitions, -1)
    per_pair[:, 0] = masked.background_outputs[pairs]
    per_pair[:, -1] = prediction
    by_bit = np.matmul(_shapley_weights(size), per_pair)  # (n_pairs, size, n_outputs)
    per_player = np.take_along_axis(by_bit, np.maximum(bit, 0)[:, :, np.newaxis], axis=1)
    return np.asarray((per_player * differing[:, :, np.newaxis]).sum(axis=0), dtype=np.float64)


@cache
def _shapley_weights(n_players: int) -> FloatArray:
    """What a coalition's worth counts for each player's Shapley value.

    Returns:
        Shape (n_players, 2^n_players): for coalition number c, positive where the player's bit is
        set in c and negative where it is not.
    """
    coalitions = np.arange(1 << n_players)
    member = (coalitions[np.newaxis, :] >> np.arange(n_players)[:, np.newaxis]) & 1
    sizes = member.sum(axis=0)
    others = sizes - member  # size of the coalition without the player
    weight_of_size = np.array([1.0 / (n_players * comb(n_players - 1, size)) for size in range(n_players)])
    return np.asarray(np.where(member == 1, 1.0, -1.0) * weight_of_size[others], dtype=np.float64)
