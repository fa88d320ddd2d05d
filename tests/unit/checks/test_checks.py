"""The checks find what they are there to find."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline import checks
from interp_pipeline.checks import require_additivity, run_checks
from interp_pipeline.errors import CheckError, UsageError
from interp_pipeline.explanation import Cost, Explanation


def explanation(n_outputs: int = 2, seed: int = 0, **changes: Any) -> Explanation:
    """An additive explanation of six rows and four features."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(6, 4, n_outputs))
    base = np.tile(random.normal(size=n_outputs), (6, 1))
    names = tuple(f"class {k}" for k in range(n_outputs)) if n_outputs > 1 else ("price",)
    complete = {
        "values": values,
        "base_values": base,
        "predictions": base + values.sum(axis=1),
        "data": pd.DataFrame(random.normal(size=(6, 4)), columns=list("abcd")),
        "output_names": names,
        "output_unit": "probability" if n_outputs > 1 else "price",
        "positive_class": names[1] if n_outputs == 2 else None,
        "method": "shap_test",
        "seed": seed,
        "cost": Cost(seconds=1.0, model_evaluations=0),
    }
    return Explanation(**(complete | changes))


def shifted(source: Explanation, by: float) -> Explanation:
    predictions = source.predictions.copy()
    predictions[2, 0] += by
    return dataclasses.replace(source, predictions=predictions)


def test_additivity_error_is_the_largest_gap() -> None:
    assert checks.additivity_error(explanation()) < 1e-14
    assert checks.additivity_error(shifted(explanation(), -0.25)) == pytest.approx(0.25)


def test_additivity_of_probabilities_is_measured_against_one() -> None:
    require_additivity(shifted(explanation(), 0.9e-6), 1e-6)
    with pytest.raises(CheckError, match=r"shap_test: base value and attributions miss the model's output by 1.1e-06"):
        require_additivity(shifted(explanation(), 1.1e-6), 1e-6)


def test_additivity_of_a_regression_is_measured_against_its_range() -> None:
    prices = explanation(1, base_values=np.full((6, 1), 500.0), predictions=np.array([[0.0], [1000]] * 3))
    prices = dataclasses.replace(prices, values=np.repeat((prices.predictions - 500)[:, np.newaxis] / 4, 4, axis=1))
    assert checks.output_range(prices) == 1000
    require_additivity(shifted(prices, 0.9e-3), 1e-6)
    with pytest.raises(CheckError):
        require_additivity(shifted(prices, 1.1e-3), 1e-6)


@pytest.mark.parametrize(("output", "expected"), [(0.0, 1.0), (-250.0, 250.0)])
def test_range_of_a_constant_regression_is_its_size(output: float, expected: float) -> None:
    constant = explanation(1, predictions=np.full((6, 1), output), base_values=np.full((6, 1), output))
    assert checks.output_range(constant) == expected


def test_base_value_error() -> None:
    source = explanation()
    background = np.vstack([source.base_values[0] - 1, source.base_values[0] + 1])
    assert checks.base_value_error(source, background) < 1e-14
    assert checks.base_value_error(source, background + np.array([0, 0.5])) == pytest.approx(0.5)


def test_relative_sampling_error() -> None:
    source = explanation()
    assert checks.relative_sampling_error(source) == 0.0
    estimated = dataclasses.replace(source, std_errors=np.full_like(source.values, 0.1))
    assert checks.relative_sampling_error(estimated) == pytest.approx(0.1 / np.abs(source.values).mean())
    flat = dataclasses.replace(estimated, values=np.zeros_like(source.values))
    assert checks.relative_sampling_error(flat) == 0.0


def test_surrogate_fidelity_speaks_about_the_positive_class() -> None:
    local_r2 = np.column_stack([np.zeros(6), np.linspace(0.5, 1.0, 6)])
    assert checks.surrogate_fidelity(explanation(local_r2=local_r2)) == (pytest.approx(0.75), 0.5)
    with pytest.raises(UsageError, match="shap_test fits no surrogate"):
        checks.surrogate_fidelity(explanation())


def test_rank_agreement_is_spearmans_correlation_per_row() -> None:
    from scipy.stats import spearmanr

    first, second = explanation(seed=1), explanation(seed=2)
    expected = np.mean(
        [
            spearmanr(np.abs(a[:, 1]), np.abs(b[:, 1])).statistic
            for a, b in zip(first.values, second.values, strict=True)
        ]
    )
    assert checks.rank_agreement(first, second) == pytest.approx(expected)
    assert checks.rank_agreement(first, dataclasses.replace(first, values=-7 * first.values)) == pytest.approx(1.0)


def test_rows_without_a_ranking_do_not_count() -> None:
    first = explanation()
    values = first.values.copy()
    values[:5] = 0.0
    assert checks.rank_agreement(first, dataclasses.replace(first, values=values)) == pytest.approx(1.0)
    assert checks.rank_agreement(first, dataclasses.replace(first, values=np.zeros_like(values))) == 0.0


def test_top_feature_overlap() -> None:
    first = explanation(values=np.tile(np.array([4.0, 3, 2, 1])[:, np.newaxis], (6, 1, 2)))
    second = dataclasses.replace(first, values=first.values[:, ::-1])
    assert checks.top_feature_overlap(first, first, 2) == 1.0
    assert checks.top_feature_overlap(first, second, 2) == 0.0
    assert checks.top_feature_overlap(first, second, 3) == pytest.approx(2 / 3)
    assert checks.top_feature_overlap(first, second, 50) == 1.0


def test_same_direction_is_of_the_top_features_of_each_row() -> None:
    first = explanation(values=np.tile(np.array([4.0, -3, 2, 0])[:, np.newaxis], (6, 1, 2)))
    turned = first.values.copy()
    turned[:, 0] *= -1
    turned[:3, 1] = 0.0  # points no way
    second = dataclasses.replace(first, values=turned)
    assert checks.same_direction(first, first) == 1.0
    assert checks.same_direction(first, second, 1) == 0.0
    assert checks.same_direction(first, second, 2) == pytest.approx(3 / 9)
    assert checks.same_direction(first, second) == pytest.approx(9 / 15)
    assert checks.same_direction(first, dataclasses.replace(first, values=np.zeros_like(turned))) is None


def test_only_explanations_of_the_same_rows_are_compared() -> None:
    with pytest.raises(UsageError, match="different rows, features or outputs"):
        checks.rank_agreement(explanation(), explanation(3))


def test_prediction_mismatch() -> None:
    served = np.array([[0.25, 0.75], [0.5, 0.5]])
    assert checks.prediction_mismatch(served, served) == 0.0
    assert checks.prediction_mismatch(served, served + np.array([[0, 0], [0, 0.125]])) == 0.125
    with pytest.raises(UsageError, match=r"shape \(2, 2\), served ones \(2, 1\)"):
        checks.prediction_mismatch(served, served[:, :1])


def test_run_checks_runs_what_it_can() -> None:
    shap = explanation()
    lime = dataclasses.replace(shap, method="lime", local_r2=np.full((6, 2), 0.5))
    everything = run_checks(
        shap=shap, lime=lime, served_predictions=shap.predictions, background_predictions=shap.base_values
    )
    assert set(everything) == {
        "additivity_error",
        "base_value_error",
        "relative_sampling_error",
        "lime_mean_r2",
        "lime_min_r2",
        "shap_lime_rank_agreement",
        "shap_lime_top5_overlap",
        "shap_lime_same_direction",
        "prediction_mismatch",
    }
    assert set(run_checks(shap=None, lime=lime)) == {"lime_mean_r2", "lime_min_r2"}
    assert set(run_checks(shap=shap, lime=None)) == {"additivity_error", "relative_sampling_error"}
    assert run_checks(shap=None, lime=None, served_predictions=shap.predictions) == {}
