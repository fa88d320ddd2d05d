from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.comparison import Comparison, compute_comparison
from interp_pipeline.comparison.shift import compute_importance_shift, holm
from interp_pipeline.config import CompareConfig
from interp_pipeline.errors import UsageError
from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.tables import to_mlflow_json

CONFIG = CompareConfig(top_k=3, bootstrap_samples=300)


def make(positive: np.ndarray[Any, Any], **changes: Any) -> Explanation:
    """An explanation with two mirrored outputs, the second one the positive class."""
    n_rows, n_features = positive.shape
    both = np.stack([-positive, positive], axis=2)
    base = np.full((n_rows, 2), 0.5)
    names = [f"f{i}" for i in range(n_features)]
    fields: dict[str, Any] = {
        "values": both,
        "base_values": base,
        "predictions": base + both.sum(axis=1),
        "data": pd.DataFrame(np.arange(n_rows * n_features).reshape(n_rows, n_features), columns=names),
        "output_names": ("bad", "good"),
        "output_unit": "probability",
        "positive_class": "good",
        "method": "shap_tree",
        "seed": 42,
        "cost": Cost(seconds=0.1, model_evaluations=0),
    }
    return Explanation(**(fields | changes))


def permuted(explanation: Explanation, columns: list[int], rows: list[int] | None = None) -> Explanation:
    rows = list(range(len(explanation.data))) if rows is None else rows
    return dataclasses.replace(
        explanation,
        values=explanation.values[np.ix_(rows, columns)],
        base_values=explanation.base_values[rows],
        predictions=explanation.predictions[rows],
        data=explanation.data.iloc[rows, columns],
    )


@pytest.fixture
def values() -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 6)) * np.array([0.1, 0.08, 0.06, 0.04, 0.02, 0.01])


def significant(comparison: Comparison) -> list[str]:
    chosen = comparison.features[comparison.features["significant"]]
    return list(chosen["feature"])


def test_identical_explanations_agree_completely(values: np.ndarray[Any, Any]) -> None:
    comparison = compute_comparison([make(values), make(values)], ["v1", "v2"], CONFIG)

    assert dict(comparison.metrics) == {
        "rank_correlation": 1.0,
        "top_k_overlap": 1.0,
        "sign_flips": 0.0,
        "mean_abs_shift": 0.0,
        "significant_features": 0.0,
    }
    assert (comparison.features[["delta", "ci_low", "ci_high"]] == 0.0).all(axis=None)
    assert (comparison.per_row["distance"] == 0.0).all()
    pair = comparison.agreement.iloc[0]
    assert pair["prediction_mean_abs_difference"] == 0.0
    assert pair["different_decisions"] == 0.0


def test_a_planted_shift_is_found_and_nothing_else(values: np.ndarray[Any, Any]) -> None:
    noise = np.random.default_rng(1).normal(size=values.shape) * 0.001
    moved = values + noise
    moved[:, 3] *= 2.0

    comparison = compute_comparison([make(values), make(moved)], ["v1", "v2"], CONFIG)

    assert significant(comparison) == ["f3"]
    row = comparison.features.set_index("feature").loc["f3"]
    assert row["delta"] == pytest.approx(np.abs(values[:, 3]).mean(), rel=0.02)
    assert 0.0 < row["ci_low"] < row["delta"] < row["ci_high"]
    assert (row["rank_v1"], row["rank_v2"]) == (4, 2)
    assert comparison.metrics["significant_features"] == 1.0


def test_a_loss_of_importance_has_an_interval_below_zero(values: np.ndarray[Any, Any]) -> None:
    moved = values.copy()
    moved[:, 0] *= 0.5
    comparison = compute_comparison([make(values), make(moved)], ["v1", "v2"], CONFIG)
    row = comparison.features.set_index("feature").loc["f0"]
    assert row["ci_low"] < row["delta"] < row["ci_high"] < 0.0
    assert bool(row["significant"])


@pytest.mark.parametrize(("before_error", "after_error"), [(0.02, 0.02), (0.0, 0.03), (0.03, 0.005)])
def test_sampling_noise_alone_is_seldom_called_a_change(before_error: float, after_error: float) -> None:
    """Two estimates of the same truth with known errors, half the features truly without effect."""
    scale = np.array([0.1, 0.05, 0.02, 0.0, 0.0, 0.0])
    false_alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = rng.normal(size=(80, 6)) * scale
        versions = []
        for error in (before_error, after_error):
            noisy = truth + rng.normal(size=truth.shape) * error
            versions.append(make(noisy, std_errors=np.full((80, 6, 2), error)))
        comparison = compute_comparison(versions, ["v1", "v2"], CONFIG)
        false_alarms += bool(significant(comparison))
    # 5 % of 60 are 3; more than 8 would have a chance below 1 %.
    assert false_alarms <= 8


def test_ignoring_known_errors_would_have_raised_false_alarms() -> None:
    """The same noise, not declared: an exact and a noisy side then differ significantly."""
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(80, 6)) * np.array([0.1, 0.05, 0.02, 0.0, 0.0, 0.0])
    noisy = truth + rng.normal(size=truth.shape) * 0.03
    comparison = compute_comparison([make(truth), make(noisy)], ["v1", "v2"], CONFIG)
    assert {"f3", "f4", "f5"} <= set(significant(comparison))


def test_resampled_rows_without_change_are_called_changed_at_most_as_often_as_promised() -> None:
    """Skewed attributions whose importance is equal in expectation, nothing estimated."""
    false_alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        before, after = rng.exponential(size=(2, 60, 8, 1))
        zero = np.zeros_like(before)
        shift = compute_importance_shift(before, after, zero, zero, CompareConfig(bootstrap_samples=100))
        false_alarms += bool(shift.significant.any())
    assert false_alarms <= 19  # 5 % of 200 are 10; more than 19 would have a chance below 1 %


def test_an_interval_excludes_zero_exactly_where_the_feature_is_significant() -> None:
    rng = np.random.default_rng(5)
    before = rng.normal(size=(40, 30, 1))
    after = before * rng.normal(1.0, 0.3, size=(1, 30, 1)) + rng.normal(size=before.shape) * 0.3
    errors = np.full_like(before, 0.1)
    shift = compute_importance_shift(before, after, errors, errors * 2.0, CONFIG)
    excludes_zero = (shift.ci_low > 0.0) | (shift.ci_high < 0.0)
    assert 0 < shift.significant.sum() < 30
    np.testing.assert_array_equal(shift.significant, excludes_zero)


def test_bootstrap_intervals_match_the_textbook_standard_error() -> None:
    rng = np.random.default_rng(6)
    before = np.abs(rng.normal(size=(50, 1, 1))) + 5.0
    after = before + rng.normal(size=before.shape)
    zero = np.zeros_like(before)
    config = CompareConfig(bootstrap_samples=20_000)
    shift = compute_importance_shift(before, after, zero, zero, config)
    differences = (after - before).ravel()
    reach = 2.0096 * differences.std(ddof=1) / math.sqrt(50)  # t quantile, 49 degrees of freedom
    assert shift.ci_high[0] - shift.delta[0] == pytest.approx(reach, rel=0.02)


def test_holm_rejects_step_by_step() -> None:
    rejected, levels = holm(np.array([0.03, 0.001, 0.02, 0.9]), 0.05)
    assert rejected.tolist() == [False, True, False, False]
    assert levels == pytest.approx([0.05 / 3, 0.05 / 4, 0.05 / 3, 0.05 / 3])
    everything, _ = holm(np.array([0.001, 0.002]), 0.05)
    assert everything.all()


def texts(comparison: Comparison) -> dict[str, str]:
    return {name: to_mlflow_json(table) for name, table in comparison.tables.items()}


def test_permuted_columns_and_rows_give_the_same_answer(values: np.ndarray[Any, Any]) -> None:
    rng = np.random.default_rng(2)
    one, two = make(values), make(values + rng.normal(size=values.shape) * 0.02)
    plain = compute_comparison([one, two], ["v1", "v2"], CONFIG)
    shuffled = permuted(two, [4, 2, 0, 5, 1, 3], list(rng.permutation(len(values))))
    mixed = compute_comparison([permuted(one, [5, 4, 3, 2, 1, 0]), shuffled], ["v1", "v2"], CONFIG)

    assert texts(mixed) == texts(plain)
    assert mixed.metrics == plain.metrics


def test_the_same_call_gives_the_same_bytes(values: np.ndarray[Any, Any]) -> None:
    versions = [make(values), make(values * 1.1)]
    first = texts(compute_comparison(versions, ["v1", "v2"], CONFIG))
    assert first == texts(compute_comparison(versions, ["v1", "v2"], CONFIG))
    assert json.loads(first["agreement"])["columns"][:2] == ["reference", "against"]


def test_hand_computed_numbers() -> None:
    before = np.array([[0.4, 0.2, 0.1], [0.4, -0.2, 0.1]])
    after = np.array([[0.4, -0.2, 0.1], [0.4, -0.2, 0.7]])
    comparison = compute_comparison([make(before), make(after)], ["v1", "v2"], CompareConfig(top_k=2))

    pair = comparison.agreement.iloc[0]
    assert pair["sign_flips"] == pytest.approx(1 / 6)
    assert pair["mean_abs_shift"] == pytest.approx(1.0 / 6)
    assert pair["prediction_mean_abs_difference"] == pytest.approx(0.5)
    per_row = comparison.per_row
    assert per_row["row_id"].tolist() == [1, 0]
    assert per_row["distance"].tolist() == pytest.approx([0.6, 0.4])
    assert per_row["largest_feature"].tolist() == ["f2", "f1"]
    assert per_row["prediction_v1"].tolist() == pytest.approx([0.8, 1.2])
    assert per_row["prediction_v2"].tolist() == pytest.approx([1.4, 0.8])


def test_attributions_within_their_noise_have_no_sign_to_flip() -> None:
    before = np.array([[1.0, 0.05], [1.0, 0.05]])
    after = np.array([[1.0, -0.05], [1.0, -0.05]])
    exact = compute_comparison([make(before), make(after)], ["v1", "v2"], CONFIG)
    assert exact.metrics["sign_flips"] == pytest.approx(0.5)

    errors = np.full((2, 2, 2), 0.04)  # 0.05 is then less than 1.96 standard errors from zero
    noisy = make(after, std_errors=errors)
    assert compute_comparison([make(before), noisy], ["v1", "v2"], CONFIG).metrics["sign_flips"] == 0.0

    tiny = compute_comparison([make(before * [1, 0.1]), make(after * [1, 0.1])], ["v1", "v2"], CONFIG)
    assert tiny.metrics["sign_flips"] == 0.0  # 0.005 is less than 1 % of the largest importance


def test_three_versions_are_each_compared_with_the_first(values: np.ndarray[Any, Any]) -> None:
    moved = values.copy()
    moved[:, 5] += 0.3
    comparison = compute_comparison([make(values), make(values), make(moved)], ["v1", "v2", "v3"], CONFIG)

    assert comparison.reference == "v1"
    assert comparison.agreement["against"].tolist() == ["v2", "v3"]
    assert comparison.agreement["mean_abs_shift"].tolist() == pytest.approx([0.0, 0.05])
    assert comparison.metrics["mean_abs_shift"] == pytest.approx(0.05)  # reference against the last
    assert significant(comparison) == ["f5"]
    assert len(comparison.features) == 12
    assert comparison.pair("v3")["rank_v3"].tolist()[-1] == 1
    assert comparison.per_row["against"].tolist() == ["v2"] * 120 + ["v3"] * 120


def test_features_only_one_side_has_are_reported(values: np.ndarray[Any, Any]) -> None:
    one, two = make(values), make(values)
    two = permuted(two, [0, 1, 2, 3])
    comparison = compute_comparison([one, two], ["v1", "v2"], CompareConfig(top_k=6))

    assert dict(comparison.only_in) == {"v1": ("f4", "f5"), "v2": ()}
    assert comparison.features["feature"].tolist() == ["f0", "f1", "f2", "f3"]
    assert comparison.metrics["rank_correlation"] == 1.0
    assert comparison.metrics["top_k_overlap"] == 1.0  # the smaller side has four features, all shared


def test_ranks_and_correlations_of_all_versions_side_by_side(values: np.ndarray[Any, Any]) -> None:
    one, narrow = make(values), permuted(make(values), [1, 2, 3, 5])
    reversed_ranks = make(values[:, ::-1])
    comparison = compute_comparison([one, narrow, reversed_ranks], ["v1", "v2", "v3"], CONFIG)

    table = comparison.rank_table()
    assert table.columns.tolist() == ["feature", "rank_v1", "rank_v2", "rank_v3"]
    assert table["feature"].tolist() == ["f1", "f2", "f3", "f5"]
    assert table["rank_v1"].tolist() == [2, 3, 4, 6]
    assert table["rank_v2"].tolist() == [1, 2, 3, 4]
    assert comparison.rank_correlations.to_numpy() == pytest.approx(np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]]))


def test_two_others_without_a_common_feature_do_not_correlate(values: np.ndarray[Any, Any]) -> None:
    left, right = permuted(make(values), [0, 1]), permuted(make(values), [2, 3])
    comparison = compute_comparison([make(values), left, right], ["v1", "v2", "v3"], CONFIG)
    assert comparison.rank_correlations.loc["v2", "v3"] == 0.0
    assert comparison.rank_table().empty


def test_a_change_without_any_scatter_is_certain() -> None:
    before = np.ones((5, 2, 1)) * [[[1.0], [2.0]]]
    after = before + np.array([[[0.5], [0.0]]])
    zero = np.zeros_like(before)
    shift = compute_importance_shift(before, after, zero, zero, CONFIG)
    assert shift.significant.tolist() == [True, False]
    assert shift.ci_low.tolist() == pytest.approx([0.5, 0.0])


def test_the_top_of_each_side_counts_all_its_features(values: np.ndarray[Any, Any]) -> None:
    two = permuted(make(values), [1, 2, 3, 4, 5])
    comparison = compute_comparison([make(values), two], ["v1", "v2"], CONFIG)
    assert comparison.metrics["top_k_overlap"] == pytest.approx(2 / 3)


def test_outputs_are_matched_by_name(values: np.ndarray[Any, Any]) -> None:
    one = make(values)
    mirrored = dataclasses.replace(
        one,
        values=one.values[:, :, ::-1],
        base_values=one.base_values[:, ::-1],
        predictions=one.predictions[:, ::-1],
        output_names=("good", "bad"),
        positive_class="bad",
    )
    comparison = compute_comparison([one, mirrored], ["v1", "v2"], CONFIG)
    assert comparison.outputs == ("good",)
    assert comparison.metrics["mean_abs_shift"] == 0.0
    assert comparison.agreement["different_decisions"].tolist() == [0.0]


def test_several_outputs_are_averaged_and_only_common_ones_compared(values: np.ndarray[Any, Any]) -> None:
    three = np.stack([values, -values, 0.0 * values], axis=2)
    base = np.full((len(values), 3), 1 / 3)
    fields = {"base_values": base, "predictions": base + three.sum(axis=1), "positive_class": None}
    one = make(values, values=three, output_names=("a", "b", "c"), **fields)
    two = make(values, values=three, output_names=("b", "a", "z"), **fields)
    comparison = compute_comparison([one, two], ["v1", "v2"], CONFIG)

    assert comparison.outputs == ("a", "b")
    assert comparison.metrics["sign_flips"] == 1.0
    assert comparison.metrics["mean_abs_shift"] == pytest.approx(2 * np.abs(values).mean())
    assert np.isnan(comparison.agreement["different_decisions"]).all()


def test_different_decisions_are_counted(values: np.ndarray[Any, Any]) -> None:
    one = make(values)
    two = make(values, predictions=one.predictions[:, ::-1])
    comparison = compute_comparison([one, two], ["v1", "v2"], CONFIG)
    assert comparison.agreement["different_decisions"].tolist() == [1.0]


def test_one_row_gives_no_interval() -> None:
    comparison = compute_comparison([make(np.array([[0.1, 0.2]])), make(np.array([[0.3, 0.1]]))], ["a", "b"], CONFIG)
    assert comparison.features["ci_low"].isna().all()
    assert not comparison.features["significant"].any()
    assert json.loads(texts(comparison)["features"])["data"][0][7] is None


def test_constant_importance_has_a_defined_rank_correlation() -> None:
    flat, steep = make(np.full((3, 2), 0.1)), make(np.full((3, 2), 0.1) * [1, 2])
    assert compute_comparison([flat, flat], ["a", "b"], CONFIG).metrics["rank_correlation"] == 1.0
    assert compute_comparison([flat, steep], ["a", "b"], CONFIG).metrics["rank_correlation"] == 0.0


def test_rows_with_text_gaps_and_mixed_types_are_the_same_rows() -> None:
    data = pd.DataFrame({"f0": [1.0, np.nan], "f1": ["x", None]})
    other = pd.DataFrame({"f0": pd.array([1, None], dtype="Int64"), "f1": pd.Series(["x", None], dtype="category")})
    values = np.array([[0.1, 0.2], [0.2, 0.1]])
    comparison = compute_comparison([make(values, data=data), make(values, data=other)], ["a", "b"], CONFIG)
    assert comparison.n_rows == 2


def test_what_cannot_be_compared_is_refused(values: np.ndarray[Any, Any]) -> None:
    one = make(values)
    other_rows = make(values[:100])
    other_data = make(values, data=one.data + 1)
    other_unit = make(values, output_unit="score")
    other_outputs = make(values, output_names=("x", "y"), positive_class=None)
    other_features = make(values, data=one.data.rename(columns=lambda name: f"{name}?"))
    expected = [
        ([one], ["a"], "at least two explanations, got 1"),
        ([one, one], ["a"], "2 explanations but 1 labels"),
        ([one, one], ["a", "a"], "label 'a' is given twice"),
        ([one, other_rows], ["a", "b"], "120 rows and b on 100, 100 of them the same: explain both on the same rows"),
        ([one, other_data], ["a", "b"], "feature 'f0' differs in 120 rows, first in row 0; explain both on the same"),
        ([one, other_unit], ["a", "b"], "explains 'probability' and b explains 'score'"),
        ([one, other_outputs], ["a", "b"], "no output in common .a: bad, good; b: x, y."),
        ([one, other_features], ["a", "b"], "no feature in common"),
    ]
    for explanations, labels, message in expected:
        with pytest.raises(UsageError, match=message):
            compute_comparison(explanations, labels, CONFIG)


def test_repeated_row_ids_are_compared_in_their_order_only(values: np.ndarray[Any, Any]) -> None:
    data = pd.DataFrame(np.zeros((2, 2)), columns=["f0", "f1"], index=[7, 7])
    twice = make(values[:2, :2], data=data)
    assert compute_comparison([twice, twice], ["a", "b"], CONFIG).metrics["mean_abs_shift"] == 0.0
    shifted = make(values[:2, :2], data=data.set_axis([7, 8], axis=0))
    with pytest.raises(UsageError, match="1 of them the same"):
        compute_comparison([twice, shifted], ["a", "b"], CONFIG)
