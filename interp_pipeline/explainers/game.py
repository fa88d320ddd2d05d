"""The game between explained and background rows, in the form in which compiled code reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["Game", "IndexArray", "Pairs"]

IndexArray: TypeAlias = npt.NDArray[np.int64]


class Game(NamedTuple):
    """Rows and their outputs, as compiled code reads them."""

    rows: FloatArray  # explained, in the estimator's input, shape (n_rows, n_columns)
    background: FloatArray  # shape (n_background, n_columns)
    row_inputs: FloatArray  # what the model is asked with for them: the same, or after its first layer
    fill_inputs: FloatArray  # likewise for the background, shape (n_background, width)
    weights: FloatArray  # of that first layer, shape (n_columns, width); (0, 0) where inputs are the rows themselves
    column_start: IndexArray  # player p owns columns[column_start[p] : column_start[p + 1]]
    columns: IndexArray
    predictions: FloatArray  # outputs for the explained rows, shape (n_rows, n_outputs)
    background_outputs: FloatArray  # shape (n_background, n_outputs)


class Pairs(NamedTuple):
    """Some pairs of an explained and a background row, row by row, and their queries."""

    row: IndexArray  # explained row of each pair, shape (n_pairs,)
    fill: IndexArray  # background row of each pair, shape (n_pairs,)
    players: npt.NDArray[np.int32]  # players on which they differ, first in each line, shape (n_pairs, n_players)
    sizes: IndexArray  # how many they are, shape (n_pairs,)
    offsets: IndexArray  # first query of each pair and the number of all queries, shape (n_pairs + 1,)
