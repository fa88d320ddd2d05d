"""Rows that sit on, and a hair beside, every threshold of a forest, and what it must make of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.explainers.kernels.forest_predict import leaf_indices, predict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray

ORDINARY = (0.0, -0.0, 5e-324, -1e-310, 1e-45, -1.2e-38, 1e-35, float(np.float32(1e-35)), -2e-35, 1e30, -1e30)
LARGEST = (3.4e38, -3.4e38)
ENDLESS = (np.inf, -np.inf, 1e300, -1e300)


def random_table(n_rows: int, n_columns: int, seed: int, *, missing: float = 0.1) -> FloatArray:
    """Normal numbers, a share of them missing."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n_rows, n_columns))
    rows[random.random(rows.shape) < missing] = np.nan
    return rows


def hostile_rows(
    forest: PackedForest, rows: FloatArray, specials: Sequence[float], finite: Sequence[int] = (), seed: int = 0
) -> FloatArray:
    """Rows of the table with numbers put in that a careless comparison gets wrong.

    Every threshold, its neighbours in single and in double precision and every special number stand
    at least twice in every column the forest asks for, and again in company of others.

    Args:
        forest: the forest whose thresholds are taken.
        rows: ordinary rows.
        specials: more numbers; where infinity is among them, neighbours may be infinite too.
        finite: columns in which the library takes no infinity.
        seed: of the random choice of rows.
    """
    random = np.random.default_rng(seed)
    pools = {}
    for column in np.unique(forest.column[forest.left >= 0]).tolist():
        pools[column] = _pool(forest, column, [s for s in specials if column not in finite or not np.isinf(s)])
    made = [rows]
    for column, pool in pools.items():
        changed = rows[random.integers(0, len(rows), 2 * len(pool))]
        changed[:, column] = np.tile(pool, 2)
        made.append(changed)
    mixed = rows[random.integers(0, len(rows), 500)]
    for column, pool in pools.items():
        here = np.flatnonzero(random.random(len(mixed)) < 0.3)
        mixed[here, column] = random.choice(pool, len(here))
    return np.concatenate([*made, mixed])


def _pool(forest: PackedForest, column: int, specials: Sequence[float]) -> FloatArray:
    at = np.unique(forest.threshold[(forest.column == column) & (forest.category_set < 0)])
    with np.errstate(over="ignore"):
        single = np.unique(np.concatenate([at.astype(np.float32), np.asarray(specials, dtype=np.float32)]))
    beside = [np.nextafter(side, side.dtype.type(way)) for side in (at, single) for way in (-np.inf, np.inf)]
    pool = np.concatenate([at, single, *beside, specials]).astype(np.float64)
    return pool if np.isinf(specials).any() else pool[~np.isinf(pool) & ~(np.abs(pool) > np.finfo(np.float32).max)]


def local_leaves(forest: PackedForest, rows: FloatArray) -> FloatArray:
    """The leaf of each row in each tree, numbered from the tree's root."""
    return leaf_indices(forest, forest.as_compared(rows)) - forest.root


def outputs(forest: PackedForest, rows: FloatArray) -> FloatArray:
    """What the forest predicts for rows of the estimator's input."""
    return predict(forest, forest.as_compared(rows))


def single_precision_error(forest: PackedForest, rows: FloatArray) -> FloatArray:
    """How far adding up in single precision can be off, shape (n_rows, n_outputs)."""
    magnitudes = replace(forest, value=np.abs(forest.value), offset=np.abs(forest.offset))
    return (len(forest.root) + 2) * np.finfo(np.float32).eps * (outputs(magnitudes, rows) + 1e-30)


def expected_by_cover(forest: PackedForest) -> FloatArray:
    """The outputs' mean if every split were decided by the shares of training weight, shape (n_outputs,)."""
    reach = np.zeros(len(forest.left))
    reach[forest.root] = 1.0
    for node in np.flatnonzero(forest.left >= 0):
        for child in (forest.left[node], forest.right[node]):
            reach[child] = reach[node] * forest.cover[child] / forest.cover[node]
    return forest.offset + reach @ forest.value
