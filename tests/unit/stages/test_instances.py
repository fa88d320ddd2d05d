"""Which rows are shown one by one: the clear cases and the close call, never a row twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.stages.instances import choose_instances


def _explanation(predictions: list[list[float]], names: tuple[str, ...], positive: str | None = None) -> Explanation:
    outputs = np.array(predictions, dtype=np.float64).reshape(-1, len(names))
    n_rows = len(outputs)
    return Explanation(
        values=np.zeros((n_rows, 1, len(names))),
        base_values=outputs,
        predictions=outputs,
        data=pd.DataFrame({"x": np.zeros(n_rows)}, index=range(100, 100 + n_rows)),
        output_names=names,
        output_unit="probability",
        positive_class=positive,
        method="shap_tree",
        seed=0,
        cost=Cost(seconds=0.0, model_evaluations=0),
    )


def _binary(*positive: float) -> Explanation:
    return _explanation([[p, 1 - p] for p in positive], ("bad", "good"), "bad")


def test_two_classes_show_the_likeliest_the_least_likely_and_the_close_call() -> None:
    assert choose_instances(_binary(0.3, 0.9, 0.52, 0.1, 0.6), 3) == (101, 103, 102)


def test_several_classes_show_the_surest_the_surest_of_another_and_the_closest() -> None:
    rows = [[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.4, 0.39, 0.21], [0.95, 0.0, 0.05]]
    assert choose_instances(_explanation(rows, ("a", "b", "c")), 3) == (104, 102, 103)


def test_several_classes_of_which_one_is_always_predicted() -> None:
    rows = [[0.9, 0.05, 0.05], [0.5, 0.4, 0.1], [0.7, 0.2, 0.1]]
    assert choose_instances(_explanation(rows, ("a", "b", "c")), 3) == (100, 101, 102)


def test_a_regression_shows_the_highest_the_lowest_and_the_middle() -> None:
    rows = [[5.0], [-2.0], [30.0], [7.0], [6.0]]
    assert choose_instances(_explanation(rows, ("y",)), 3) == (102, 101, 104)


def test_ties_go_to_the_earlier_row() -> None:
    assert choose_instances(_binary(0.5, 0.5, 0.5, 0.5), 2) == (100, 101)


def test_more_are_spread_over_the_predictions() -> None:
    chosen = choose_instances(_binary(*np.linspace(0, 1, 101)), 6)
    assert len(chosen) == 6
    gaps = np.diff(sorted(chosen))
    assert gaps.max() <= 50


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("n_rows", [1, 2, 4])
def test_few_rows_are_all_there_is(count: int, n_rows: int) -> None:
    chosen = choose_instances(_binary(*np.linspace(0.2, 0.7, n_rows)), count)
    assert len(chosen) == min(count, n_rows)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 10))
def test_rows_are_distinct_and_exist(probabilities: list[float], count: int) -> None:
    chosen = choose_instances(_binary(*probabilities), count)
    assert len(chosen) == len(set(chosen)) == min(count, len(probabilities))
    assert set(chosen) <= set(range(100, 100 + len(probabilities)))
    assert chosen == choose_instances(_binary(*probabilities), count)


def test_of_a_single_score_the_close_call_is_at_zero() -> None:
    rows = _explanation([[3.0], [-2.0], [0.4], [0.1]], ("yes",), "yes")
    assert choose_instances(rows, 3) == (100, 101, 103)
