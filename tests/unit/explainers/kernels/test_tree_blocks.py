"""A row's values are the same bytes whichever rows stand beside it and however many threads share the work."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness.any_forest import Case, chain, random_case

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.inputs import TimeLimit
from interp_pipeline.explainers.kernels.threads import run_blocks, set_threads, thread_count
from interp_pipeline.explainers.tree_inputs import watched
from interp_pipeline.explainers.trees.interventional_values import interventional_values
from interp_pipeline.explainers.trees.path_dependent_values import path_dependent_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interp_pipeline.explanation import FloatArray

    Method = Callable[[Case, Callable[[int], None]], FloatArray]


def path_dependent(case: Case, advance: Callable[[int], None]) -> FloatArray:
    return path_dependent_values(case.forest, case.rows, case.players, case.n_players, advance)


def interventional(case: Case, advance: Callable[[int], None]) -> FloatArray:
    return interventional_values(case.forest, case.rows, case.background, case.players, case.n_players, advance)


both = pytest.mark.parametrize("method", [path_dependent, interventional])


@pytest.fixture(autouse=True)
def own_threads() -> Iterator[None]:
    yield
    set_threads(None)


def many_rows(n_rows: int, n_background: int = 40, n_outputs: int = 2) -> Case:
    case = random_case(8, n_trees=6, n_splits=50, n_columns=12, n_players=9, n_outputs=n_outputs, deep=0.8)
    random = np.random.default_rng(1)
    return replace(case, rows=random.normal(0, 50, (n_rows, 12)), background=random.normal(0, 50, (n_background, 12)))


def values_of(method: Method, case: Case) -> FloatArray:
    """The values, once every row was reported as finished, once."""
    finished: list[int] = []
    values = method(case, finished.append)
    assert sum(finished) == len(case.rows)
    assert min(finished) > 0
    return values


@both
@pytest.mark.parametrize("n_rows", [1, 7, 8, 17, 300, 1100])
def test_any_number_of_threads(method: Method, n_rows: int) -> None:
    case, found = many_rows(n_rows, 200), []
    for count in (1, 2, 5, 1):
        set_threads(count)
        assert thread_count() == count
        found.append(values_of(method, case).tobytes())
    assert len(set(found)) == 1


@both
def test_any_division_and_order_of_the_rows(method: Method) -> None:
    case = many_rows(600)
    whole = values_of(method, case)
    ends = np.cumsum([0, 1, 2, 8, 5, 16, 257, 311])
    parts = [values_of(method, replace(case, rows=case.rows[a:b].copy())) for a, b in itertools.pairwise(ends)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    order = np.random.default_rng(4).permutation(600)
    assert values_of(method, replace(case, rows=case.rows[order])).tobytes() == whole[order].tobytes()
    twice = np.concatenate([case.rows[:9], case.rows[:9]])
    assert values_of(method, replace(case, rows=twice)).tobytes() == 2 * whole[:9].tobytes()


@both
def test_blocks_made_small_by_deep_trees_and_wide_rows(method: Method) -> None:
    random = np.random.default_rng(0)
    deep = Case(
        forest=chain(np.full(300, 0.97), random.normal(size=301)),
        rows=random.normal(-2, 1, (40, 300)),
        background=random.normal(-2, 1, (3, 300)),
        players=np.arange(300, dtype=np.int32),
        n_players=300,
    )
    narrow = many_rows(300)
    wide = np.zeros((300, 30_000))
    wide[:, :12] = narrow.rows
    owners = np.append(narrow.players, np.full(30_000 - 12, 8)).astype(np.int32)
    assert values_of(method, deep)[25:27].tobytes() == values_of(method, replace(deep, rows=deep.rows[25:27])).tobytes()
    background = np.zeros((40, 30_000))
    background[:, :12] = narrow.background
    found = values_of(method, replace(narrow, rows=wide, background=background, players=owners))
    assert found.tobytes() == values_of(method, narrow).tobytes()


@pytest.mark.parametrize("n_background", [1, 63, 64, 65, 127, 128, 129, 300])
def test_any_number_of_background_rows_is_the_mean_over_them(n_background: int) -> None:
    case = many_rows(20, n_background)
    one_by_one = [
        interventional(replace(case, background=case.background[i : i + 1]), lambda _: None)
        for i in range(n_background)
    ]
    values = values_of(interventional, case)
    np.testing.assert_allclose(values, np.mean(one_by_one, axis=0), rtol=0, atol=1e-13)
    reversed_rows = values_of(interventional, replace(case, background=case.background[::-1].copy()))
    np.testing.assert_allclose(reversed_rows, values, rtol=0, atol=1e-12)
    assert values_of(interventional, case).tobytes() == values.tobytes()


@both
@pytest.mark.parametrize("n_outputs", [1, 2, 3])
def test_outputs_that_sum_to_a_constant_are_computed_but_for_one(method: Method, n_outputs: int) -> None:
    case = many_rows(50, n_outputs=n_outputs)
    value = np.abs(case.forest.value)
    sums = value.sum(axis=1, keepdims=True)
    shares = np.divide(value, sums, out=np.zeros_like(value), where=sums > 0)
    computed = replace(case, forest=replace(case.forest, value=shares))
    derived = replace(case, forest=replace(computed.forest, outputs_sum_to_constant=True))
    values = values_of(method, derived)
    np.testing.assert_allclose(values, values_of(method, computed), rtol=0, atol=1e-14)
    assert not (np.signbit(values) & (values == 0)).any()
    if n_outputs == 1:
        assert not values.any()


@both
def test_too_little_time_ends_the_work_and_its_threads(method: Method) -> None:
    case, finished = many_rows(6000, 300, 1), []
    before = threading.active_count()
    for count in (1, 3):
        set_threads(count)
        finished.clear()
        limit = TimeLimit("the method", 1e-9)
        with pytest.raises(
            ModelError, match=r"the method: max_seconds=1e-09 is not enough, about .* s are needed; allow"
        ):
            method(case, watched(limit, finished.append, len(case.rows)))
        assert 0 < sum(finished) < len(case.rows)
        assert threading.active_count() == before


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("where", ["in a block", "after a block"])
def test_what_goes_wrong_is_raised_and_the_other_blocks_are_not_begun(where: str, count: int) -> None:
    begun: list[int] = []
    permits = threading.Semaphore(0)  # blocks but the first wait, so that no thread can run away

    def work(block: slice) -> None:
        begun.append(block.start)
        if block.start > 0:
            permits.acquire(timeout=0.2)
        elif where == "in a block":
            raise InterruptedError

    def after(n_rows: int) -> None:
        raise InterruptedError(n_rows)

    set_threads(count)
    with pytest.raises(InterruptedError):
        run_blocks(work, [slice(i, i + 1) for i in range(50)], after)
    assert len(begun) <= 3 * count


def test_no_blocks_and_no_threads() -> None:
    run_blocks(lambda _: pytest.fail("there is no block"), [], lambda _: pytest.fail("there is no block"))
    set_threads(0)
    assert thread_count() == 1
