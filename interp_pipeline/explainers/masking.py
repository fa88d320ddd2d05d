"""Ask a model about rows that are part explained row, part background row.

The game explained here is the interventional one: a coalition S of features is worth the mean,
over background rows z, of the model's output on the row that has the values of x for the features
in S and those of z for the others. By linearity its Shapley values are the mean over z of those of
the single games (x, z), and in a single game a feature on which x and z agree is a dummy. Both
sampling and enumeration therefore work on *pairs* and only on the features that differ.

Where a network's first layer is dense, its output for a masked row is that for the background row
plus, per feature in S, the weights times what the feature's columns differ by: the layer is never
multiplied out again, which pays where features are encoded as many columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.explainers.game import Game, Pairs
from interp_pipeline.explainers.inputs import column_owners, used_features

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interp_pipeline.explainable import DenseFirstLayer
    from interp_pipeline.explainers.game import IndexArray
    from interp_pipeline.explainers.inputs import Inputs
    from interp_pipeline.explanation import FloatArray

__all__ = ["MaskedModel"]

_BLOCK_ROWS = 16_384  # most rows per call of the model: enough to forget what the call itself costs
_BLOCK_BYTES = 8 << 20  # and few enough to stay in the cache
_LARGEST_SUM = 1e6  # of the typical one: double precision then loses less to it than single precision loses anyway
_CHUNK_QUERIES = 1 << 18  # most queries whose outputs are held at once, unless one pair has more


class MaskedModel:
    """A model whose features can be masked with background rows, in the estimator's input.

    Attributes:
        players: indices of the raw features that take part, length n_players.
        game: rows and outputs.
        block_rows: most rows it is asked about in one call.
        answer: asks the model about masked rows.
        n_evaluations: rows the model was asked about so far.
    """

    def __init__(self, inputs: Inputs) -> None:
        """Evaluate the explained rows and the background.

        Args:
            inputs: encoded rows and background.

        Raises:
            ModelError: columns and features do not belong together.
        """
        rows, background = (np.ascontiguousarray(x, dtype=np.float64) for x in (inputs.rows, inputs.background))
        self.players = used_features(inputs.model)
        n_columns = background.shape[1]
        owners = column_owners(inputs.model, n_columns)
        by_owner: IndexArray = np.argsort(owners, kind="stable")
        columns = by_owner[owners[by_owner] >= 0]
        self.n_evaluations = 0
        self.block_rows = _block_rows(n_columns)
        forward = inputs.model.forward
        game = Game(
            rows=rows,
            background=background,
            row_inputs=rows,
            fill_inputs=background,
            weights=np.empty((0, 0)),
            column_start=np.searchsorted(owners[columns], np.arange(len(self.players) + 1)),
            columns=columns,
            predictions=self._ask(forward, rows),
            background_outputs=self._ask(forward, background),
        )
        self.answer: Callable[[FloatArray], FloatArray] = forward
        layer: DenseFirstLayer | None = getattr(inputs.model, "first_layer", None)
        # A wider layer costs more to add up than it saves.
        if layer is None or layer.weights.shape[1] > n_columns or not _add_up(layer, rows, background):
            self.game = game
            return
        weights = np.ascontiguousarray(layer.weights, dtype=np.float64)
        self.game = game._replace(
            row_inputs=rows @ weights + layer.bias, fill_inputs=background @ weights + layer.bias, weights=weights
        )
        self.answer = layer.rest
        self.block_rows = _block_rows(weights.shape[1])

    @property
    def base_value(self) -> FloatArray:
        """Mean output over the background, shape (n_outputs,)."""
        return np.asarray(self.game.background_outputs.mean(axis=0), dtype=np.float64)

    @property
    def values_shape(self) -> tuple[int, int, int]:
        """(n_rows, n_players, n_outputs)."""
        return len(self.game.rows), len(self.players), self.game.predictions.shape[1]

    def _ask(self, answer: Callable[[FloatArray], FloatArray], rows: FloatArray) -> FloatArray:
        self.n_evaluations += len(rows)
        blocks = [rows[at : at + self.block_rows] for at in range(0, len(rows), self.block_rows)]
        outputs = np.concatenate([answer(block) for block in blocks])
        return np.ascontiguousarray(outputs, dtype=np.float64)

    def outputs(self, n_queries: int, mask: Callable[[FloatArray, int], None]) -> FloatArray:
        """Outputs for masked rows, asked in blocks that are built one at a time.

        Args:
            n_queries: number of masked rows.
            mask: given an array (n_block, width) and the number of the first query, writes what the
                model is asked with for that query and those after it.

        Returns:
            Shape (n_queries, n_outputs).
        """
        result = np.empty((n_queries, self.game.predictions.shape[1]))
        for start in range(0, n_queries, self.block_rows):
            # A new array each time: what a model is given it may keep.
            masked = np.empty((min(self.block_rows, n_queries - start), self.game.fill_inputs.shape[1]))
            mask(masked, start)
            result[start : start + len(masked)] = self._ask(self.answer, masked)
        return result

    def count_queries(self, n_queries: IndexArray) -> int:
        """How many queries all rows together have.

        Args:
            n_queries: of a pair by the number of players it differs on, shape (n_players + 1,).
        """
        return sum(int(n_queries[self._pairs(row, row + 1).sizes].sum()) for row in range(len(self.game.rows)))

    def chunks(self, n_queries: IndexArray) -> Iterator[Pairs]:
        """All pairs, row by row, in chunks whose queries are asked together.

        Whole rows share a chunk as long as their queries fit into one block: one call of the model
        then serves many rows. A row with more is asked alone, and its numbers then depend on no
        other row even in the last bit of a model whose sums depend on the size of a batch.

        Args:
            n_queries: of a pair by the number of players it differs on, shape (n_players + 1,).
        """
        start, waiting = 0, 0
        for row in range(len(self.game.rows)):
            sizes = self._pairs(row, row + 1).sizes
            size = int(n_queries[sizes].sum()) + len(sizes)  # pairs without queries take memory, too
            if waiting and waiting + size > self.block_rows:
                yield from self._split(start, row, n_queries)
                start, waiting = row, 0
            waiting += size
        yield from self._split(start, len(self.game.rows), n_queries)

    def pairs_done(self, chunk: Pairs) -> int:
        """How many pairs are done once this chunk is."""
        return int(chunk.row[-1]) * len(self.game.background) + int(chunk.fill[-1]) + 1

    def _split(self, start: int, stop: int, n_queries: IndexArray) -> Iterator[Pairs]:
        """The pairs of some rows, in parts if they have too many queries for the memory."""
        pairs = self._pairs(start, stop)
        ends = np.cumsum(n_queries[pairs.sizes])
        first = 0
        while first < len(ends):
            done = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, done + _CHUNK_QUERIES, side="right")))
            part = slice(first, last)
            yield Pairs(
                row=pairs.row[part],
                fill=pairs.fill[part],
                players=pairs.players[part],
                sizes=pairs.sizes[part],
                offsets=np.concatenate([np.zeros(1, np.int64), ends[part] - done]),
            )
            first = last

    def _pairs(self, start: int, stop: int) -> Pairs:
        """All pairs of some rows, their queries not yet counted."""
        from interp_pipeline.explainers.kernels.coalitions import list_differing

        n_background, n_pairs = len(self.game.background), (stop - start) * len(self.game.background)
        pairs = Pairs(
            row=np.repeat(np.arange(start, stop), n_background),
            fill=np.tile(np.arange(n_background), stop - start),
            players=np.zeros((n_pairs, len(self.players)), np.int32),
            sizes=np.empty(n_pairs, np.int64),
            offsets=np.zeros(n_pairs + 1, np.int64),
        )
        list_differing(self.game, pairs)
        return pairs


def _add_up(layer: DenseFirstLayer, rows: FloatArray, background: FloatArray) -> bool:
    """Whether a layer's sums stay exact when features are exchanged in them: not with NaN, infinity or outliers."""
    entries = np.concatenate([rows, background])
    if not np.isfinite(entries).all():
        return False
    sizes = np.abs(entries) @ np.abs(layer.weights).max(axis=1)
    return bool(sizes.max() <= _LARGEST_SUM * np.median(sizes))


def _block_rows(width: int) -> int:
    """Rows per call that stay in the cache."""
    return max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // (8 * max(1, width))))
