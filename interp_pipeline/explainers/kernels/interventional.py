"""Interventional SHAP values of a packed forest: one walk per row for 64 background rows at once.

Explain a row x against one background row z: a leaf is reached by the coalition S where every player
on its path is passed by x (in S) or by z (not in S). With U players on the path that only x passes and
V that only z passes, the leaf's value v is worth, to the former, ``v * (U - 1)! V! / (U + V)!`` each and,
to the latter, ``-v * U! (V - 1)! / (U + V)!`` each (Lundberg et al., "From local explanations to global
understanding with explainable AI for trees", 2020, algorithm 3; the values are the mean over z).

Here the background rows for which a leaf can still be reached are the bits of a word. x fails a player
for all of them at once, so V is one number; only U differs from bit to bit. What leaves are worth is
summed up while walking: per bit for the players only x passes, in one number for those it fails. A
player's due is the difference of these sums before and after the subtree where it became one of either.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from interp_pipeline.explainers.kernels.bits import lowest_bit
from interp_pipeline.explainers.kernels.compiled import inlined, kernel

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["AT_ONCE", "SPLIT", "Splits", "add_rows", "goes_left", "make_memory", "mark_background", "weight_tables"]

AT_ONCE = 128  # background rows in two words

SPLIT = np.dtype(
    [
        ("threshold", np.float64),
        ("background_0", np.uint64),  # which background rows go left: the first 64
        ("background_1", np.uint64),  # and the other 64
        ("column", np.int32),
        ("player", np.int32),
        ("left", np.int32),  # -1 at a leaf
        ("right", np.int32),
        ("category_set", np.int32),
        ("missing_left", np.bool_),
        ("unseen_left", np.bool_),
    ],
    align=True,
)
PLAYER = np.dtype(
    [
        ("only_x_0", np.uint64),  # background rows that failed a split on the path which x passed
        ("only_x_1", np.uint64),
        ("failed", np.bool_),  # whether x failed one
    ],
    align=True,
)
STEP = np.dtype(
    [
        ("alive_0", np.uint64),  # background rows with which the node is reached
        ("alive_1", np.uint64),
        ("fresh_0", np.uint64),  # those that fail the player for the first time here, x passing
        ("fresh_1", np.uint64),
        ("node", np.int32),  # to visit; -1: leave a node again, settling what its edge's player is due
        ("player", np.int32),  # of the edge
        ("fails", np.bool_),  # whether x fails the player for the first time here
    ],
    align=True,
)

Splits: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.void]]"  # of SPLIT
Players: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.void]]"  # of PLAYER
Steps: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.void]]"  # of STEP
Bits: TypeAlias = "npt.NDArray[np.uint64]"
Reached: TypeAlias = "tuple[np.uint64, np.uint64, np.uint64, np.uint64, bool]"  # a step's alive, fresh and fails


class Memory(NamedTuple):
    """What a walk writes to, and the two tables it reads; of one thread."""

    of_x: FloatArray  # weights of players only x passes, by V and U
    of_z: FloatArray  # weights of players only z passes, likewise
    players: Players  # state of each player on the path at hand
    steps: Steps  # what is still to be visited or left
    before: FloatArray  # sums when a step's subtree was entered, shape (n_steps, n_outputs)
    only_x: npt.NDArray[np.int64]  # U of each background row
    worth: FloatArray  # of the leaves so far to players only x passes, by background row and output
    failing: FloatArray  # to each player x fails, by output


_ONE = np.uint64(1)
_NONE = np.uint64(0)


@lru_cache(maxsize=4)
def weight_tables(largest: int) -> tuple[FloatArray, FloatArray]:
    """What a leaf's value counts for a player only x passes, and for one only z passes, by (V, U); read only.

    Args:
        largest: most players on a path.

    Returns:
        ``(U - 1)! V! / (U + V)!`` and ``U! (V - 1)! / (U + V)!``, each of shape (largest + 1, largest + 1);
        0 where there is no such player.
    """
    of_x, of_z = np.zeros((2, largest + 1, largest + 1))
    ways = [1] * (largest + 1)  # to choose U of U + V, by U: a row of Pascal's triangle, in whole numbers
    for v in range(largest + 1):
        for u in range(largest + 1 - v):
            ways[u] += ways[u - 1] if u and v else 0
            of_x[v, u] = 1 / (u * ways[u]) if u else 0.0
            of_z[v, u] = 1 / (v * ways[u]) if v else 0.0
    return of_x, of_z


@inlined
def goes_left(splits: Splits, node: int, bits: Bits, x: float) -> bool:
    """Whether a value goes left at a split; see ``PackedForest``."""
    if splits[node].category_set < 0:
        return bool((x <= splits[node].threshold) | (np.isnan(x) & splits[node].missing_left))
    if np.isnan(x):
        return bool(splits[node].missing_left)
    if not 0.0 <= x < 64.0 * bits.shape[1]:
        return bool(splits[node].unseen_left)
    category = np.int64(x)
    word = bits[splits[node].category_set, category // 64]
    return bool((word >> np.uint64(category % 64)) & _ONE != _NONE)


@kernel
def mark_background(splits: Splits, bits: Bits, columns: FloatArray) -> None:
    """Note at every split which background rows go left.

    Args:
        splits: all nodes; ``background_0`` and ``background_1`` are written.
        bits: ``PackedForest.category_bits``.
        columns: at most 128 background rows, column by column, shape (n_columns, n_rows).
    """
    n_rows = columns.shape[1]
    for node in range(len(splits)):
        if splits[node].left < 0:
            continue
        column = splits[node].column
        first, second = _NONE, _NONE
        for z in range(min(n_rows, 64)):
            first |= np.uint64(goes_left(splits, node, bits, columns[column, z])) << np.uint64(z)
        for z in range(64, n_rows):
            second |= np.uint64(goes_left(splits, node, bits, columns[column, z])) << np.uint64(z - 64)
        splits[node].background_0, splits[node].background_1 = first, second


@inlined
def _count_players(memory: Memory, which: np.uint64, start: int, change: int) -> None:
    while which != _NONE:
        memory.only_x[start + lowest_bit(which)] += change
        which &= which - _ONE


@inlined
def _worth(memory: Memory, which_0: np.uint64, which_1: np.uint64, k: int) -> float:
    """What the leaves so far are worth to a player that only x passes, summed over some background rows."""
    n_outputs = len(memory.failing)
    total = 0.0
    while which_0 != _NONE:
        total += memory.worth[lowest_bit(which_0) * n_outputs + k]
        which_0 &= which_0 - _ONE
    while which_1 != _NONE:
        total += memory.worth[(64 + lowest_bit(which_1)) * n_outputs + k]
        which_1 &= which_1 - _ONE
    return total


@inlined
def _count_leaf(
    memory: Memory, values: FloatArray, node: int, which: np.uint64, start: int, n_failed: int, extra: int
) -> tuple[float, float]:
    """Add a leaf to the sums of some background rows; ``extra`` counts the edge to the leaf in their U.

    Returns:
        The weights of these rows, summed: for a player only x passes, and for one only z passes.
    """
    n_outputs = len(memory.failing)
    for_x, for_z = 0.0, 0.0
    while which != _NONE:
        z = start + lowest_bit(which)
        which &= which - _ONE
        u = memory.only_x[z] + extra
        weight = memory.of_x[n_failed, u]
        for_x += weight
        for_z += memory.of_z[n_failed, u]
        for k in range(n_outputs):
            memory.worth[z * n_outputs + k] += weight * values[node, k]
    return for_x, for_z


@inlined
def _finish_leaf(
    memory: Memory,
    values: FloatArray,
    node: int,
    player: int,
    reached: Reached,
    n_failed: int,
    shares: FloatArray,
    row: int,
) -> None:
    """Count a leaf for all background rows that reach it; the player of the edge to it takes its due."""
    alive_0, alive_1, fresh_0, fresh_1, fails = reached
    v = n_failed + 1 if fails else n_failed
    _, old_0 = _count_leaf(memory, values, node, alive_0 & ~fresh_0, 0, v, 0)
    _, old_1 = _count_leaf(memory, values, node, alive_1 & ~fresh_1, 64, v, 0)
    due_0, new_0 = _count_leaf(memory, values, node, fresh_0, 0, v, 1)
    due_1, new_1 = _count_leaf(memory, values, node, fresh_1, 64, v, 1)
    total = old_0 + old_1 + new_0 + new_1
    due = due_0 + due_1 - total if fails else due_0 + due_1
    for k in range(len(memory.failing)):
        memory.failing[k] += total * values[node, k]
        shares[row, player, k] += due * values[node, k]


@inlined
def _follow(
    memory: Memory,
    player: int,
    alive_0: np.uint64,
    alive_1: np.uint64,
    pass_0: np.uint64,
    pass_1: np.uint64,
    x_passes: bool,
) -> Reached:
    """Who of those at a split reaches one of its children, given who passes to that side.

    Where x passes, and has not failed the player before, everyone does: those who do not pass are
    replaced by x for good. Elsewhere only who passes, and was not replaced by x before. Written
    without branches: nothing here can be foretold.
    """
    failed = memory.players[player].failed
    with_x = _NONE - np.uint64(x_passes & (not failed))  # all bits or none
    agree_0 = pass_0 & ~memory.players[player].only_x_0
    agree_1 = pass_1 & ~memory.players[player].only_x_1
    differ_0 = with_x & ~pass_0 & ~memory.players[player].only_x_0
    differ_1 = with_x & ~pass_1 & ~memory.players[player].only_x_1
    fails = (not x_passes) & (not failed)
    return alive_0 & (with_x | agree_0), alive_1 & (with_x | agree_1), alive_0 & differ_0, alive_1 & differ_1, fails


@inlined
def _enter(memory: Memory, at: int, n_failed: int) -> int:
    """The edge of a step becomes part of the path; returns how many players x fails there."""
    step = memory.steps[at]
    player = step.player
    if step.fails:
        memory.players[player].failed = True
        for k in range(len(memory.failing)):
            memory.before[at, k] = memory.failing[k]
        return n_failed + 1
    memory.players[player].only_x_0 |= step.fresh_0
    memory.players[player].only_x_1 |= step.fresh_1
    _count_players(memory, step.fresh_0, 0, 1)
    _count_players(memory, step.fresh_1, 64, 1)
    for k in range(len(memory.failing)):
        memory.before[at, k] = _worth(memory, step.fresh_0, step.fresh_1, k)
    return n_failed


@inlined
def _leave(memory: Memory, at: int, n_failed: int, shares: FloatArray, row: int) -> int:
    """Take the edge of a step off the path, its player taking its due of what was found below."""
    step = memory.steps[at]
    player = step.player
    if step.fails:
        memory.players[player].failed = False
        for k in range(len(memory.failing)):
            shares[row, player, k] -= memory.failing[k] - memory.before[at, k]
        return n_failed - 1
    memory.players[player].only_x_0 &= ~step.fresh_0
    memory.players[player].only_x_1 &= ~step.fresh_1
    _count_players(memory, step.fresh_0, 0, -1)
    _count_players(memory, step.fresh_1, 64, -1)
    for k in range(len(memory.failing)):
        shares[row, player, k] += _worth(memory, step.fresh_0, step.fresh_1, k) - memory.before[at, k]
    return n_failed


@kernel
def _walk(
    memory: Memory, splits: Splits, bits: Bits, values: FloatArray, rows: FloatArray, row: int, shares: FloatArray
) -> None:
    """Add one row's values of the tree at the first step to its shares."""
    top, n_failed = 0, 0
    while top >= 0:
        step = memory.steps[top]
        node = step.node
        if node < 0:
            n_failed = _leave(memory, top, n_failed, shares, row)
            top -= 1
            continue
        alive_0, alive_1 = step.alive_0, step.alive_1
        if step.fails or (step.fresh_0 | step.fresh_1) != _NONE:
            n_failed = _enter(memory, top, n_failed)
            step.node = -1
        else:
            top -= 1
        player = splits[node].player
        x_passes = goes_left(splits, node, bits, rows[row, splits[node].column])
        pass_0, pass_1, child = splits[node].background_0, splits[node].background_1, splits[node].left
        for _side in range(2):
            reached = _follow(memory, player, alive_0, alive_1, pass_0, pass_1, x_passes)
            if (reached[0] | reached[1]) != _NONE:
                if splits[child].left < 0:
                    _finish_leaf(memory, values, child, player, reached, n_failed, shares, row)
                else:
                    top += 1
                    step = memory.steps[top]
                    step.node, step.player, step.fails = child, player, reached[4]
                    step.alive_0, step.alive_1, step.fresh_0, step.fresh_1 = (
                        reached[0],
                        reached[1],
                        reached[2],
                        reached[3],
                    )
            pass_0, pass_1, child, x_passes = ~pass_0, ~pass_1, splits[node].right, not x_passes


@kernel
def add_rows(
    memory: Memory,
    splits: Splits,
    bits: Bits,
    values: FloatArray,
    roots: npt.NDArray[np.int32],
    rows: FloatArray,
    n_background: int,
    shares: FloatArray,
) -> None:
    """Add the values of rows against at most 128 background rows, summed over these.

    Args:
        memory: of this thread, see ``make_memory``.
        splits: all nodes, with the background marked.
        bits: ``PackedForest.category_bits``.
        values: of the leaves, shape (n_nodes, n_outputs).
        roots: first node of each tree.
        rows: as they are compared, shape (n_rows, n_columns).
        n_background: background rows marked, 1 to 128.
        shares: added to, shape (n_rows, n_players, n_outputs).
    """
    everyone = ~_NONE
    for tree in range(len(roots)):  # outside: a tree's nodes stay in the cache
        if splits[roots[tree]].left < 0:
            continue
        for row in range(len(rows)):
            for i in range(len(memory.worth)):
                memory.worth[i] = 0.0
            for k in range(len(memory.failing)):
                memory.failing[k] = 0.0
            first = memory.steps[0]
            first.node, first.player, first.fails = roots[tree], -1, False
            first.fresh_0, first.fresh_1 = _NONE, _NONE
            first.alive_0 = everyone >> np.uint64(max(0, 64 - n_background))
            first.alive_1 = everyone >> np.uint64(128 - n_background) if n_background > 64 else _NONE  # noqa: PLR2004
            _walk(memory, splits, bits, values, rows, row, shares)


def make_memory(n_levels: int, n_players: int, n_outputs: int) -> Memory:
    """What ``add_rows`` needs to walk trees of at most so many levels of nodes."""
    of_x, of_z = weight_tables(min(n_levels, n_players))
    n_steps = 2 * n_levels + 2
    return Memory(
        of_x=of_x,
        of_z=of_z,
        players=np.zeros(n_players, dtype=PLAYER),
        steps=np.zeros(n_steps, dtype=STEP),
        before=np.zeros((n_steps, n_outputs)),
        only_x=np.zeros(AT_ONCE, dtype=np.int64),
        worth=np.zeros(AT_ONCE * n_outputs),
        failing=np.zeros(n_outputs),
    )
