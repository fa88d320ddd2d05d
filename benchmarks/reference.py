"""Shapley values computed the plain way, by nobody's explainer, to measure errors against."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray

__all__ = ["exact_values", "sampled_values"]

_ROWS_PER_CALL = 65_536


def exact_values(forward: Callable[[FloatArray], FloatArray], rows: FloatArray, background: FloatArray) -> FloatArray:
    """Shapley's formula over all coalitions, for the first output.

    Args:
        forward: the model.
        rows: shape (n_rows, n_features), few features.
        background: rows that fill in what a coalition lacks.

    Returns:
        Shape (n_rows, n_features).
    """
    n = rows.shape[1]
    members = (np.arange(2**n)[:, np.newaxis] >> np.arange(n)) & 1 == 1
    sizes = members.sum(axis=1)
    weight = np.array([1 / (n * math.comb(n - 1, size)) for size in range(n)])
    values = np.empty(rows.shape)
    for i, row in enumerate(rows):
        worth = _worths(forward, row, background, members)
        for feature in range(n):
            without = np.flatnonzero(~members[:, feature])
            gains = worth[without + (1 << feature)] - worth[without]
            values[i, feature] = weight[sizes[without]] @ gains
    return values


def sampled_values(
    forward: Callable[[FloatArray], FloatArray], rows: FloatArray, background: FloatArray, orders: int
) -> FloatArray:
    """Mean gain over random orders and their reverses, the whole background at every step.

    Returns:
        Shape (n_rows, n_features); the error falls with the root of ``orders``.
    """
    random = np.random.default_rng(20_240_607)
    n = rows.shape[1]
    values = np.zeros(rows.shape)
    for i, row in enumerate(rows):
        for _ in range(orders):
            order = random.permutation(n)
            for walk in (order, order[::-1]):
                place = np.empty(n, dtype=np.intp)
                place[walk] = np.arange(n)
                members = place[np.newaxis, :] < np.arange(n + 1)[:, np.newaxis]
                values[i, walk] += np.diff(_worths(forward, row, background, members))
    return values / (2 * orders)


def _worths(
    forward: Callable[[FloatArray], FloatArray],
    row: FloatArray,
    background: FloatArray,
    members: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> FloatArray:
    """Mean output over the background for each coalition, shape (n_coalitions,)."""
    step = max(1, _ROWS_PER_CALL // len(background))
    worth = np.empty(len(members))
    for start in range(0, len(members), step):
        block = members[start : start + step]
        mixed = np.where(block[:, np.newaxis], row, background).reshape(-1, len(row))
        worth[start : start + len(block)] = forward(mixed)[:, 0].reshape(len(block), -1).mean(axis=1)
    return worth
