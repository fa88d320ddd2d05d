"""Interventional SHAP interaction values of rows, batch by batch of the background, rows on all threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray

__all__ = ["interaction_values"]

_BLOCK_ROWS = 16  # few, so that threads end together and progress shows; a tree is read once per block
_BLOCK_BYTES = 32 * 2**20  # of a block's matrices: many players get smaller blocks


def interaction_values(
    forest: PackedForest,
    compared: FloatArray,
    background: FloatArray,
    players: npt.NDArray[np.int32],
    shap: FloatArray,
    advance: Callable[[int], None],
) -> FloatArray:
    """Exact interventional SHAP interaction values of all pairs of players.

    Args:
        forest: the trees.
        compared: rows to explain, as ``forest.as_compared`` gives them, shape (n_rows, n_columns).
        background: background rows, likewise.
        players: which player each column belongs to, shape (n_columns,).
        shap: SHAP values of the same rows against the same background, as ``interventional_values``
            gives them, shape (n_rows, n_players, n_outputs): what is left of them is the main effects.
        advance: called with the number of newly finished rows.

    Returns:
        Shape (n_rows, n_players, n_players, n_outputs), symmetric in the players; summed over either
        they give ``shap``, summed over both prediction - base value. On the diagonal stand the main
        effects. A row's values depend on that row and the background alone, to the last bit.
    """
    from interp_pipeline.explainers.kernels.interactions import add_pairs, make_pair_memory
    from interp_pipeline.explainers.kernels.interventional import AT_ONCE, mark_background
    from interp_pipeline.explainers.kernels.threads import run_blocks
    from interp_pipeline.explainers.trees.interventional_values import read_splits
    from interp_pipeline.explainers.trees.row_counter import RowCounter

    splits, levels = read_splits(forest, players)
    n_rows, n_players, n_outputs = shap.shape
    n_computed = n_outputs - 1 if forest.outputs_sum_to_constant else n_outputs
    result = np.zeros((n_rows, n_players, n_players, n_outputs))
    size = int(np.clip(_BLOCK_BYTES // (8 * n_players**2), 1, _BLOCK_ROWS))
    blocks = [slice(i, min(i + size, n_rows)) for i in range(0, n_rows, size)]
    batches = [background[i : i + AT_ONCE] for i in range(0, len(background), AT_ONCE)]
    counter = RowCounter(len(batches) * n_computed, advance)
    if n_computed == 0:  # one output, which is the same for all rows
        advance(n_rows)
    for batch in batches:
        mark_background(splits, forest.category_bits, np.ascontiguousarray(batch.T))
        for output in range(n_computed):
            values = np.ascontiguousarray(forest.value[:, output])

            def work(
                block: slice, values: FloatArray = values, output: int = output, n_batch: int = len(batch)
            ) -> None:
                memory = make_pair_memory(levels, n_players)
                pairs = np.zeros((block.stop - block.start, n_players**2))
                add_pairs(memory, splits, forest.category_bits, values, forest.root, compared[block], n_batch, pairs)
                square = pairs.reshape(-1, n_players, n_players)
                result[block, :, :, output] += square + square.transpose(0, 2, 1)

            run_blocks(work, blocks, counter.add)
    result /= 2 * len(background)
    if n_computed < n_outputs:
        result[..., -1] = 0.0 - result[..., :-1].sum(axis=3)  # not "-sum", which makes 0 a -0
    _set_main_effects(result, shap)
    return result


def _set_main_effects(pairs: FloatArray, shap: FloatArray) -> None:
    """Write on the diagonal what the pairs of a player leave of its SHAP value."""
    main = np.arange(shap.shape[1])
    pairs[:, main, main] = 0.0
    pairs[:, main, main] = shap - pairs.sum(axis=2)
