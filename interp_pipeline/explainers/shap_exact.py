"""Exact SHAP values of any model, by enumerating every coalition of features.

Shapley's formula (L. S. Shapley, "A value for n-person games", 1953) on the interventional game
(Janzing et al., "Feature relevance quantification in explainable AI", 2020): over all coalitions S
without player j, ``v(S + j) - v(S)`` weighted by ``|S|! (k - |S| - 1)! / k!``. It is applied to
each pair of an explained and a background row and averaged; players on which the pair agrees are
dummies of that pair's game, so k counts only those that differ (see ``masking``).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.inputs import Inputs, TimeLimit, used_features, with_unused
from interp_pipeline.explainers.masking import MaskedModel
from interp_pipeline.explainers.method import Method, Spending
from interp_pipeline.explanation import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explainers.game import IndexArray
    from interp_pipeline.explanation import Explanation

__all__ = ["ShapExact", "enumerated_queries"]

_REMEDY = "allow more, explain fewer rows, or ask for shap_permutation"
_MOST_PLAYERS = 24  # 16 million coalitions of a single pair; above, their outputs do not fit into memory


def enumerated_queries(n_players: int) -> IndexArray:
    """Model evaluations of a pair by the number of players it differs on, shape (n_players + 1,)."""
    return np.array([max(2**size - 2, 0) for size in range(n_players + 1)], dtype=np.int64)


def _why(model: ExplainableModel, config: ExplainConfig) -> str:
    del config
    n_used = len(used_features(model))
    return f"The model uses {n_used} features, few enough to try every combination of them exactly."


class ShapExact:
    """Enumerates coalitions: exact, additive to rounding, deterministic, any model.

    Costs at most n_rows * n_background * (2^d - 2) model evaluations for d used features; fewer where
    rows share values with the background. Memory does not grow with the rows.
    """

    method = Method(
        name="shap_exact",
        words="exact SHAP values of any model with few features",
        spending=Spending(
            queries=lambda n_players, _rounds: enumerated_queries(n_players), words="Trying every combination takes"
        ),
        why=_why,
    )

    def refusal(self, model: ExplainableModel, config: ExplainConfig) -> str | None:
        """Why not: too many features to enumerate."""
        n_used = len(used_features(model))
        if n_used > config.max_exact_features:
            return (
                f"the model uses {n_used} features, and enumerating their coalitions is allowed "
                f"up to max_exact_features={config.max_exact_features}"
            )
        if n_used > _MOST_PLAYERS:
            return (
                f"the model uses {n_used} features, and coalitions of more than {_MOST_PLAYERS} do not fit into memory"
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

        A row's values depend on that row and the background alone, not on the rows beside it, except
        that a model may answer in other last bits when it is asked about other rows in the same call.

        Raises:
            UsageError: a table is empty or lacks a feature.
            ModelError: the method refuses this model, ``max_seconds`` or ``max_evaluations`` is not
                enough, or columns and features do not belong together.
        """
        from interp_pipeline.explainers.kernels.coalitions_enumerated import add_shapley_values, mask_coalitions

        reason = self.refusal(model, config)
        if reason is not None:
            msg = f"{self.method.name}: {reason}"
            raise ModelError(msg)
        limit = TimeLimit(self.method.name, config.max_seconds)
        inputs = Inputs.encode(model, rows, background)
        masked = MaskedModel(inputs)
        n_queries = enumerated_queries(len(masked.players))
        _require_evaluations(masked, n_queries, config.max_evaluations)
        sums, n_background, rows_done = np.zeros(masked.values_shape), len(inputs.background), 0
        for pairs in masked.chunks(n_queries):
            outputs = masked.outputs(int(pairs.offsets[-1]), partial(mask_coalitions, masked.game, pairs))
            add_shapley_values(masked.game, pairs, outputs, sums)
            pairs_done = masked.pairs_done(pairs)
            advance(pairs_done // n_background - rows_done)
            rows_done = pairs_done // n_background
            limit.require(pairs_done / (len(sums) * n_background), _REMEDY)
        return inputs.explanation(
            method=self.method.name,
            config=config,
            values=with_unused(sums / n_background, masked.players, len(model.feature_names)),
            base_values=masked.base_value,
            predictions=masked.game.predictions,
            cost=Cost(seconds=limit.elapsed_s, model_evaluations=masked.n_evaluations),
        )


def _require_evaluations(masked: MaskedModel, n_queries: IndexArray, max_evaluations: int | None) -> None:
    """Refuse to begin what the budget does not allow to end."""
    if max_evaluations is None:
        return
    needed = masked.n_evaluations + masked.count_queries(n_queries)
    if needed > max_evaluations:
        msg = f"shap_exact: max_evaluations={max_evaluations} is not enough, {needed} are needed; {_REMEDY}"
        raise ModelError(msg)
