"""Sampling: unbiased, additive, with standard errors that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from harness.explainable_models import explain, mlp, random_rows, small_model, table

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.explainers import masking
from interp_pipeline.explainers.registry import load_explainer

N_FEATURES = 8
MODEL = small_model(mlp(N_FEATURES, 3, seed=5, scale=1.5), N_FEATURES, 3)
ROWS, BACKGROUND = table(random_rows(12, N_FEATURES, 1)), table(random_rows(20, N_FEATURES, 2))


def config(rounds: int = 4, seed: int = 0, **options: float) -> ExplainConfig:
    return ExplainConfig(sampling_rounds=rounds, seed=seed, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    return explain("shap_exact", MODEL, ROWS, BACKGROUND, config()).values


def errors(rounds: int, exact: np.ndarray, seeds: range) -> tuple[np.ndarray, np.ndarray]:
    """Errors and standard errors over several seeds, shape (n_seeds, n_rows, n_features, n_outputs)."""
    runs = [explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(rounds, seed)) for seed in seeds]
    return np.stack([run.values - exact for run in runs]), np.stack([run.std_errors for run in runs])


def test_standard_errors_are_calibrated(exact: np.ndarray) -> None:
    error, std_error = errors(4, exact, range(8))
    inside = (np.abs(error) <= 2 * std_error).mean()
    assert 0.93 < inside < 0.97
    # Squared errors and squared standard errors have the same mean: no bias hides in the spread.
    assert (error**2).mean() == pytest.approx((std_error**2).mean(), rel=0.1)


def test_error_shrinks_with_the_square_root_of_the_rounds(exact: np.ndarray) -> None:
    few, few_se = errors(3, exact, range(4))
    many, many_se = errors(27, exact, range(4))
    assert few_se.mean() / many_se.mean() == pytest.approx(3.0, rel=0.05)
    assert np.sqrt((few**2).mean() / (many**2).mean()) == pytest.approx(3.0, rel=0.2)


def test_additive_to_rounding_after_any_number_of_rounds() -> None:
    for rounds in (2, 3, 5):
        explanation = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(rounds))
        total = explanation.base_values + explanation.values.sum(axis=1)
        np.testing.assert_allclose(total, explanation.predictions, atol=1e-12)
        assert explanation.details == {"rounds": rounds}


def test_exact_where_features_do_not_interact() -> None:
    model = small_model(lambda x: x @ np.arange(1.0, 5.0)[:, np.newaxis], 4)
    rows, background = table(random_rows(3, 4, 1)), table(random_rows(6, 4, 2))
    explanation = explain("shap_permutation", model, rows, background, config(2))
    expected = (rows.to_numpy() - background.to_numpy().mean(axis=0)) * np.arange(1.0, 5.0)
    np.testing.assert_allclose(explanation.values[:, :, 0], expected, atol=1e-12)
    assert explanation.std_errors is not None
    assert explanation.std_errors.max() < 1e-12


def test_unused_and_agreeing_features_get_zero() -> None:
    model = small_model(mlp(3, 1, 3), 4, unused=(2,))
    fill = random_rows(5, 4, 2)
    fill[:, 0] = 1.0
    row = random_rows(1, 4, 1)
    row[:, 0] = 1.0
    explanation = explain("shap_permutation", model, table(row), table(fill), config(2))
    assert (explanation.values[0, [0, 2]] == 0).all()
    assert explanation.std_errors is not None
    assert (explanation.std_errors[0, [0, 2]] == 0).all()
    assert explanation.cost.model_evaluations == 5 + 1 + 2 * 2 * 5 * (2 - 1)


def test_a_row_that_is_its_own_background_has_nothing_to_explain() -> None:
    rows = table(random_rows(1, N_FEATURES, 1))
    explanation = explain("shap_permutation", MODEL, rows, rows, config(2))
    np.testing.assert_allclose(explanation.values, 0, atol=1e-15)


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    together = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config())
    turned = explain("shap_permutation", MODEL, ROWS.iloc[::-1], BACKGROUND, config())
    alone = explain("shap_permutation", MODEL, ROWS.iloc[[7]], BACKGROUND, config())
    assert (turned.values[::-1] == together.values).all()
    assert (alone.values[0] == together.values[7]).all()


def test_equal_rows_get_equal_values_and_other_seeds_other_values() -> None:
    doubled = explain("shap_permutation", MODEL, ROWS.iloc[[3, 5, 3]], BACKGROUND, config())
    assert (doubled.values[0] == doubled.values[2]).all()
    other = explain("shap_permutation", MODEL, ROWS.iloc[[3]], BACKGROUND, config(seed=1))
    assert (doubled.values[0] != other.values[0]).any()


def test_block_size_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    large = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config())
    monkeypatch.setattr(masking, "BLOCK_ROWS", 7)
    small = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config())
    np.testing.assert_allclose(small.values, large.values, atol=1e-14)


def test_max_error_is_reached_and_no_more() -> None:
    first = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(2))
    assert first.std_errors is not None
    aim = first.std_errors.mean() / np.abs(first.values).mean() / 2
    better = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(2, max_error=aim))
    assert better.std_errors is not None
    assert better.std_errors.mean() / np.abs(better.values).mean() <= aim
    assert 6 <= better.details["rounds"] <= 12  # four times the rounds for half the error


def test_max_error_out_of_reach_says_so_before_the_work_is_done() -> None:
    with pytest.raises(
        ModelError, match=r"max_error=1e-06 needs about \d+ rounds, more than 50 times sampling_rounds=2"
    ):
        explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(2, max_error=1e-6))


def test_time_ends_the_sampling_after_a_whole_pass() -> None:
    explanation = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(100_000, max_seconds=0.5))
    assert 2 <= explanation.details["rounds"] < 100_000
    assert explanation.details["rounds"] % 2 == 0
    assert explanation.cost.seconds > 0.5


def test_with_a_time_limit_an_accuracy_out_of_reach_is_approached_not_refused() -> None:
    explanation = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(2, max_error=1e-6, max_seconds=0.5))
    assert explanation.details["rounds"] > 2


def test_too_little_time_for_two_rounds_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"shap_permutation: max_seconds=1e-06 is not enough"):
        explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(max_seconds=1e-6))


def test_never_refuses() -> None:
    assert load_explainer("shap_permutation").refusal(MODEL, config()) is None
