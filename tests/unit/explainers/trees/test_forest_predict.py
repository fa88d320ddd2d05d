"""The compiled walk against one written out, on forests no library would make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.errors import UsageError
from interp_pipeline.explainers.kernels.forest_predict import leaf_indices, predict
from interp_pipeline.explainers.trees.packed_forest import PackedForest

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

NUMBERS = np.array(
    [-np.inf, -1e300, -64.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 63.0, 64.0, 127.0, 128.0, 1e300, np.inf, np.nan]
)


def any_forest(seed: int, n_trees: int, n_outputs: int, n_words: int) -> PackedForest:
    random = np.random.default_rng(seed)
    left: list[int] = []
    right: list[int] = []
    root = []
    for _ in range(n_trees):
        root.append(len(left))
        left.append(-1)
        right.append(-1)
        for _ in range(int(random.integers(0, 8))):  # a random leaf of the tree becomes a split
            leaves = [node for node in range(root[-1], len(left)) if left[node] < 0]
            split = int(random.choice(leaves))
            left[split], right[split] = len(left), len(left) + 1
            left += [-1, -1]
            right += [-1, -1]
    n, inner = len(left), np.array(left) >= 0
    n_sets = int(inner.sum())
    category_set = np.where(inner & (random.random(n) < 0.5), np.cumsum(inner) - 1, -1)
    return PackedForest(
        column=np.where(inner, random.integers(0, 3, n), -1).astype(np.int32),
        threshold=random.choice(NUMBERS[:-1], n),
        left=np.array(left, dtype=np.int32),
        right=np.array(right, dtype=np.int32),
        missing_left=random.random(n) < 0.5,
        category_set=category_set.astype(np.int32),
        category_bits=random.integers(0, 2**64, (n_sets, n_words), dtype=np.uint64),
        unseen_left=random.random(n) < 0.5,
        cover=np.ones(n),
        value=random.normal(size=(n, n_outputs)) * ~inner[:, None],
        root=np.array(root, dtype=np.int32),
        offset=random.normal(size=n_outputs),
        single_precision=False,
    )


def walked(forest: PackedForest, row: FloatArray, node: int) -> int:
    while forest.left[node] >= 0:
        x, chosen = row[forest.column[node]], forest.category_set[node]
        if np.isnan(x):
            left = forest.missing_left[node]
        elif chosen < 0:
            left = x <= forest.threshold[node]
        elif x < 0 or x >= 64 * forest.category_bits.shape[1]:
            left = forest.unseen_left[node]
        else:
            left = int(forest.category_bits[chosen, int(x) // 64]) >> (int(x) % 64) & 1
        node = int(forest.left[node] if left else forest.right[node])
    return node


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), n_trees=st.integers(1, 4), n_outputs=st.integers(1, 3), n_words=st.sampled_from([1, 2])
)
def test_walks_as_the_definition_says(seed: int, n_trees: int, n_outputs: int, n_words: int) -> None:
    forest = any_forest(seed, n_trees, n_outputs, n_words)
    rows = np.random.default_rng(seed).choice(NUMBERS, (40, 3))
    leaves = np.array([[walked(forest, row, int(root)) for root in forest.root] for row in rows])
    np.testing.assert_array_equal(leaf_indices(forest, rows), leaves)
    expected = np.tile(forest.offset, (len(rows), 1))
    for tree in range(n_trees):
        expected += forest.value[leaves[:, tree]]
    np.testing.assert_array_equal(predict(forest, rows), expected)


def test_takes_rows_in_any_layout_and_none() -> None:
    forest = any_forest(1, 3, 2, 1)
    rows = np.random.default_rng(0).normal(size=(9, 3))
    np.testing.assert_array_equal(predict(forest, np.asfortranarray(rows)), predict(forest, rows))
    assert predict(forest, rows[:0]).shape == (0, 2)
    assert leaf_indices(forest, rows[:0]).shape == (0, 3)


def test_refuses_rows_with_too_few_columns() -> None:
    forest = any_forest(1, 3, 2, 1)
    for compiled in (predict, leaf_indices):
        with pytest.raises(UsageError, match="the rows have 1 columns"):
            compiled(forest, np.zeros((2, 1)))
