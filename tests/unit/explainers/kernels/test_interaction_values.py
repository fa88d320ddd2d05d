"""Interaction values of packed forests against their definition and against SHAP values of smaller games."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness.any_forest import Case, ForestBuilder, cases, random_case
from harness.tree_shapley import interventional_worth, outputs_of
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.explainers.kernels.threads import set_threads
from interp_pipeline.explainers.trees.interaction_values import interaction_values
from interp_pipeline.explainers.trees.interventional_values import interventional_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interp_pipeline.explanation import FloatArray


def shap_values(case: Case) -> FloatArray:
    return interventional_values(
        case.forest, case.rows, case.background, case.players, case.n_players, lambda _n_rows: None
    )


def interactions(case: Case) -> FloatArray:
    finished: list[int] = []
    shap = shap_values(case)
    values = interaction_values(case.forest, case.rows, case.background, case.players, shap, finished.append)
    assert sum(finished) == len(case.rows)
    return values


def by_subsets(case: Case) -> FloatArray:
    """Half the Shapley interaction index of every pair, by its definition; the diagonal is left 0."""
    worth, n = interventional_worth(case), case.n_players
    values = np.zeros((len(case.rows), n, n, case.forest.n_outputs))
    for row, x in enumerate(case.rows):
        worths = {
            frozenset(known): worth(x, known)
            for size in range(n + 1)
            for known in itertools.combinations(range(n), size)
        }
        for i, j in itertools.permutations(range(n), 2):
            for known, value in worths.items():
                if not known & {i, j}:
                    share = math.factorial(len(known)) * math.factorial(n - len(known) - 2) / math.factorial(n - 1)
                    joint = worths[known | {i, j}] - worths[known | {i}] - worths[known | {j}] + value
                    values[row, i, j] += share / 2 * joint
    return values


def by_fixing_players(case: Case) -> FloatArray:
    """The same from SHAP values: what i is worth with j known, less what it is worth without, halved.

    Unlike subsets this works for any number of players.
    """
    n = case.n_players
    values = np.zeros((len(case.rows), n, n, case.forest.n_outputs))
    for row, x in enumerate(case.rows):
        for j in range(n):
            owned = case.players == j
            known = replace(case, rows=x[None], background=np.where(owned, x, case.background))
            with_j = shap_values(known)[0]
            without = [
                shap_values(replace(case, rows=np.where(owned, z, x)[None], background=z[None]))[0]
                for z in case.background
            ]
            values[row, :, j] = (with_j - np.mean(without, axis=0)) / 2
            values[row, j, j] = 0.0
    return values


def off_diagonal(values: FloatArray) -> FloatArray:
    return values * (1 - np.eye(values.shape[1]))[:, :, None]


def scale_of(case: Case) -> float:
    return 1e-300 + float(np.abs(case.forest.value).max(initial=0.0)) * len(case.forest.root)


def assert_close(case: Case, values: FloatArray, expected: FloatArray) -> None:
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12 * scale_of(case))


@pytest.fixture
def _threads() -> Iterator[None]:
    yield
    set_threads(None)


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_are_half_the_shapley_interaction_index(case: Case) -> None:
    assert_close(case, off_diagonal(interactions(case)), by_subsets(case))


@settings(max_examples=40, deadline=None)
@given(case=cases(max_players=8, max_splits=20))
def test_agree_with_shap_values_of_games_with_one_player_fixed(case: Case) -> None:
    assert_close(case, off_diagonal(interactions(case)), by_fixing_players(case))


@pytest.mark.parametrize("deep", [0.2, 0.95])
@pytest.mark.parametrize("n_players", [24, 5])
def test_larger_forests_with_players_of_several_columns(n_players: int, deep: float) -> None:
    case = random_case(7, n_trees=5, n_splits=60, n_columns=30, n_players=n_players, n_outputs=2, deep=deep)
    case = replace(case, rows=case.rows[:3])
    assert_close(case, off_diagonal(interactions(case)), by_fixing_players(case))


@settings(max_examples=60, deadline=None)
@given(case=cases(max_players=8, max_splits=20))
def test_are_symmetric_and_add_up_to_values_and_prediction(case: Case) -> None:
    values = interactions(case)
    np.testing.assert_array_equal(values, values.transpose(0, 2, 1, 3))
    assert_close(case, values.sum(axis=2), shap_values(case))
    base = np.mean([outputs_of(case.forest, row) for row in case.background], axis=0)
    assert_close(case, base + values.sum(axis=(1, 2)), np.array([outputs_of(case.forest, row) for row in case.rows]))


@settings(max_examples=40, deadline=None)
@given(case=cases(max_players=6), data=st.data())
def test_the_order_of_columns_and_of_players_changes_nothing(case: Case, data: st.DataObject) -> None:
    columns = np.array(data.draw(st.permutations(range(len(case.players)))))  # new position: old column
    numbers = np.array([*data.draw(st.permutations(range(case.n_players))), -1])  # old player: new player
    asked = np.append(np.argsort(columns), -1)[case.forest.column].astype(np.int32)
    moved = replace(
        case,
        forest=replace(case.forest, column=asked),
        rows=np.ascontiguousarray(case.rows[:, columns]),
        background=np.ascontiguousarray(case.background[:, columns]),
        players=numbers[case.players[columns]].astype(np.int32),
    )
    found = off_diagonal(interactions(moved))[:, numbers[:-1]][:, :, numbers[:-1]]
    np.testing.assert_array_equal(found, off_diagonal(interactions(case)))


@pytest.mark.usefixtures("_threads")
def test_the_mean_over_more_background_rows_than_fit_at_once() -> None:
    case = random_case(3, n_trees=6, n_splits=40, n_columns=9, n_players=9, n_outputs=2, deep=0.7)
    case = replace(case, background=np.concatenate([np.roll(case.background, k, axis=1) for k in range(30)])[:260])
    whole = interactions(case)
    parts = [interactions(replace(case, background=case.background[i : i + 1])) for i in range(260)]
    assert_close(case, whole, np.mean(parts, axis=0))
    for count in (1, 2, 5):
        set_threads(count)
        assert interactions(case).tobytes() == whole.tobytes()
    for row in range(len(case.rows)):
        alone = interactions(replace(case, rows=case.rows[[row]]))
        assert alone.tobytes() == whole[[row]].tobytes()


def test_many_players_in_blocks_of_a_row() -> None:
    case = random_case(5, n_trees=3, n_splits=30, n_columns=12, n_players=12)
    players = np.where(case.players >= 0, case.players * 200, -1).astype(np.int32)
    few = replace(case, rows=case.rows[:2])
    sparse = interactions(replace(few, players=players, n_players=2301))
    np.testing.assert_array_equal(off_diagonal(sparse[:, ::200, ::200]), off_diagonal(interactions(few)))
    assert_close(few, sparse[:, ::200, ::200], interactions(few))
    assert np.count_nonzero(sparse) == np.count_nonzero(sparse[:, ::200, ::200])


def test_a_product_of_two_features_in_closed_form() -> None:
    """Leaves a * b: a pair's joint effect is the mean over the background of both differences multiplied."""
    builder, a, b = ForestBuilder(), (2.0, -3.0), (5.0, 0.5)
    left, right = builder.split(builder.tree(), 0)
    for side, worth in ((left, a[0]), (right, a[1])):
        builder.split(side, 2, values=((worth * b[0],), (worth * b[1],)))
    builder.split(builder.tree(), 1, values=((10.0,), (20.0,)))  # column 1 acts alone
    rows = np.array([[-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0], [1.0, 1.0, 1.0]])
    case = Case(
        forest=builder.forest([1.0]), rows=rows, background=rows[1:], players=np.arange(3, dtype=np.int32), n_players=3
    )
    values = interactions(case)[..., 0]
    of_a, of_b = (np.where(rows[:, c] <= 0, side[0], side[1]) for c, side in ((0, a), (2, b)))
    joint = [np.mean((of_a[i] - of_a[1:]) * (of_b[i] - of_b[1:])) for i in range(3)]
    np.testing.assert_allclose(2 * values[:, 0, 2], joint, rtol=0, atol=1e-14)
    assert (values[:, 1, [0, 2]] == 0).all()
    np.testing.assert_allclose(values[:, 1, 1], [5.0, -5.0, 5.0], rtol=0, atol=1e-14)


def test_forests_without_splits_without_trees_and_with_a_constant_output() -> None:
    builder = ForestBuilder()
    empty = builder.forest([1.0])
    builder.tree(3.0, [1.0])
    for forest in (empty, builder.forest(), replace(builder.forest(), outputs_sum_to_constant=True)):
        case = Case(
            forest=forest,
            rows=np.ones((9, 2)),
            background=np.ones((1, 2)),
            players=np.arange(2, dtype=np.int32),
            n_players=2,
        )
        assert not interactions(case).any()


def test_outputs_that_sum_to_a_constant_mirror_each_other() -> None:
    case = random_case(2, n_trees=4, n_splits=20, n_columns=6, n_players=6, n_outputs=2)
    mirrored = replace(case.forest, value=np.stack([case.forest.value[:, 0], -case.forest.value[:, 0]], axis=1).copy())
    each = interactions(replace(case, forest=mirrored))
    once = interactions(replace(case, forest=replace(mirrored, outputs_sum_to_constant=True)))
    assert_close(case, once, each)
    assert not np.signbit(once[once == 0]).any()
