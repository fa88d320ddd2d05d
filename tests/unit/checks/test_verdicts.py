"""Every threshold, from both sides."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.checks.additivity import additivity_verdict
from interp_pipeline.checks.agreement import agreement_verdict
from interp_pipeline.checks.correlated_features import correlated_features
from interp_pipeline.checks.sample_size import accuracy_interval, is_lead_certain, mean_error_margin, tells_r2
from interp_pipeline.checks.sampling_error import sampling_verdict
from interp_pipeline.checks.served_answers import served_verdict
from interp_pipeline.checks.surrogate_fidelity import fidelity_verdict
from interp_pipeline.comparison.likeness import likeness
from interp_pipeline.surrogate_fit import hardly_follows


@pytest.mark.parametrize(
    ("error", "verdict"), [(0.0, "good"), (0.05, "good"), (0.051, "fair"), (0.2, "fair"), (0.21, "poor"), (9, "poor")]
)
def test_sampling_error(error: float, verdict: str) -> None:
    assert sampling_verdict(error) == verdict


@pytest.mark.parametrize(("r2", "verdict"), [(0.8, "good"), (0.79, "fair"), (0.5, "fair"), (0.49, "poor")])
def test_fidelity(r2: float, verdict: str) -> None:
    assert fidelity_verdict(r2) == verdict


@pytest.mark.parametrize(("rank", "verdict"), [(0.7, "good"), (0.69, "fair"), (0.4, "fair"), (0.39, "poor")])
def test_agreement(rank: float, verdict: str) -> None:
    assert agreement_verdict(rank, 9) == verdict
    assert agreement_verdict(rank, 1) == "good"


@pytest.mark.parametrize(("part", "verdict"), [(0.0, "good"), (0.001, "fair"), (0.05, "fair"), (0.06, "poor")])
def test_served_answers(part: float, verdict: str) -> None:
    assert served_verdict(part) == verdict


def test_additivity_is_judged_by_the_range_of_the_output() -> None:
    assert additivity_verdict(2e-6, 300.0) == "good"
    assert additivity_verdict(2e-6, 1.0) == "fair"


def test_what_is_no_number_is_never_good() -> None:
    verdicts = (sampling_verdict(math.nan), fidelity_verdict(math.nan), agreement_verdict(math.nan, 2))
    assert set(verdicts) == {"poor"}


@pytest.mark.parametrize(
    ("rank", "found"),
    [(0.95, "same"), (0.94, "largely"), (0.8, "largely"), (0.79, "partly"), (0.5, "partly"), (0.49, "different")],
)
def test_likeness_of_versions(rank: float, found: str) -> None:
    assert likeness(rank) == found


def test_surrogates_that_hardly_follow() -> None:
    assert hardly_follows([[0.29, 0.3], [1.0, -2.0]]).tolist() == [[True, False], [False, True]]


def test_features_that_go_together() -> None:
    months = np.arange(20.0)
    table = pd.DataFrame({"months": months, "amount": months**2, "half": months % 2, "back": -months})
    found = correlated_features(table)
    assert found is not None
    assert {pair[:2]: round(pair[2]) for pair in found} == {
        ("months", "amount"): 1,
        ("months", "back"): -1,
        ("amount", "back"): -1,
    }
    assert correlated_features(table.head(2)) is None
    assert correlated_features(pd.DataFrame(index=range(9))) == ()


def test_a_lead_is_certain_beyond_the_interval() -> None:
    _, margin = accuracy_interval(0.8, 200)
    assert margin == pytest.approx(0.0555, abs=1e-4)
    assert is_lead_certain(0.8, 0.8 - margin - 1e-9, 200)
    assert not is_lead_certain(0.8, 0.8 - margin + 1e-9, 200)


def test_few_rows_tell_little() -> None:
    assert (tells_r2(3), tells_r2(4)) == (False, True)
    assert mean_error_margin(1.0, 2.0, 1) is None
    assert mean_error_margin(1.0, 1.0, 9) == 0.0
