"""Packed forests no library would make: any shape, any order of columns, any covers; and rows that go everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from interp_pipeline.explainers.trees.packed_forest import PackedForest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from interp_pipeline.explanation import FloatArray

    Draw = Callable[[st.SearchStrategy[object]], object]

THRESHOLDS = (-1.0, 0.0, 1.0, 63.0, 130.0)
NUMBERS = (-np.inf, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 5.0, 63.0, 64.0, 100.0, 127.0, 128.0, 1e300, np.inf, np.nan)
SHARES = (1e-9, 1e-3, 0.125, 0.3, 0.5, 0.7, 0.999, 1 - 1e-9)
SETS = np.array([[0b1011, 1], [2**63, 0], [0, 2**64 - 1], [2**64 - 1, 2**63]], dtype=np.uint64)
NO_SET = -1


@dataclass
class ForestBuilder:
    """Nodes as they are added, every parent before its children."""

    n_outputs: int = 1
    root: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    category_set: list[int] = field(default_factory=list)
    unseen_left: list[bool] = field(default_factory=list)
    cover: list[float] = field(default_factory=list)
    value: list[Sequence[float]] = field(default_factory=list)

    def tree(self, cover: float = 1.0, value: Sequence[float] = ()) -> int:
        """Begin a tree of a single leaf; returns its node."""
        self.root.append(len(self.left))
        return self._leaf(cover, value)

    def split(
        self,
        leaf: int,
        column: int,
        threshold: float = 0.0,
        *,
        share: float = 0.5,
        category_set: int = NO_SET,
        missing_left: bool = False,
        unseen_left: bool = False,
        values: Sequence[Sequence[float]] = ((), ()),
    ) -> tuple[int, int]:
        """Make a leaf a split, ``share`` of whose training rows go left; returns its children."""
        self.column[leaf], self.threshold[leaf], self.category_set[leaf] = column, threshold, category_set
        self.missing_left[leaf], self.unseen_left[leaf] = missing_left, unseen_left
        self.value[leaf] = [0.0] * self.n_outputs
        cover, smallest = self.cover[leaf], 5e-324
        self.left[leaf] = self._leaf(max(cover * share, smallest), values[0])
        self.right[leaf] = self._leaf(max(cover * (1.0 - share), smallest), values[1])
        return self.left[leaf], self.right[leaf]

    def forest(self, offset: Sequence[float] = (), *, single_precision: bool = False) -> PackedForest:
        """What was added, packed."""
        n, outputs = len(self.left), self.n_outputs
        return PackedForest(
            column=np.array(self.column, dtype=np.int32),
            threshold=np.array(self.threshold, dtype=np.float64),
            left=np.array(self.left, dtype=np.int32),
            right=np.array(self.right, dtype=np.int32),
            missing_left=np.array(self.missing_left, dtype=np.bool_),
            category_set=np.array(self.category_set, dtype=np.int32),
            category_bits=SETS.copy(),
            unseen_left=np.array(self.unseen_left, dtype=np.bool_),
            cover=np.array(self.cover, dtype=np.float64),
            value=np.array(self.value, dtype=np.float64).reshape(n, outputs),
            root=np.array(self.root, dtype=np.int32),
            offset=np.array(offset if len(offset) else np.zeros(outputs), dtype=np.float64),
            single_precision=single_precision,
        )

    def _leaf(self, cover: float, value: Sequence[float]) -> int:
        self.column.append(-1)
        self.threshold.append(0.0)
        self.left.append(-1)
        self.right.append(-1)
        self.missing_left.append(False)
        self.category_set.append(NO_SET)
        self.unseen_left.append(False)
        self.cover.append(cover)
        self.value.append(list(value) if len(value) else [0.0] * self.n_outputs)
        return len(self.left) - 1


@dataclass(frozen=True, kw_only=True)
class Case:
    """A forest, rows it is asked about, and which player owns each column."""

    forest: PackedForest
    rows: FloatArray
    background: FloatArray
    players: npt.NDArray[np.int32]
    n_players: int


@st.composite
def cases(draw: st.DrawFn, max_players: int = 4, max_splits: int = 9) -> Case:
    """Small enough for every subset of players to be tried; one column may belong to no player and to no split."""
    n_outputs = draw(st.integers(1, 3))
    n_players = draw(st.integers(1, max_players))
    owners = [*range(n_players), *draw(st.lists(st.integers(0, n_players - 1), max_size=3))]
    players = np.array([*draw(st.permutations(owners)), -1], dtype=np.int32)
    builder = ForestBuilder(n_outputs)
    numbers = st.floats(-100.0, 100.0, width=32)
    leaf_values = st.lists(numbers, min_size=n_outputs, max_size=n_outputs)
    for _ in range(draw(st.integers(1, 3))):
        leaves = [builder.tree(draw(st.sampled_from((1.0, 300.0, 2.5e-7))), draw(leaf_values))]
        for _ in range(draw(st.integers(0, max_splits))):
            leaf = leaves.pop(draw(st.integers(-2, 0)) % len(leaves))  # often the last: deep rather than broad
            leaves += builder.split(
                leaf,
                draw(st.integers(0, len(owners) - 1)),
                draw(st.sampled_from(THRESHOLDS)),
                share=draw(st.sampled_from(SHARES)),
                category_set=draw(st.sampled_from((NO_SET, NO_SET, 0, 1, 2, 3))),
                missing_left=draw(st.booleans()),
                unseen_left=draw(st.booleans()),
                values=(draw(leaf_values), draw(leaf_values)),
            )
    tables = st.lists(
        st.lists(st.sampled_from(NUMBERS), min_size=len(players), max_size=len(players)), min_size=1, max_size=3
    )
    return Case(
        forest=builder.forest(draw(leaf_values)),
        rows=np.array(draw(tables)),
        background=np.array(draw(tables)),
        players=players,
        n_players=n_players,
    )


def random_case(
    seed: int, *, n_trees: int, n_splits: int, n_columns: int, n_players: int, n_outputs: int = 1, deep: float = 0.5
) -> Case:
    """A larger one, from a seed: 21 rows and 9 background rows.

    Args:
        seed: of all random choices.
        n_trees: number of trees.
        n_splits: of each tree, at most; every fourth tree is a single leaf.
        n_columns: of the rows.
        n_players: owners of the columns; several of them own more than one where they are fewer.
        n_outputs: of the forest.
        deep: probability that the leaf made last is split next; 1 gives chains.
    """
    random = np.random.default_rng(seed)
    builder = ForestBuilder(n_outputs)
    for tree in range(n_trees):
        leaves = [builder.tree(float(random.integers(1, 1000)), random.normal(size=n_outputs))]
        for _ in range(0 if tree % 4 == 3 else int(random.integers(1, n_splits + 1))):
            leaf = leaves.pop(-1 if random.random() < deep else int(random.integers(len(leaves))))
            leaves += builder.split(
                leaf,
                int(random.integers(n_columns)),
                float(random.choice(THRESHOLDS)),
                share=float(random.choice(SHARES)),
                category_set=int(random.choice((NO_SET, NO_SET, NO_SET, 0, 1, 2, 3))),
                missing_left=bool(random.random() < 0.5),
                unseen_left=bool(random.random() < 0.5),
                values=random.normal(size=(2, n_outputs)),
            )
    return Case(
        forest=builder.forest(random.normal(size=n_outputs)),
        rows=random.choice(NUMBERS, (21, n_columns)),
        background=random.choice(NUMBERS, (9, n_columns)),
        players=(np.arange(n_columns) % n_players).astype(np.int32),
        n_players=n_players,
    )


def chain(shares: FloatArray, values: FloatArray) -> PackedForest:
    """One tree that asks for column 0, 1, 2, …: where a row's value is above 0 it leaves, else it goes on.

    Args:
        shares: of the training rows that go on at each split, shape (n_columns,).
        values: of the leaves a row leaves by, and of the one at the end, shape (n_columns + 1,).
    """
    builder = ForestBuilder()
    at = builder.tree(1.0, values[-1:])
    for column, share in enumerate(shares):
        at, _ = builder.split(at, column, share=float(share), values=(values[-1:], values[column : column + 1]))
    return builder.forest()
