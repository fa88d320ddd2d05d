"""Sampling: unbiased, additive, with standard errors that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from harness.explainable_models import explain, mlp, random_rows, row_by_row, small_model, table

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.explainers import masking
from interp_pipeline.explainers.registry import load_explainer

N_FEATURES = 8
MODEL = small_model(mlp(N_FEATURES, 3, seed=5, scale=1.5), N_FEATURES, 3)
ROW_BY_ROW = small_model(row_by_row(N_FEATURES), N_FEATURES, 2)
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
        assert explanation.details["rounds"] == rounds


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
    assert explanation.cost.model_evaluations == 5 + 1 + 4 * 2 * 5 * (2 - 1)


def test_a_row_that_is_its_own_background_has_nothing_to_explain() -> None:
    rows = table(random_rows(1, N_FEATURES, 1))
    explanation = explain("shap_permutation", MODEL, rows, rows, config(2))
    np.testing.assert_allclose(explanation.values, 0, atol=1e-15)


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    together = explain("shap_permutation", ROW_BY_ROW, ROWS, BACKGROUND, config())
    turned = explain("shap_permutation", ROW_BY_ROW, ROWS.iloc[::-1], BACKGROUND, config())
    alone = explain("shap_permutation", ROW_BY_ROW, ROWS.iloc[[7]], BACKGROUND, config())
    assert (turned.values[::-1] == together.values).all()
    assert (alone.values[0] == together.values[7]).all()


def test_equal_rows_get_equal_values_and_other_seeds_other_values() -> None:
    doubled = explain("shap_permutation", ROW_BY_ROW, ROWS.iloc[[3, 5, 3]], BACKGROUND, config())
    assert (doubled.values[0] == doubled.values[2]).all()
    other = explain("shap_permutation", ROW_BY_ROW, ROWS.iloc[[3]], BACKGROUND, config(seed=1))
    assert (doubled.values[0] != other.values[0]).any()


@pytest.mark.parametrize(("block", "chunk"), [(7, 1 << 18), (500, 200), (10_000, 1)])
def test_blocks_and_chunks_do_not_matter(block: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = explain("shap_permutation", ROW_BY_ROW, ROWS, BACKGROUND, config(5))
    monkeypatch.setattr(masking, "_BLOCK_ROWS", block)
    monkeypatch.setattr(masking, "_CHUNK_QUERIES", chunk)
    found = explain("shap_permutation", ROW_BY_ROW, ROWS, BACKGROUND, config(5))
    assert found.values.tobytes() == expected.values.tobytes()
    assert found.std_errors is not None
    assert expected.std_errors is not None
    assert found.std_errors.tobytes() == expected.std_errors.tobytes()


def test_permuting_columns_changes_values_only_within_their_errors(exact: np.ndarray) -> None:
    order = np.random.default_rng(3).permutation(N_FEATURES)
    back = np.argsort(order)
    turned = small_model(lambda x: MODEL.forward(x[:, back]), N_FEATURES, 3)
    rows, background = table(ROWS.to_numpy()[:, order]), table(BACKGROUND.to_numpy()[:, order])
    found = explain("shap_permutation", turned, rows, background, config(20))
    assert found.std_errors is not None
    assert (np.abs(found.values - exact[:, order]) <= 5 * found.std_errors + 1e-9).all()


def test_exact_for_products_of_two_and_symmetric_on_average_for_three() -> None:
    """Reversal cancels what pairs of features do together; the rest is what is estimated."""
    rows, background = table(np.full((1, 4), 2.0)), table(np.zeros((1, 4)))
    two = small_model(lambda x: x[:, :1] * x[:, 1:2] + x[:, 2:3] * x[:, 3:4], 4)
    np.testing.assert_allclose(explain("shap_permutation", two, rows, background, config(2)).values, 2.0, atol=1e-12)
    three = small_model(lambda x: x[:, :1] * x[:, 1:2] * x[:, 2:3], 4)
    found = explain("shap_permutation", three, rows, background, config(4000)).values[0, :, 0]
    np.testing.assert_allclose(found, [8 / 3, 8 / 3, 8 / 3, 0], atol=0.05)


def test_half_rotation_lowers_the_error_at_the_same_cost(exact: np.ndarray) -> None:
    error, _ = errors(2, exact, range(8))
    independent = [antithetic_estimate(4, np.random.default_rng(seed)) - exact for seed in range(8)]
    assert (error**2).mean() < 0.9 * (np.stack(independent) ** 2).mean()


def antithetic_estimate(n_orders: int, random: np.random.Generator) -> np.ndarray:
    """Plain antithetic permutation sampling in a few obvious lines, for comparison."""
    rows, background = ROWS.to_numpy(), BACKGROUND.to_numpy()
    total = np.zeros((len(rows), N_FEATURES, 3))
    for i, row in enumerate(rows):
        for _ in range(n_orders):
            orders = random.permuted(np.tile(np.arange(N_FEATURES), (len(background), 1)), axis=1)
            for walk in (orders, orders[:, ::-1]):
                masked, lines = background.copy(), np.arange(len(background))
                before = MODEL.forward(masked)
                for step in range(N_FEATURES):
                    masked[lines, walk[:, step]] = row[walk[:, step]]
                    after = MODEL.forward(masked)
                    np.add.at(total[i], walk[:, step], after - before)
                    before = after
    return total / (2 * n_orders * len(background))


def test_max_error_is_reached_and_no_more() -> None:
    first = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(2))
    assert first.std_errors is not None
    aim = first.std_errors.mean() / np.abs(first.values).mean() / 2
    better = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(2, max_error=aim))
    assert better.std_errors is not None
    assert better.std_errors.mean() / np.abs(better.values).mean() <= aim
    assert better.details["relative_error"] == pytest.approx(better.std_errors.mean() / np.abs(better.values).mean())
    assert 6 <= better.details["rounds"] <= 12  # four times the rounds for half the error
    assert better.details["stopped_by_max_error"] == 1
    assert explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(50, max_error=0.9)).details["rounds"] == 2


def test_max_error_out_of_reach_says_so_before_the_work_is_done() -> None:
    with pytest.raises(
        ModelError,
        match=r"max_error=1e-06 needs about \d+ rounds and .* evaluations, more than 50 times sampling_rounds=2",
    ):
        explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(2, max_error=1e-6))


def test_evaluations_end_the_sampling_before_they_are_exceeded() -> None:
    free = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(2))
    per_round = 12 * 20 * 4 * (N_FEATURES - 1)
    assert free.cost.model_evaluations == 12 + 20 + 2 * per_round
    allowed = 12 + 20 + 7 * per_round
    bounded = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(100, max_evaluations=allowed))
    assert bounded.details["rounds"] == 6
    assert bounded.details["stopped_by_max_evaluations"] == 1
    assert bounded.cost.model_evaluations <= allowed
    plenty = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(6, max_evaluations=allowed))
    assert plenty.details["stopped_by_rounds"] == 1
    assert plenty.values.tobytes() == bounded.values.tobytes()
    with pytest.raises(
        ModelError, match=rf"max_evaluations=9 is not enough, 2 rounds need {32 + 2 * per_round}; allow"
    ):
        explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(max_evaluations=9))


def test_time_ends_the_sampling_before_it_is_exceeded() -> None:
    explain("shap_permutation", MODEL, ROWS, BACKGROUND, config())  # compiled outside of the measured time
    explanation = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(100_000, max_seconds=0.5))
    assert 2 <= explanation.details["rounds"] < 100_000
    assert explanation.details["rounds"] % 2 == 0
    assert explanation.details["stopped_by_max_seconds"] == 1
    assert 0.2 < explanation.cost.seconds < 1.0


def test_with_a_limit_an_accuracy_out_of_reach_is_approached_not_refused() -> None:
    explanation = explain("shap_permutation", MODEL, ROWS, BACKGROUND, config(2, max_error=1e-6, max_seconds=0.5))
    assert explanation.details["rounds"] > 2
    assert explanation.details["relative_error"] > 1e-6


def test_too_little_time_for_two_rounds_is_an_error() -> None:
    many = table(random_rows(200, N_FEATURES, 3))
    with pytest.raises(ModelError, match=r"shap_permutation: max_seconds=1e-06 is not enough, about .* s are needed"):
        explain("shap_permutation", MODEL, many, BACKGROUND, config(max_seconds=1e-6))


def test_progress_is_told_often() -> None:
    told: list[int] = []
    many = table(random_rows(60, N_FEATURES, 3))
    load_explainer("shap_permutation").explain(MODEL, many, BACKGROUND, config(6), told.append)
    assert sum(told) == 60
    assert len(told) > 10


def test_never_refuses() -> None:
    assert load_explainer("shap_permutation").refusal(MODEL, config()) is None
