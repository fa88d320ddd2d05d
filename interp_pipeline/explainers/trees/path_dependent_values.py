"""Path-dependent SHAP values of rows, block by block on all threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from interp_pipeline.explainers.kernels.path_plan import Bits, Nodes, Passes, Places, Rules
    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray

__all__ = ["expected_outputs", "path_dependent_values"]

_LANES = 8
_MOST_ROWS = 256  # in a block: what an edge costs once is spread over its rows
_SCRATCH_BYTES = 32 * 2**20  # of a thread; deep trees and wide rows get smaller blocks


def path_dependent_values(
    forest: PackedForest,
    compared: FloatArray,
    players: npt.NDArray[np.int32],
    n_players: int,
    advance: Callable[[int], None],
) -> FloatArray:
    """Exact path-dependent SHAP values: coalitions are weighted by the training rows in the trees.

    Args:
        forest: the trees.
        compared: rows as ``forest.as_compared`` gives them, shape (n_rows, n_columns).
        players: which player each column belongs to, shape (n_columns,).
        n_players: number of players.
        advance: called with the number of newly finished rows.

    Returns:
        Shape (n_rows, n_players, n_outputs). A row's values depend on that row alone, to the last bit.
    """
    from interp_pipeline.explainers.kernels.path_plan import plan_paths
    from interp_pipeline.explainers.kernels.threads import run_blocks, thread_count
    from interp_pipeline.explainers.trees.row_counter import RowCounter

    nodes, passes, rules = plan_paths(forest, players)
    n_rows = len(compared)
    result = np.zeros((n_rows, n_players, forest.n_outputs))
    n_computed = forest.n_outputs - 1 if forest.outputs_sum_to_constant else forest.n_outputs
    shape = _Shape(nodes, passes, compared.shape[1], n_players)
    size = shape.block_rows(n_rows, thread_count())
    blocks = [slice(i, min(i + size, n_rows)) for i in range(0, n_rows, size)]
    counter = RowCounter(n_computed, advance)
    if n_computed == 0:  # one output, which is the same for all rows
        advance(n_rows)
    for output in range(n_computed):
        nodes["value"] = forest.value[:, output]

        def work(block: slice, output: int = output) -> None:
            result[block, :, output] = _block_values(compared[block], shape, nodes, forest.category_bits, passes, rules)

        run_blocks(work, blocks, counter.add)
    if n_computed < forest.n_outputs:
        result[:, :, -1] = 0.0 - result[:, :, :-1].sum(axis=2)  # not "-sum", which makes 0 a -0
    return result


def expected_outputs(forest: PackedForest) -> FloatArray:
    """The outputs where nothing is known of a row: the mean over the trees' training rows, shape (n_outputs,)."""
    from interp_pipeline.explainers.kernels.path_plan import training_shares

    reach = training_shares(forest)
    return np.asarray(forest.offset + reach @ forest.value, dtype=np.float64)


class _Shape:
    """Sizes of what a walk keeps in memory."""

    def __init__(self, nodes: Nodes, passes: Passes, n_columns: int, n_players: int) -> None:
        self.levels = int(nodes["depth"].max(initial=0)) + 2
        self.points = int(passes["points"].max(initial=1))
        self.columns = n_columns
        self.players = n_players

    def block_rows(self, n_rows: int, n_threads: int) -> int:
        """Rows in a block: as many as fit the scratch memory, so that every thread has one."""
        of_a_row = self.columns + self.players + self.levels * (3 * self.points + 2)
        fitting = _SCRATCH_BYTES // (8 * of_a_row)
        shared = -(-n_rows // n_threads)
        rows = min(_MOST_ROWS, fitting, -(-shared // _LANES) * _LANES)
        return max(_LANES, rows // _LANES * _LANES)

    def places(self, rows: int) -> tuple[Places, int]:
        """What lies where for a block of that many rows, and how many doubles that takes."""
        from interp_pipeline.explainers.kernels.path_plan import Places

        width = -(-self.points // _LANES) * _LANES
        sizes = {
            "x": self.columns * rows,
            "shares": self.players * rows,
            "states": 2 * self.levels * rows,
            "products": self.levels * self.points * rows,
            "sums": 2 * self.levels * self.points * rows,
            "terms": 8 * width,
            "points": width,
            "weights": width,
        }
        starts = np.cumsum([0, *sizes.values()]).tolist()
        return Places(rows, *starts[:-1]), starts[-1]


def _block_values(
    compared: FloatArray, shape: _Shape, nodes: Nodes, bits: Bits, passes: Passes, rules: Rules
) -> FloatArray:
    """Values of one block of rows for the output at hand, shape (n_rows, n_players)."""
    from interp_pipeline.explainers.kernels.path_dependent import add_forest

    n_rows = len(compared)
    rows = -(-n_rows // _LANES) * _LANES  # the last lanes may hold no row: they are computed and dropped
    at, size = shape.places(rows)
    memory = np.zeros(size + _LANES)
    start = -memory.ctypes.data % 64 // 8  # eight doubles then never lie across two lines of the cache
    memory = memory[start : start + size]
    memory[at.x : at.shares].reshape(-1, rows)[:, :n_rows] = compared.T
    path, stage = np.zeros((2, shape.levels), dtype=np.int32)
    add_forest(memory, at, nodes, bits, passes, rules.points, rules.weights, path, stage)
    return np.asarray(memory[at.shares : at.states].reshape(-1, rows)[:, :n_rows].T)
