"""Every coalition of the players a pair of rows differs on: masked rows, and Shapley values from outputs.

A pair that differs on k players has queries for coalitions 1 … 2^k - 2, in that order; bit b of a
coalition's number is the b-th differing player. The empty and the full coalition are the rows
themselves and are not asked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.explainers.kernels.coalitions import copy_row, give_player, pair_of
from interp_pipeline.explainers.kernels.compiled import compiled

if TYPE_CHECKING:
    from interp_pipeline.explainers.game import Game, Pairs
    from interp_pipeline.explanation import FloatArray

__all__ = ["add_shapley_values", "mask_coalitions"]


@compiled
def mask_coalitions(game: Game, pairs: Pairs, masked: FloatArray, first: int) -> None:
    """Build the masked rows of consecutive queries.

    Args:
        game: rows and who owns their columns.
        pairs: whose queries they are.
        masked: written, shape (n_queries, width).
        first: number of the first query.
    """
    pair = pair_of(first, pairs.offsets)
    for at in range(len(masked)):
        query = first + at
        while query >= pairs.offsets[pair + 1]:
            pair += 1
        coalition = query - pairs.offsets[pair] + 1
        lowest = coalition & -coalition
        if coalition != lowest and lowest <= at:  # the coalition without its lowest player is at hand
            copy_row(masked, at, masked, at - lowest)
            coalition = lowest
        else:
            copy_row(masked, at, game.fill_inputs, pairs.fill[pair])
        bit = 0
        while coalition:
            if coalition & 1:
                row, fill = game.rows[pairs.row[pair]], game.background[pairs.fill[pair]]
                give_player(game, masked, at, row, fill, pairs.players[pair, bit])
            coalition >>= 1
            bit += 1


@compiled
def add_shapley_values(game: Game, pairs: Pairs, outputs: FloatArray, sums: FloatArray) -> None:
    """Add each pair's Shapley values to its row's sums, pair after pair.

    Player j's value is the sum over coalitions c with j of a(c) v(c) minus a sum that is the same
    for all players, where a(c) = w(|c| - 1) + w(|c|) and w(s) = s! (k - s - 1)! / k!. Folding the
    upper half of the coalitions onto the lower, one player at a time, gives all the former in
    2^(k + 1) additions.

    Args:
        game: outputs of the explained and the background rows.
        pairs: whose queries were asked.
        outputs: of all queries, shape (n_queries, n_outputs).
        sums: added to, shape (n_rows, n_players, n_outputs).
    """
    worths = np.empty(1 << pairs.sizes.max())
    members = np.zeros(len(worths), np.int64)  # number of players in each coalition
    for coalition in range(1, len(members)):
        members[coalition] = members[coalition >> 1] + (coalition & 1)
    for pair in range(len(pairs.sizes)):
        row, size, first = pairs.row[pair], pairs.sizes[pair], pairs.offsets[pair] - 1
        if size == 0:
            continue
        without = np.empty(size)  # w(s): weight of a coalition of s others
        without[0] = 1.0 / size
        for others in range(1, size):
            without[others] = without[others - 1] * others / (size - others)
        full = (1 << size) - 1
        for output in range(outputs.shape[1]):
            empty = game.background_outputs[pairs.fill[pair], output]
            # Gains over the empty coalition are as small as the values themselves: less is rounded off.
            worths[0] = common = 0.0
            for coalition in range(1, full):
                gain = outputs[first + coalition, output] - empty
                common += without[members[coalition]] * gain
                worths[coalition] = (without[members[coalition] - 1] + without[members[coalition]]) * gain
            worths[full] = without[size - 1] * (game.predictions[row, output] - empty)
            half = 1 << (size - 1)
            for bit in range(size - 1, -1, -1):
                total = 0.0
                for coalition in range(half):
                    total += worths[half + coalition]
                    worths[coalition] += worths[half + coalition]
                sums[row, pairs.players[pair, bit], output] += total - common
                half >>= 1
