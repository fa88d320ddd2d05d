"""Walks from a background row to an explained one: masked rows, and Shapley estimates from outputs.

A round of a pair that differs on k players walks four orders: a random one, the same one rotated by
half its length, and both reversed. The coalitions of a reversed order are the complements of those
of the order, so a round asks 4 (k - 1) queries, the ends being known: for each order, the k - 1
coalitions of its first 1 … k - 1 players, then their complements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.explainers.kernels.coalitions import copy_row, give_player, pair_of
from interp_pipeline.explainers.kernels.compiled import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    from interp_pipeline.explainers.game import Game, Pairs
    from interp_pipeline.explanation import FloatArray

__all__ = ["add_walked_values", "mask_walks", "shuffle_players"]


@compiled
def shuffle_players(pairs: Pairs, uniforms: FloatArray, orders: npt.NDArray[np.int32]) -> None:
    """Draw an order of the differing players per pair and round (Fisher-Yates).

    Args:
        pairs: whose players they are.
        uniforms: random numbers in [0, 1), shape (n_pairs, n_rounds, n_players).
        orders: written, same shape; what follows the differing players is of no account.
    """
    for pair in range(len(orders)):
        for trial in range(orders.shape[1]):
            order = orders[pair, trial]
            order[:] = pairs.players[pair]
            for last in range(pairs.sizes[pair] - 1, 0, -1):
                other = int(uniforms[pair, trial, last] * (last + 1))
                order[last], order[other] = order[other], order[last]


@compiled
def mask_walks(game: Game, pairs: Pairs, orders: npt.NDArray[np.int32], masked: FloatArray, first: int) -> None:
    """Build the masked rows of consecutive queries.

    Args:
        game: rows and who owns their columns.
        pairs: whose queries they are.
        orders: random orders, shape (n_pairs, n_rounds, n_players).
        masked: written, shape (n_queries, width).
        first: number of the first query.
    """
    pair, at = pair_of(first, pairs.offsets), 0
    while at < len(masked):
        while first + at >= pairs.offsets[pair + 1]:
            pair += 1
        size = pairs.sizes[pair]
        walk, step = divmod(first + at - pairs.offsets[pair], size - 1)
        order, next_position = orders[pair, walk // 4], (size // 2) * (walk // 2 % 2)
        row, fill = game.rows[pairs.row[pair]], game.background[pairs.fill[pair]]
        if walk % 2:  # the complements
            row, fill = fill, row
            copy_row(masked, at, game.row_inputs, pairs.row[pair])
        else:
            copy_row(masked, at, game.fill_inputs, pairs.fill[pair])
        for _ in range(step):  # of a walk that began in the block before
            give_player(game, masked, at, row, fill, order[next_position])
            next_position = _after(next_position, size)
        give_player(game, masked, at, row, fill, order[next_position])
        for at_next in range(at + 1, min(at + size - 1 - step, len(masked))):
            next_position = _after(next_position, size)
            copy_row(masked, at_next, masked, at_next - 1)
            give_player(game, masked, at_next, row, fill, order[next_position])
        at += size - 1 - step


@compiled
def _after(position: int, size: int) -> int:
    """The next position of an order that starts again at its end."""
    return position + 1 if position + 1 < size else 0


@compiled
def add_walked_values(
    game: Game,
    pairs: Pairs,
    orders: npt.NDArray[np.int32],
    outputs: FloatArray,
    sums: FloatArray,
    spreads: FloatArray,
) -> None:
    """Add each pair's estimates to its row's sums, and their variance between rounds to its spreads.

    Args:
        game: outputs of the explained and the background rows.
        pairs: whose queries were asked.
        orders: as walked, shape (n_pairs, n_rounds, n_players), at least two rounds.
        outputs: of all queries, shape (n_queries, n_outputs).
        sums: added to, shape (n_rows, n_players, n_outputs): estimates, summed over rounds and pairs.
        spreads: added to, same shape: the variance of one round's estimate, summed likewise.
    """
    n_rounds = orders.shape[1]
    estimates = np.empty((n_rounds, orders.shape[2]))
    for pair in range(len(pairs.sizes)):
        row, size = pairs.row[pair], pairs.sizes[pair]
        for output in range(outputs.shape[1]):
            whole = game.predictions[row, output] - game.background_outputs[pairs.fill[pair], output]
            for trial in range(n_rounds):
                query = pairs.offsets[pair] + 4 * trial * (size - 1)
                estimates[trial] = 0.0
                _add_round(whole, orders[pair, trial], size, outputs[query:, output], estimates[trial])
            for position in range(size):
                player = pairs.players[pair, position]
                total = estimates[:, player].sum()
                squares = 0.0
                for trial in range(n_rounds):
                    squares += (estimates[trial, player] - total / n_rounds) ** 2
                sums[row, player, output] += total
                spreads[row, player, output] += squares * n_rounds / (n_rounds - 1)


@compiled
def _add_round(
    whole: float, order: npt.NDArray[np.int32], size: int, outputs: FloatArray, estimates: FloatArray
) -> None:
    """Add the mean gains of a round's four walks to the players' estimates.

    The worth of a coalition minus that of its complement grows, with a player, by the sum of what
    the player gains on the order and on its reverse.
    """
    for rotated in range(2):
        query, rotation = 2 * rotated * (size - 1), (size // 2) * rotated
        before = -whole
        for position in range(size):
            after = whole
            if position < size - 1:
                after = outputs[query + position] - outputs[query + position + size - 1]
            estimates[order[(position + rotation) % size]] += 0.25 * (after - before)
            before = after
