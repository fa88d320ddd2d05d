"""Both tree methods against the definition of their values, on forests no library would make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness.any_forest import Case, ForestBuilder, cases, random_case
from harness.tree_shapley import (
    by_subsets,
    interventional_worth,
    path_dependent_by_leaves,
    path_dependent_worth,
    sum_of_trees,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.explainers.trees.interventional_values import interventional_values
from interp_pipeline.explainers.trees.path_dependent_values import expected_outputs, path_dependent_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray


def path_dependent(case: Case) -> FloatArray:
    finished: list[int] = []
    values = path_dependent_values(case.forest, case.rows, case.players, case.n_players, finished.append)
    assert sum(finished) == len(case.rows)
    return values


def interventional(case: Case) -> FloatArray:
    finished: list[int] = []
    values = interventional_values(
        case.forest, case.rows, case.background, case.players, case.n_players, finished.append
    )
    assert sum(finished) == len(case.rows)
    return values


METHODS = {
    "path dependent": (path_dependent, path_dependent_worth),
    "interventional": (interventional, interventional_worth),
}
both = pytest.mark.parametrize("method", [path_dependent, interventional])


def scale_of(case: Case) -> float:
    """What values can be large as: the largest leaf of every tree, added up."""
    ends = [*case.forest.root[1:], len(case.forest.left)]
    trees = zip(case.forest.root, ends, strict=True)
    return 1e-300 + sum(float(np.abs(case.forest.value[root:end]).max()) for root, end in trees)


def assert_close(case: Case, values: FloatArray, expected: FloatArray, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance * scale_of(case))


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_are_shapleys(name: str, case: Case) -> None:
    method, worth = METHODS[name]
    assert_close(case, method(case), by_subsets(case, worth(case)))


@settings(max_examples=60, deadline=None)
@given(case=cases(max_players=9, max_splits=14))
def test_path_dependent_values_are_exact_for_more_players_too(case: Case) -> None:
    assert_close(case, path_dependent(case), path_dependent_by_leaves(case))


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_the_two_oracles_agree(case: Case) -> None:
    assert_close(case, path_dependent_by_leaves(case), by_subsets(case, path_dependent_worth(case)))


@both
@settings(max_examples=60, deadline=None)
@given(case=cases(max_players=8, max_splits=20))
def test_efficiency(method: Callable[[Case], FloatArray], case: Case) -> None:
    case = replace(case, forest=replace(case.forest, offset=np.zeros(case.forest.n_outputs)))
    outputs = np.array([sum_of_trees(case.forest, row) for row in case.rows])
    if method is interventional:
        base = np.mean([sum_of_trees(case.forest, row) for row in case.background], axis=0)
    else:
        base = expected_outputs(case.forest)
        assert_close(case, base, path_dependent_worth(case)(case.rows[0], ()))
    assert_close(case, base + method(case).sum(axis=1), outputs)


@both
@settings(max_examples=40, deadline=None)
@given(case=cases(max_players=6), data=st.data())
def test_the_order_of_columns_and_of_players_changes_nothing(
    method: Callable[[Case], FloatArray], case: Case, data: st.DataObject
) -> None:
    n_columns = len(case.players)
    columns = np.array(data.draw(st.permutations(range(n_columns))))  # new position: old column
    numbers = np.array([*data.draw(st.permutations(range(case.n_players))), -1])  # old player: new player
    asked = np.append(np.argsort(columns), -1)[case.forest.column].astype(np.int32)
    moved = replace(
        case,
        forest=replace(case.forest, column=asked),
        rows=np.ascontiguousarray(case.rows[:, columns]),
        background=np.ascontiguousarray(case.background[:, columns]),
        players=numbers[case.players[columns]].astype(np.int32),
    )
    np.testing.assert_array_equal(method(moved)[:, numbers[:-1]], method(case))


@both
@settings(max_examples=40, deadline=None)
@given(case=cases(max_players=6))
def test_linearity_over_trees_and_outputs(method: Callable[[Case], FloatArray], case: Case) -> None:
    forest, total = case.forest, np.zeros((len(case.rows), case.n_players, case.forest.n_outputs))
    for root, end in zip(forest.root, [*forest.root[1:], len(forest.left)], strict=True):
        only = np.zeros_like(forest.value)
        only[root:end] = forest.value[root:end]
        total += method(replace(case, forest=replace(forest, value=only, offset=forest.offset * 0)))
    assert_close(case, method(case), total)
    for k in range(forest.n_outputs):
        alone = replace(forest, value=forest.value[:, [k]].copy(), offset=forest.offset[[k]])
        assert_close(case, method(replace(case, forest=alone))[:, :, 0], method(case)[:, :, k])


@both
def test_players_nobody_asks_for_and_splits_that_decide_nothing_get_nothing(
    method: Callable[[Case], FloatArray],
) -> None:
    builder = ForestBuilder()
    left, right = builder.split(builder.tree(8.0), 0, 0.0, share=0.25)
    for side, value in ((left, 5.0), (right, -2.0)):  # column 2 is asked for and the answer does not matter
        builder.split(side, 2, 0.0, share=0.25, values=((value,), (value,)))
    rows = np.array([[-1.0, 3.0, 1.0], [1.0, np.nan, -1.0], [1.0, 0.0, 1.0]])
    case = Case(
        forest=builder.forest([7.0]), rows=rows, background=rows[:2], players=np.arange(3, dtype=np.int32), n_players=3
    )
    values = method(case)
    assert (values[:, 1] == 0).all()
    np.testing.assert_allclose(values[:, 2], 0, atol=1e-15)
    base = np.mean([5.0, -2.0]) if method is interventional else 0.25 * 5 - 0.75 * 2
    np.testing.assert_allclose(values[:, 0, 0], [5 - base, -2 - base, -2 - base], rtol=1e-14)


@both
def test_players_who_stand_for_each_other_get_the_same(method: Callable[[Case], FloatArray]) -> None:
    builder = ForestBuilder()
    for first, second in ((0, 1), (1, 0)):  # both orders of the same "and"
        left, _ = builder.split(builder.tree(16.0), first, share=0.25)
        builder.split(left, second, share=0.25, values=((12.0,), (0.0,)))
    rows = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    case = Case(
        forest=builder.forest(), rows=rows, background=rows[1:], players=np.arange(2, dtype=np.int32), n_players=2
    )
    values = method(case)[..., 0]
    np.testing.assert_allclose(values[0, 0], values[0, 1], rtol=1e-14)
    np.testing.assert_allclose(values[3, 0], values[3, 1], rtol=1e-14)
    np.testing.assert_allclose(values[1], values[2, ::-1], rtol=1e-14)
    if method is path_dependent:  # 24 * (o_0 - w) * (o_1 + w) / 2 with w = 1 / 4
        np.testing.assert_allclose(values[:2], [[11.25, 11.25], [2.25, -3.75]], rtol=1e-14)


@both
def test_forests_without_splits_and_without_trees(method: Callable[[Case], FloatArray]) -> None:
    builder = ForestBuilder(2)
    empty = builder.forest([1.0, 2.0])
    builder.tree(3.0, [1.0, -1.0])
    builder.tree(5.0, [0.5, 0.0])
    for forest in (empty, builder.forest([1.0, 2.0])):
        case = Case(
            forest=forest,
            rows=np.ones((9, 2)),
            background=np.ones((1, 2)),
            players=np.arange(2, dtype=np.int32),
            n_players=2,
        )
        assert not method(case).any()
    np.testing.assert_array_equal(expected_outputs(empty), [1.0, 2.0])
    np.testing.assert_array_equal(expected_outputs(builder.forest([1.0, 2.0])), [2.5, 1.0])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("deep", [0.2, 0.9])
def test_larger_forests_with_players_of_several_columns(seed: int, deep: float) -> None:
    case = random_case(seed, n_trees=5, n_splits=60, n_columns=40, n_players=25, n_outputs=2, deep=deep)
    case = replace(case, rows=case.rows[:5])
    assert_close(case, path_dependent(case), path_dependent_by_leaves(case))
    few = random_case(seed, n_trees=4, n_splits=40, n_columns=9, n_players=4, n_outputs=2, deep=deep)
    few = replace(few, rows=few.rows[:3], background=few.background[:4])
    assert_close(few, path_dependent(few), path_dependent_by_leaves(few))
    assert_close(few, interventional(few), by_subsets(few, interventional_worth(few)))


def test_shares_that_no_double_can_hold() -> None:
    builder = ForestBuilder()
    at = builder.tree(1e20)
    for depth in range(60):  # first one player alone, whose share falls to 1e-360
        at, _ = builder.split(at, depth % 2 if depth > 40 else 0, share=1e-9, values=((1.0 + depth,), (2.0 + depth,)))
    tiny = builder.forest()
    assert tiny.cover.min() / tiny.cover.max() == 0
    rows = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    case = Case(forest=tiny, rows=rows, background=rows, players=np.arange(2, dtype=np.int32), n_players=2)
    assert_close(case, path_dependent(case), by_subsets(case, path_dependent_worth(case)))
