"""What enumeration and sampling share: which players a pair of rows differs on, and masked rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from interp_pipeline.explainers.kernels.compiled import compiled

if TYPE_CHECKING:
    from interp_pipeline.explainers.game import Game, IndexArray, Pairs
    from interp_pipeline.explanation import FloatArray

__all__ = ["copy_row", "give_player", "list_differing", "pair_of"]


@compiled
def list_differing(game: Game, pairs: Pairs) -> None:
    """Write ``pairs.players`` and ``pairs.sizes``; two missing values agree, 0.0 and -0.0 do not.

    Args:
        game: rows and who owns their columns.
        pairs: ``row`` and ``fill`` are read.
    """
    for pair in range(len(pairs.row)):
        row, fill = game.rows[pairs.row[pair]], game.background[pairs.fill[pair]]
        size = 0
        for player in range(len(game.column_start) - 1):
            for at in range(game.column_start[player], game.column_start[player + 1]):
                x, z = row[game.columns[at]], fill[game.columns[at]]
                if x == z and (x != 0.0 or math.copysign(1.0, x) == math.copysign(1.0, z)):
                    continue
                if x == x or z == z:  # noqa: PLR0124 - only NaN differs from itself
                    pairs.players[pair, size] = player
                    size += 1
                    break
        pairs.sizes[pair] = size


@compiled
def copy_row(target: FloatArray, to: int, source: FloatArray, at: int) -> None:
    """Copy one row of an array into one of another; a slice's assignment costs more for few columns."""
    for column in range(target.shape[1]):
        target[to, column] = source[at, column]


@compiled
def give_player(game: Game, masked: FloatArray, at: int, source: FloatArray, base: FloatArray, player: int) -> None:
    """Give one player the values of another row.

    Args:
        game: who owns which columns, and the weights if masked rows are those after a first layer.
        masked: what the model is asked with, row ``at`` is changed, shape (n_queries, width).
        at: which row.
        source: encoded row whose values the player gets.
        base: encoded row whose values the player has.
        player: one who has not been given before.
    """
    for owned in range(game.column_start[player], game.column_start[player + 1]):
        column = game.columns[owned]
        if len(game.weights) == 0:
            masked[at, column] = source[column]
            continue
        change = source[column] - base[column]
        if change != 0.0:
            for unit in range(masked.shape[1]):
                masked[at, unit] += change * game.weights[column, unit]


@compiled
def pair_of(query: int, offsets: IndexArray) -> int:
    """Which pair a query belongs to: the last whose first query is not behind it, by bisection.

    Args:
        query: below ``offsets[-1]``.
        offsets: first query of each pair and the number of all queries, shape (n_pairs + 1,).
    """
    low, high = 0, len(offsets) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if offsets[middle] <= query:
            low = middle
        else:
            high = middle
    return low
