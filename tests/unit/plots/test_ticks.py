"""Tick labels and swarms: told apart, readable, within bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_pipeline.plots.swarm import swarm_offsets
from interp_pipeline.plots.ticks import date_ticks, format_ticks, number_ticks


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 0.05, 0.1], ["0", "0.05", "0.10"]),
        ([-0.025, 0, 0.025], ["\N{MINUS SIGN}0.025", "0", "0.025"]),
        ([0, 5000, 10000], ["0", "5,000", "10,000"]),
        ([1990, 2000], ["1990", "2000"]),
        ([0, 2_500], ["0", "2,500"]),
        ([4e11, 5e11], ["400,000,000,000", "500,000,000,000"]),
        ([0, 1_500_000, 3_000_000], ["0", "1,500,000", "3,000,000"]),
        ([0, 2e-7, 4e-7], ["0", "2e\N{MINUS SIGN}7", "4e\N{MINUS SIGN}7"]),
        ([5.0], ["5"]),
        ([], []),
    ],
)
def test_ticks(values: list[float], labels: list[str]) -> None:
    assert format_ticks(values) == labels


@given(st.floats(-1e18, 1e18), st.floats(1e-12, 1e12))
def test_ticks_are_told_apart(start: float, step: float) -> None:
    ticks = number_ticks(start, start + 5 * step, 5)
    if len(set(ticks)) == len(ticks) and np.ptp(ticks) > 1e-9 * max(abs(tick) for tick in ticks):
        assert len(set(format_ticks(ticks))) == len(ticks)


@pytest.mark.parametrize(
    ("days", "first"),
    [
        ((0, 3650), "197"),
        ((0, 200), "1970-01"),
        ((0, 20), "1970-01-0"),
        ((0, 0.5), "01-01 00:00"),
        ((5, 5), "1970-01-06"),
    ],
)
def test_dates_are_as_fine_as_their_distance(days: tuple[float, float], first: str) -> None:
    places, labels = date_ticks(*days, 5)
    assert labels[0].startswith(first)
    assert all(days[0] <= place <= days[1] for place in places)
    assert len(places) == len(labels) <= 8


@given(st.lists(st.floats(-1, 1), max_size=300))
def test_a_swarm_stays_in_its_row(positions: list[float]) -> None:
    offsets = swarm_offsets(np.array(positions, dtype=float))
    assert offsets.shape == (len(positions),)
    assert np.all(np.abs(offsets) <= 1)


def test_dots_at_one_place_lie_beside_each_other() -> None:
    offsets = swarm_offsets(np.full(7, 0.3))
    assert len(set(offsets)) == 7
    assert abs(offsets.mean()) < 0.1
    assert swarm_offsets(np.array([-0.9, 0.0, 0.9])).tolist() == [0, 0, 0]
