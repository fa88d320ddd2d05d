"""Interventional SHAP values of rows, batch by batch of the background, rows on all threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from interp_pipeline.explainers.kernels.interventional import Splits
    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray

__all__ = ["interventional_values", "read_splits"]

_BLOCK_ROWS = 16  # few, so that threads end together and progress shows; a tree is read once per block


def interventional_values(
    forest: PackedForest,
    compared: FloatArray,
    background: FloatArray,
    players: npt.NDArray[np.int32],
    n_players: int,
    advance: Callable[[int], None],
) -> FloatArray:
    """Exact interventional SHAP values: a player that is not in a coalition has a background row's values.

    Args:
        forest: the trees.
        compared: rows to explain, as ``forest.as_compared`` gives them, shape (n_rows, n_columns).
        background: background rows, likewise.
        players: which player each column belongs to, shape (n_columns,).
        n_players: number of players.
        advance: called with the number of newly finished rows.

    Returns:
        Shape (n_rows, n_players, n_outputs). A row's values depend on that row and the background
        alone, to the last bit.
    """
    from interp_pipeline.explainers.kernels.interventional import AT_ONCE, add_rows, make_memory, mark_background
    from interp_pipeline.explainers.kernels.threads import run_blocks
    from interp_pipeline.explainers.trees.row_counter import RowCounter

    splits, levels = read_splits(forest, players)
    n_rows, n_outputs = len(compared), forest.n_outputs
    n_computed = n_outputs - 1 if forest.outputs_sum_to_constant else n_outputs
    values = np.ascontiguousarray(forest.value[:, :n_computed])
    shares = np.zeros((n_rows, n_players, n_computed))
    blocks = [slice(i, min(i + _BLOCK_ROWS, n_rows)) for i in range(0, n_rows, _BLOCK_ROWS)]
    batches = [background[i : i + AT_ONCE] for i in range(0, len(background), AT_ONCE)]
    counter = RowCounter(len(batches), advance)
    for batch in batches:
        mark_background(splits, forest.category_bits, np.ascontiguousarray(batch.T))

        def work(block: slice, n_batch: int = len(batch)) -> None:
            memory = make_memory(levels, n_players, n_computed)
            add_rows(memory, splits, forest.category_bits, values, forest.root, compared[block], n_batch, shares[block])

        run_blocks(work, blocks, counter.add)
    shares /= len(background)
    if n_computed == n_outputs:
        return shares
    return np.concatenate([shares, 0.0 - shares.sum(axis=2, keepdims=True)], axis=2)  # not "-sum": 0 is no -0


def read_splits(forest: PackedForest, players: npt.NDArray[np.int32]) -> tuple[Splits, int]:
    """The nodes as the walk reads them, and one more than the depth of the deepest leaf."""
    from interp_pipeline.explainers.kernels.interventional import SPLIT
    from interp_pipeline.explainers.kernels.path_plan import node_depths

    splits = np.zeros(len(forest.column), dtype=SPLIT)
    for name in ("threshold", "column", "left", "right", "category_set", "missing_left", "unseen_left"):
        splits[name] = getattr(forest, name)
    splits["player"] = np.where(forest.column >= 0, players[forest.column], -1)
    return splits, int(node_depths(forest).max(initial=0)) + 2
