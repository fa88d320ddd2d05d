from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.data.background import select_background, select_rows

FRAME = pd.DataFrame({"x": range(50), "target": range(50, 100)}).sample(frac=1, random_state=0)


@pytest.mark.parametrize("select", [select_background, select_rows])
def test_rows_are_chosen_once_each_in_the_order_of_the_source_with_all_columns(select: Any) -> None:
    chosen = select(FRAME, 20, 42)
    assert chosen.shape == (20, 2)
    assert chosen.index.is_unique
    assert chosen.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(chosen, FRAME.loc[chosen.index])


@pytest.mark.parametrize("select", [select_background, select_rows])
def test_the_seed_decides_and_the_order_of_the_split_does_not(select: Any) -> None:
    chosen = select(FRAME, 20, 42)
    pd.testing.assert_frame_equal(select(FRAME.sort_index(), 20, 42), chosen)
    assert list(select(FRAME, 20, 43).index) != list(chosen.index)


@pytest.mark.parametrize("select", [select_background, select_rows])
def test_fewer_rows_are_all_chosen(select: Any) -> None:
    pd.testing.assert_frame_equal(select(FRAME, 1000, 42), FRAME.sort_index())


def test_the_sample_is_uniform() -> None:
    counts = np.zeros(10)
    for seed in range(2000):
        counts[select_background(FRAME[:10].reset_index(drop=True), 3, seed).index] += 1
    # each row is drawn 600 times on average, with a standard deviation of 20.5
    assert np.abs(counts - 600).max() < 4 * 20.5
