"""Shapley values of packed forests the slow and obvious ways, to hold compiled code against.

By subsets: the definition itself, every coalition of players, every tree walked in Python. By leaves:
exact rational arithmetic over each path, for paths with more players than subsets could be listed.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from harness.any_forest import Case

    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray


def goes_left(forest: PackedForest, node: int, x: float) -> bool:
    """What ``PackedForest`` says about one split."""
    chosen = int(forest.category_set[node])
    if math.isnan(x):
        return bool(forest.missing_left[node])
    if chosen < 0:
        return bool(x <= forest.threshold[node])
    if x < 0 or x >= 64 * forest.category_bits.shape[1]:
        return bool(forest.unseen_left[node])
    return bool(int(forest.category_bits[chosen, int(x) // 64]) >> (int(x) % 64) & 1)


def by_subsets(case: Case, worth: Callable[[FloatArray, Collection[int]], FloatArray]) -> FloatArray:
    """Shapley's formula.

    Args:
        case: forest, rows and players.
        worth: sum of the trees for a row if only these players are known; the offset cancels.

    Returns:
        Shape (n_rows, n_players, n_outputs).
    """
    everyone = range(case.n_players)
    subsets = [s for size in (*everyone, case.n_players) for s in itertools.combinations(everyone, size)]
    values = np.zeros((len(case.rows), case.n_players, case.forest.n_outputs))
    for i, row in enumerate(case.rows):
        worths = {subset: worth(row, subset) for subset in subsets}
        for player in everyone:
            for subset, without in worths.items():
                if player not in subset:
                    share = 1 / (case.n_players * math.comb(case.n_players - 1, len(subset)))
                    values[i, player] += share * (worths[tuple(sorted((*subset, player)))] - without)
    return values


def path_dependent_worth(case: Case) -> Callable[[FloatArray, Collection[int]], FloatArray]:
    """A row goes both ways at the splits of an unknown player, by shares of training rows."""
    forest = case.forest

    def worth(row: FloatArray, known: Collection[int]) -> FloatArray:
        below = forest.value.copy()
        for node in np.flatnonzero(forest.left >= 0)[::-1].tolist():  # children before their parents
            left, right, column = int(forest.left[node]), int(forest.right[node]), forest.column[node]
            if case.players[column] in known:
                below[node] = below[left if goes_left(forest, node, row[column]) else right]
            else:
                shares = forest.cover[[left, right]] / forest.cover[node]
                below[node] = shares[0] * below[left] + shares[1] * below[right]
        return below[forest.root].sum(axis=0)

    return worth


def interventional_worth(case: Case) -> Callable[[FloatArray, Collection[int]], FloatArray]:
    """An unknown player has a background row's values; the mean over the background."""

    def worth(row: FloatArray, known: Collection[int]) -> FloatArray:
        mixed = np.where(np.isin(case.players, list(known)), row, case.background)
        return np.mean([sum_of_trees(case.forest, each) for each in mixed], axis=0)

    return worth


def sum_of_trees(forest: PackedForest, row: FloatArray) -> FloatArray:
    """What the forest gives for one row before its offset is added, shape (n_outputs,)."""
    total = np.zeros(forest.n_outputs)
    for node in forest.root.tolist():
        while forest.left[node] >= 0:
            left = goes_left(forest, node, row[forest.column[node]])
            node = int(forest.left[node] if left else forest.right[node])  # noqa: PLW2901 - the walk down
        total += forest.value[node]
    return total


def outputs_of(forest: PackedForest, row: FloatArray) -> FloatArray:
    """What the forest gives for one row, shape (n_outputs,)."""
    return forest.offset + sum_of_trees(forest, row)


def path_dependent_by_leaves(case: Case) -> FloatArray:
    """Path-dependent values, leaf by leaf in whole numbers, rounded once at the end; shape as ``by_subsets``."""
    values = np.zeros((len(case.rows), case.n_players, case.forest.n_outputs))
    for i, row in enumerate(case.rows):
        exact = [[Fraction(0)] * case.forest.n_outputs for _ in range(case.n_players)]
        for leaf, states in _paths(case, row):
            for player, due in _dues(states).items():
                for k, value in enumerate(case.forest.value[leaf].tolist()):
                    exact[player][k] += due * Fraction(value)
        values[i] = [[float(total) for total in outputs] for outputs in exact]
    return values


States = dict[int, tuple[int, Fraction]]  # by player on the path: whether the row passes, share of training rows


def _paths(case: Case, row: FloatArray) -> list[tuple[int, States]]:
    """All leaves that are worth something, with the players on the way to each."""
    forest, found = case.forest, []
    pending: list[tuple[int, States]] = [(int(root), {}) for root in forest.root]
    while pending:
        node, states = pending.pop()
        if forest.left[node] < 0:
            if forest.value[node].any():
                found.append((node, states))
            continue
        column = int(forest.column[node])
        player, left = int(case.players[column]), goes_left(forest, node, row[column])
        for child, passes in ((int(forest.left[node]), left), (int(forest.right[node]), not left)):
            state, share = states.get(player, (1, Fraction(1)))
            weight = share * Fraction(forest.cover[child] / forest.cover[node])
            pending.append((child, states | {player: (state * passes, weight)}))
    return found


def _dues(states: States) -> dict[int, Fraction]:
    """What a leaf of value 1 is worth to each player on its path.

    The product over players of ``o * a + w * b`` is a polynomial whose coefficient at a^k b^(D-k) adds
    up the coalitions of k players; without player j that is the weight of coalitions j can join.
    """
    scale = {player: weight.denominator for player, (_, weight) in states.items()}
    product = [1]
    for player, (o, weight) in states.items():
        a, b = o * scale[player], weight.numerator
        product = [a * below + b * same for below, same in zip([0, *product], [*product, 0], strict=True)]
    whole, most = math.prod(scale.values()), len(states)
    dues = {}
    for player, (o, weight) in states.items():
        a, b = o * scale[player], weight.numerator
        others, carried = [], 0
        for same in product[:-1]:
            carried = (same - a * carried) // b
            others.append(carried)
        total = sum(Fraction(each, math.comb(most - 1, k)) for k, each in enumerate(others))
        dues[player] = (o - weight) * total * scale[player] / (whole * most)
    return dues
