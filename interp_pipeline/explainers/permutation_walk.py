"""One round of antithetic permutation sampling for one row: walk from background to row and back.

Each pair of an explained row x and a background row z is walked along a random order of the
features on which they differ, giving features x's values one by one, and along the same order
reversed: k features cost 2 (k - 1) model evaluations, the ends being known. The mean of the two
walks is an unbiased estimate of the pair's Shapley values (Castro, Gomez, Tejada, "Polynomial
calculation of the Shapley value based on sampling", 2009; reversal as the antithetic variate:
Mitchell et al., "Sampling permutations for Shapley value estimation", 2022), and it sums exactly
to f(x) - f(z) because the differences along a walk telescope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interp_pipeline.explainers.masking import BoolArray, IndexArray, MaskedModel
    from interp_pipeline.explanation import FloatArray

__all__ = ["walk_pairs"]


def walk_pairs(
    masked: MaskedModel,
    row: FloatArray,
    prediction: FloatArray,
    n_rounds: int,
    random: np.random.Generator,
) -> FloatArray:
    """Estimate the Shapley values of every pair of one row, once per round.

    Args:
        masked: the model and its background.
        row: encoded explained row, shape (n_columns,).
        prediction: its outputs, shape (n_outputs,).
        n_rounds: independent permutations drawn for each background row.
        random: where they are drawn from.

    Returns:
        Independent estimates, shape (n_rounds, n_background, n_players, n_outputs); each sums over
        players to ``prediction`` minus the background row's outputs. Players that agree get 0.
    """
    n_background, n_outputs = masked.background_outputs.shape
    differing = np.tile(masked.differing(row), (n_rounds, 1))
    background_rows = np.tile(np.arange(n_background), n_rounds)
    rank = _draw_ranks(differing, random)
    gap = _gaps_along_walks(masked, row, prediction, background_rows, rank, differing.sum(axis=1))
    gains = np.diff(gap, axis=1) / 2.0
    estimates = np.take_along_axis(gains, rank[:, :, np.newaxis], axis=1)
    return np.asarray(estimates.reshape(n_rounds, n_background, -1, n_outputs), dtype=np.float64)


def _draw_ranks(differing: BoolArray, random: np.random.Generator) -> IndexArray:
    """Position of each player in its pair's random order, shape (n_pairs, n_players).

    Players that differ come first, in uniformly random order; the others follow and are not walked.
    """
    keys = random.random(differing.shape)
    keys[~differing] += 1.0
    order = np.argsort(keys, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(differing.shape[1])[np.newaxis, :], axis=1)
    return rank


def _gaps_along_walks(
    masked: MaskedModel,
    row: FloatArray,
    prediction: FloatArray,
    background_rows: IndexArray,
    rank: IndexArray,
    lengths: IndexArray,
) -> FloatArray:
    """Output with the first s players of the order present minus output with only the others present.

    The second term is the reversed walk, since its coalitions are the complements: the difference of
    neighbouring gaps is twice the mean of a player's gains on the two walks.

    Returns:
        Gap for s = 0 … n_players, shape (n_pairs, n_players + 1, n_outputs).
    """
    n_pairs, n_players = rank.shape
    whole = prediction - masked.background_outputs[background_rows]
    gap = np.repeat(whole[:, np.newaxis, :], n_players + 1, axis=1)  # right from the walk's end on
    gap[:, 0] = -whole
    n_steps = np.maximum(lengths - 1, 0)  # steps strictly between the ends
    pair = np.repeat(np.arange(n_pairs), n_steps)
    if len(pair) == 0:
        return gap
    first = np.cumsum(n_steps) - n_steps
    step = np.arange(len(pair)) - first[pair] + 1
    # Small numbers are quick to move: this is the largest array here besides the model's input.
    present = rank.astype(np.int16).take(pair, axis=0) < step.astype(np.int16)[:, np.newaxis]
    fill = background_rows[pair]
    gap[pair, step] = masked.outputs(row, fill, present) - masked.outputs(row, fill, ~present)
    return gap
