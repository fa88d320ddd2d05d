"""Interventional Shapley interaction values of a packed forest: one walk per row for 128 background rows at once.

Explain a row x against one background row z, as in ``interventional``: a leaf of value v is reached by the
coalitions that hold the U players on its path only x passes and none of the V only z passes. By the
Shapley interaction index it is worth, to a pair of players,

    v * (U - 2)! V! / (U + V - 1)!           both passed by x alone,
    v * U! (V - 2)! / (U + V - 1)!           both passed by z alone,
    -v * (U - 1)! (V - 1)! / (U + V - 1)!    one each

(integrals over t of ``t**U * (1 - t)**V``, divided by t, or by t - 1, once for either player). SHAP
interaction values are half of that for each of (i, j) and (j, i), the mean over z (Lundberg et al.,
"From local explanations to global understanding with explainable AI for trees", 2020).

A split on a player that is new to z's path parts the ways of x and z: below it on x's side the player is one
that only x passes, on z's side one that only z passes. The walk keeps, per background row, sums of what
leaves are worth to pairs of either kind. When both sides of a split are done, the differences of these
sums are what its player is due with each player above it, which settles all pairs of a path at their
deeper split: the work is that of the values themselves times the players above a split, not times the
pairs on a path.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from interp_pipeline.explainers.kernels.bits import lowest_bit
from interp_pipeline.explainers.kernels.compiled import inlined, kernel
from interp_pipeline.explainers.kernels.interventional import AT_ONCE, goes_left, weight_tables

if TYPE_CHECKING:
    from interp_pipeline.explainers.kernels.interventional import Splits
    from interp_pipeline.explainers.kernels.path_plan import Bits
    from interp_pipeline.explanation import FloatArray

__all__ = ["add_pairs", "make_pair_memory", "pair_weights"]

STEP = np.dtype(
    [
        ("alive_0", np.uint64),  # background rows with which the node is reached
        ("alive_1", np.uint64),
        ("parted_0", np.uint64),  # those whose way parts from x's here
        ("parted_1", np.uint64),
        ("mixed", np.float64),  # what mixed pairs are worth to these: before x's side, less after it
        ("failing", np.float64),  # what pairs x fails are worth: before z's side
        ("node", np.int32),
        ("z_side", np.int32),  # the child x does not go to
        ("stage", np.int32),  # what is to be done next
        ("kept", np.int32),  # where its numbers begin in ``PairMemory.kept``
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
Steps: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.void]]"  # of STEP
Players: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.void]]"  # of PLAYER


class PairMemory(NamedTuple):
    """What a walk writes to, and the table it reads; of one thread."""

    weights: FloatArray  # by V and U: of pairs only x passes, mixed pairs, pairs only z passes
    players: Players  # state of each player on the path at hand
    steps: Steps  # what is still to be done
    kept: FloatArray  # of every split on the path, a number per background row that parts there
    only_x: npt.NDArray[np.int32]  # players only x passes, shape (AT_ONCE, 1 + most): their number, then which
    failed: npt.NDArray[np.int32]  # players x fails
    worth: FloatArray  # of the leaves so far, shape (AT_ONCE, 2): to pairs only x passes, to mixed ones


_ONE = np.uint64(1)
_NONE = np.uint64(0)
_VISIT, _CROSS, _LEAVE = 0, 1, 2  # stages of a step: its node, x's side is done, z's side is done too


@lru_cache(maxsize=4)
def pair_weights(largest: int) -> FloatArray:
    """What a leaf's value counts for pairs of players, by (V, U); read only.

    Each is a weight of single players in ``weight_tables`` for one player fewer.

    Args:
        largest: most players on a path.

    Returns:
        ``(U - 2)! V! / (U + V - 1)!``, ``(U - 1)! (V - 1)! / (U + V - 1)!`` and
        ``U! (V - 2)! / (U + V - 1)!``, shape (largest + 1, largest + 1, 3); 0 where there is no such pair.
    """
    of_x, of_z = weight_tables(largest)
    table = np.zeros((largest + 1, largest + 1, 3))
    table[:, 1:, 0] = of_x[:, :-1]
    table[1:, :, 1] = of_x[:-1]
    table[1:, :, 2] = of_z[:-1]
    return table


@inlined
def _count_leaf(memory: PairMemory, value: float, which: np.uint64, start: int, n_failed: int) -> float:
    """Add a leaf to the sums of some background rows; returns what it is worth to pairs x fails."""
    failing = 0.0
    while which != _NONE:
        z = start + lowest_bit(which)
        which &= which - _ONE
        u = memory.only_x[z, 0]
        memory.worth[z, 0] += memory.weights[n_failed, u, 0] * value
        memory.worth[z, 1] += memory.weights[n_failed, u, 1] * value
        failing += memory.weights[n_failed, u, 2]
    return failing * value


@inlined
def _enter_x(memory: PairMemory, which: np.uint64, start: int, player: int, at: int) -> float:
    """The player becomes one only x passes; returns what mixed pairs are worth so far, summed."""
    total = 0.0
    while which != _NONE:
        z = start + lowest_bit(which)
        which &= which - _ONE
        memory.kept[at] = memory.worth[z, 0]
        total += memory.worth[z, 1]
        n = memory.only_x[z, 0] + 1
        memory.only_x[z, n] = player
        memory.only_x[z, 0] = n
        at += 1
    return total


@inlined
def _enter_z(memory: PairMemory, which: np.uint64, start: int, at: int) -> float:
    """Keep what x's side was worth, which is done; returns what mixed pairs are worth so far, summed."""
    total = 0.0
    while which != _NONE:
        z = start + lowest_bit(which)
        which &= which - _ONE
        memory.kept[at] = memory.worth[z, 0] - memory.kept[at] + memory.worth[z, 1]
        total += memory.worth[z, 1]
        memory.only_x[z, 0] -= 1
        at += 1
    return total


@inlined
def _settle(memory: PairMemory, which: np.uint64, start: int, at: int, pairs: FloatArray, row: int, first: int) -> None:
    """Both sides are done: the split's player takes its due with each player above that only x passes."""
    while which != _NONE:
        z = start + lowest_bit(which)
        which &= which - _ONE
        due = memory.kept[at] - memory.worth[z, 1]
        at += 1
        for i in range(1, memory.only_x[z, 0] + 1):
            pairs[row, first + memory.only_x[z, i]] += due


@inlined
def _count_bits(word: np.uint64) -> int:
    n = 0
    while word != _NONE:
        word &= word - _ONE
        n += 1
    return n


@inlined
def _push(memory: PairMemory, at: int, node: int, kept: int, alive_0: np.uint64, alive_1: np.uint64) -> int:
    """Write a node to be visited into a step, if any background row reaches it; returns the last step."""
    if (alive_0 | alive_1) == _NONE:
        return at - 1
    step = memory.steps[at]
    step.node, step.kept, step.stage = node, kept, _VISIT
    step.alive_0, step.alive_1, step.parted_0, step.parted_1 = alive_0, alive_1, _NONE, _NONE
    return at


@inlined
def _visit(memory: PairMemory, splits: Splits, top: int, x_left: bool) -> int:
    """Go on to the sides of a split, x's first where a way parts from x's; returns the last step."""
    step = memory.steps[top]
    node, at, alive_0, alive_1 = step.node, step.kept, step.alive_0, step.alive_1
    x_side, z_side = splits[node].right, splits[node].left
    pass_0, pass_1 = ~splits[node].background_0, ~splits[node].background_1
    if x_left:
        x_side, z_side, pass_0, pass_1 = z_side, x_side, ~pass_0, ~pass_1
    player = splits[node].player
    if memory.players[player].failed:  # its values are the background row's, on either side
        top = _push(memory, top, x_side, at, alive_0 & pass_0, alive_1 & pass_1)
        return _push(memory, top + 1, z_side, at, alive_0 & ~pass_0, alive_1 & ~pass_1)
    parted_0 = alive_0 & ~pass_0 & ~memory.players[player].only_x_0
    parted_1 = alive_1 & ~pass_1 & ~memory.players[player].only_x_1
    if (parted_0 | parted_1) == _NONE:
        step.node = x_side
        return top
    step.parted_0, step.parted_1, step.z_side, step.stage = parted_0, parted_1, z_side, _CROSS
    at_1 = at + _count_bits(parted_0)
    step.mixed = _enter_x(memory, parted_0, 0, player, at) + _enter_x(memory, parted_1, 64, player, at_1)
    memory.players[player].only_x_0 |= parted_0
    memory.players[player].only_x_1 |= parted_1
    return _push(memory, top + 1, x_side, at_1 + _count_bits(parted_1), alive_0, alive_1)


@inlined
def _cross(memory: PairMemory, player: int, top: int, n_failed: int, failing: float) -> int:
    """From x's side of a split to z's; returns the last step."""
    step = memory.steps[top]
    parted_0, parted_1, at = step.parted_0, step.parted_1, step.kept
    at_1 = at + _count_bits(parted_0)
    step.mixed -= _enter_z(memory, parted_0, 0, at) + _enter_z(memory, parted_1, 64, at_1)
    step.failing, step.stage = failing, _LEAVE
    memory.players[player].only_x_0 &= ~parted_0
    memory.players[player].only_x_1 &= ~parted_1
    memory.players[player].failed = True
    memory.failed[n_failed] = player
    return _push(memory, top + 1, step.z_side, at_1 + _count_bits(parted_1), parted_0, parted_1)


@inlined
def _leave(
    memory: PairMemory, player: int, top: int, n_above: int, failing: float, pairs: FloatArray, row: int
) -> None:
    """Both sides of a split are done: its player takes its due with every player above."""
    step = memory.steps[top]
    first = player * len(memory.players)
    due = step.mixed + failing - step.failing
    for i in range(n_above):
        pairs[row, first + memory.failed[i]] += due
    memory.players[player].failed = False
    parted_0, parted_1, at = step.parted_0, step.parted_1, step.kept
    _settle(memory, parted_0, 0, at, pairs, row, first)
    _settle(memory, parted_1, 64, at + _count_bits(parted_0), pairs, row, first)


@kernel
def _walk(
    memory: PairMemory, splits: Splits, bits: Bits, values: FloatArray, rows: FloatArray, row: int, pairs: FloatArray
) -> None:
    """Add one row's interactions in the tree at the first step to its pairs."""
    top, n_failed, failing = 0, 0, 0.0
    while top >= 0:
        step = memory.steps[top]
        node, stage = step.node, step.stage
        player = splits[node].player
        if splits[node].left < 0:
            failing += _count_leaf(memory, values[node], step.alive_0, 0, n_failed)
            failing += _count_leaf(memory, values[node], step.alive_1, 64, n_failed)
            top -= 1
        elif stage == _VISIT:
            top = _visit(memory, splits, top, goes_left(splits, node, bits, rows[row, splits[node].column]))
        elif stage == _CROSS:
            top = _cross(memory, player, top, n_failed, failing)
            n_failed += 1
        else:
            n_failed -= 1
            _leave(memory, player, top, n_failed, failing, pairs, row)
            top -= 1


@kernel
def add_pairs(
    memory: PairMemory,
    splits: Splits,
    bits: Bits,
    values: FloatArray,
    roots: npt.NDArray[np.int32],
    rows: FloatArray,
    n_background: int,
    pairs: FloatArray,
) -> None:
    """Add what pairs of players are due in rows against at most 128 background rows, summed over these.

    Args:
        memory: of this thread, see ``make_pair_memory``.
        splits: all nodes, with the background marked.
        bits: ``PackedForest.category_bits``.
        values: of the leaves for one output, shape (n_nodes,).
        roots: first node of each tree.
        rows: as they are compared, shape (n_rows, n_columns).
        n_background: background rows marked, 1 to 128.
        pairs: added to, shape (n_rows, n_players * n_players); a pair's interaction index is the sum of
            its two places.
    """
    everyone = ~_NONE
    for tree in range(len(roots)):  # outside: a tree's nodes stay in the cache
        for row in range(len(rows)):
            for z in range(n_background):
                memory.worth[z, 0] = memory.worth[z, 1] = 0.0
            alive_0 = everyone >> np.uint64(max(0, 64 - n_background))
            alive_1 = everyone >> np.uint64(128 - n_background) if n_background > 64 else _NONE  # noqa: PLR2004
            _push(memory, 0, roots[tree], 0, alive_0, alive_1)
            _walk(memory, splits, bits, values, rows, row, pairs)


def make_pair_memory(n_levels: int, n_players: int) -> PairMemory:
    """What ``add_pairs`` needs to walk trees of at most so many levels of nodes."""
    most = min(n_levels, n_players)
    return PairMemory(
        weights=pair_weights(most),
        players=np.zeros(n_players, dtype=PLAYER),
        steps=np.zeros(2 * n_levels + 2, dtype=STEP),
        kept=np.zeros(most * AT_ONCE),
        only_x=np.zeros((AT_ONCE, 1 + most), dtype=np.int32),
        failed=np.zeros(most, dtype=np.int32),
        worth=np.zeros((AT_ONCE, 2)),
    )
