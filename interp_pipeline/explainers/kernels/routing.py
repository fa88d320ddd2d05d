"""Which way rows go at a split, for compiled code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.explainers.kernels.compiled import kernel
from interp_pipeline.explainers.kernels.lanes import LANES, goes_left, load, multiply, store

if TYPE_CHECKING:
    from interp_pipeline.explainers.kernels.path_plan import Bits, Nodes
    from interp_pipeline.explanation import FloatArray

__all__ = ["route"]


@kernel
def _category_goes_left(nodes: Nodes, node: int, bits: Bits, x: float) -> bool:
    """Whether a value goes left at a split on categories; see ``PackedForest``."""
    if np.isnan(x):
        return bool(nodes[node].missing_left)
    if not 0.0 <= x < 64.0 * bits.shape[1]:
        return bool(nodes[node].unseen_left)
    category = np.int64(x)
    word = bits[nodes[node].category_set, category // 64]
    return bool((word >> np.uint64(category % 64)) & np.uint64(1) != 0)


@kernel
def route(nodes: Nodes, node: int, bits: Bits, memory: FloatArray, x: int, rows: int, to: int, before: int) -> None:
    """Write 1.0 for the rows that go left at a split and passed this player's splits before it, else 0.0.

    Args:
        nodes: of the forest.
        node: the split.
        bits: ``PackedForest.category_bits``.
        memory: read and written.
        x: where the rows' values begin, a row of ``rows`` numbers per column.
        rows: in the block, a multiple of eight.
        to: where to write.
        before: where the states of the player's earlier edge begin, -1 if there is none.
    """
    start = x + np.int64(nodes[node].column) * rows
    if nodes[node].category_set >= 0:
        for r in range(rows):
            memory[to + r] = 1.0 if _category_goes_left(nodes, node, bits, memory[start + r]) else 0.0
    else:
        threshold, missing = nodes[node].threshold, 1.0 if nodes[node].missing_left else 0.0
        for r in range(0, rows, LANES):
            store(memory, to + r, goes_left(load(memory, start + r), threshold, missing))
    if before >= 0:
        for r in range(0, rows, LANES):
            store(memory, to + r, multiply(load(memory, to + r), load(memory, before + r)))
