"""Which of a tree ensemble's effects features have alone, and which pairs of them have together."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.shap_tree import ShapTree
from interp_pipeline.explainers.tree_inputs import TreeInputs, forest_of, tree_refusal
from interp_pipeline.explainers.trees.row_counter import RowCounter
from interp_pipeline.explanation import Cost
from interp_pipeline.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["DIVIDED", "InteractionPlan", "compute_interactions", "plan_interactions"]

DIVIDED = ShapTree.method.name  # whose values are divided: the interactions are those of the same game
_BATCH = 128  # background rows of one walk
_MOST_VISITS = 250_000_000  # of nodes by walks; about ten seconds on one core
_FEWEST_ROWS = 20  # a mean over fewer says too little
_MOST_FEATURES = 1000  # a matrix of as many squared is held per row at hand
_STRONGEST = 20  # pairs whose values are kept row by row
_CHUNK_BYTES = 256 * 2**20  # of the matrices of rows that are computed together
_SHARE_OF_TIME = 1 / 3  # of ``max_seconds`` that the SHAP values may have taken: this takes about as long


@dataclass(frozen=True, kw_only=True)
class InteractionPlan:
    """For which rows interactions are computed, and why for these."""

    rows: tuple[int, ...]  # positions in the explanation; empty: none are computed
    why: str  # sentence for the manifest


def plan_interactions(
    model: ExplainableModel, explanation: Explanation, n_background: int, config: ExplainConfig
) -> InteractionPlan:
    """Decide how many of the explained rows can be divided into main and joint effects at bounded cost.

    The cost is counted in nodes, not in seconds: the same model, data and settings give the same rows.

    Args:
        model: the model that was explained.
        explanation: its SHAP values.
        n_background: background rows they were computed against.
        config: whether interactions are wanted, and ``max_seconds``.

    Returns:
        The rows, evenly spaced where not all of them can be afforded.
    """
    reason = _refusal(model, explanation, config)
    if reason is not None:
        return InteractionPlan(rows=(), why=f"Interactions were not computed: {reason}.")
    forest = forest_of(model)
    if forest is None:
        msg = "tree methods do not refuse this model, and its trees cannot be read"
        raise AssertionError(msg)
    n_rows, n_features, n_outputs = explanation.values.shape
    n_nodes = len(forest.column)
    visits = max(1, n_nodes) * n_outputs * -(-n_background // _BATCH)
    affordable = min(n_rows, _MOST_VISITS // visits)
    size = f"{n_nodes:,} nodes, {n_outputs} outputs and {n_features} features"
    if affordable < min(n_rows, _FEWEST_ROWS):
        why = f"Interactions were not computed: with {size} a mean over enough rows would take too long."
        return InteractionPlan(rows=(), why=why)
    if affordable == n_rows:
        return InteractionPlan(rows=tuple(range(n_rows)), why="Interactions were computed for all explained rows.")
    rows = np.linspace(0, n_rows - 1, affordable).round().astype(int).tolist()
    why = f"Interactions were computed for {affordable} of {n_rows} explained rows, to bound what {size} cost."
    return InteractionPlan(rows=tuple(rows), why=why)


def _refusal(model: ExplainableModel, explanation: Explanation, config: ExplainConfig) -> str | None:
    """Why no interactions are computed, in words; None if they are."""
    if not config.interactions:
        return "the setting interactions is off"
    if explanation.method != DIVIDED:
        return f"they divide the values of {DIVIDED}, and this model was explained by {explanation.method}"
    if len(explanation.feature_names) > _MOST_FEATURES:
        return f"the model has {len(explanation.feature_names)} features, and pairs are counted up to {_MOST_FEATURES}"
    if config.max_seconds is not None and explanation.cost.seconds > _SHARE_OF_TIME * config.max_seconds:
        return f"they take about as long as the SHAP values, which max_seconds={config.max_seconds:g} does not leave"
    return tree_refusal(model)


def compute_interactions(
    model: ExplainableModel,
    explanation: Explanation,
    background: pd.DataFrame,
    rows: Sequence[int],
    advance: Callable[[int], None],
) -> Interactions:
    """Divide the SHAP values of a tree ensemble into main effects and joint effects of pairs.

    Exact to rounding, the same on any number of threads; see ``kernels.interactions``. Costs about what
    the SHAP values of the same rows cost, and memory for the matrices of some rows at a time; where
    they do not fit at once, the rows are walked twice.

    Args:
        model: the model that was explained.
        explanation: its SHAP values by ``shap_tree``.
        background: the background rows they were computed against.
        rows: positions of the rows to divide; see ``plan_interactions``.
        advance: called with the number of newly finished rows, len(rows) in all.

    Raises:
        UsageError: a table is empty or lacks a feature.
        ModelError: the explanation is not one of ``shap_tree``, or tree methods refuse the model.
    """
    started = time.perf_counter()
    if explanation.method != DIVIDED:
        msg = f"interactions divide the values of {DIVIDED}, not of {explanation.method}; explain the model with it"
        raise ModelError(msg)
    matrices = _Matrices(model, explanation, background, rows)
    advance = RowCounter(1 if matrices.fit_at_once else 2, advance).add
    sum_abs, sums = np.zeros((2, *matrices.shape))
    last = np.zeros((0, *matrices.shape))
    for last in matrices.in_chunks(advance):
        sum_abs += np.abs(last).sum(axis=0)
        sums += last.sum(axis=0)
    whole = Interactions(
        explanation=explanation,
        rows=tuple(rows),
        mean_abs=matrices.of_features(sum_abs / len(rows)),
        mean=matrices.of_features(sums / len(rows)),
        pairs=(),
        values=np.zeros((len(rows), 0, matrices.shape[2])),
        cost=Cost(seconds=0.0, model_evaluations=0),
    )
    pairs = whole.ranking[:_STRONGEST]
    chunks = [last] if matrices.fit_at_once else matrices.in_chunks(advance)
    values = np.concatenate([matrices.of_pairs(chunk, pairs) for chunk in chunks])
    cost = Cost(seconds=time.perf_counter() - started, model_evaluations=0)
    return dataclasses.replace(whole, pairs=pairs, values=values, cost=cost)


class _Matrices:
    """Main and joint effects of the used features, some rows at a time."""

    def __init__(
        self, model: ExplainableModel, explanation: Explanation, background: pd.DataFrame, rows: Sequence[int]
    ) -> None:
        chosen = list(rows)
        self._trees = TreeInputs.read("interactions", model, explanation.data.iloc[chosen], background)
        self._used = list(self._trees.used)
        self._shap = np.ascontiguousarray(explanation.values[chosen][:, self._used])
        self._n_features = len(explanation.feature_names)
        n_players, n_outputs = self._shap.shape[1:]
        self.shape = (n_players, n_players, n_outputs)
        self._chunk_rows = max(1, _CHUNK_BYTES // (8 * n_players**2 * n_outputs))
        self.fit_at_once = len(chosen) <= self._chunk_rows

    def in_chunks(self, advance: Callable[[int], None]) -> Iterator[FloatArray]:
        """The rows in order; arrays of shape (some rows, n_players, n_players, n_outputs)."""
        from interp_pipeline.explainers.trees.interaction_values import interaction_values

        trees, diagonal = self._trees, np.arange(self.shape[0])
        for start in range(0, len(trees.rows), self._chunk_rows):
            chunk = slice(start, start + self._chunk_rows)
            shap = self._shap[chunk]
            values = interaction_values(trees.forest, trees.rows[chunk], trees.background, trees.players, shap, advance)
            main = values[:, diagonal, diagonal]
            values *= 2.0  # a pair's two halves together
            values[:, diagonal, diagonal] = main
            yield values

    def of_features(self, matrix: FloatArray) -> FloatArray:
        """A matrix of the used features among all, the unused ones exactly 0."""
        result = np.zeros((self._n_features, self._n_features, self.shape[2]))
        result[np.ix_(self._used, self._used)] = matrix
        return result

    def of_pairs(self, values: FloatArray, pairs: Sequence[tuple[int, int]]) -> FloatArray:
        """Joint effects of pairs of features, shape (some rows, n_pairs, n_outputs)."""
        position = {feature: i for i, feature in enumerate(self._used)}
        first, second = ([position[pair[side]] for pair in pairs] for side in (0, 1))
        return np.asarray(values[:, first, second])
