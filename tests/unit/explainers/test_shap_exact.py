"""Enumeration against Shapley's formula, his axioms, and shap's own exact explainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness.explainable_models import (
    SmallModel,
    brute_force_shap,
    explain,
    mlp,
    random_rows,
    row_by_row,
    small_model,
    table,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explainers import masking
from interp_pipeline.explainers.registry import load_explainer

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray

CONFIG = ExplainConfig()


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 10_000))
def test_equals_shapleys_formula(n_features: int, n_outputs: int, seed: int) -> None:
    model = small_model(mlp(n_features, n_outputs, seed), n_features, n_outputs)
    # Rounded to few values, so that rows and background agree on some features.
    rows = table(random_rows(3, n_features, seed).round(0))
    background = table(random_rows(4, n_features, seed + 1).round(0))
    explanation = explain("shap_exact", model, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-12)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, atol=1e-12)


def test_one_hot_groups_and_missing_values_are_masked_together() -> None:
    model = small_model(mlp(6, 2, seed=1), 3, 2, one_hot={1: 3})
    rows = table(np.array([[0.3, 2, 1.0], [-1.0, np.nan, 0.5], [0.0, 1, 2.0]]))
    background = table(np.array([[1.3, 0, 1.0], [-0.2, 1, 0.5], [0.3, np.nan, 2.0], [0.1, 2, -2.0]]))
    explanation = explain("shap_exact", model, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-12)


def test_features_agree_where_both_are_missing() -> None:
    model = small_model(lambda x: np.nan_to_num(x, nan=7.0).sum(axis=1, keepdims=True) ** 2, 2)
    rows, background = table(np.array([[np.nan, 1.0]])), table(np.array([[np.nan, 3.0], [2.0, np.nan]]))
    explanation = explain("shap_exact", model, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-12)
    # The pair that agrees on f0 costs no coalition, the other one two.
    assert explanation.cost.model_evaluations == 2 + 1 + 2


def test_a_zero_differs_from_a_negative_zero() -> None:
    model = small_model(lambda x: x[:, :1] + 10.0 * np.signbit(x[:, 1:2]), 2)
    rows = table(np.array([[1.0, 0.0], [2.0, -0.0]]))
    background = table(np.array([[3.0, -0.0], [4.0, 0.0], [5.0, -0.0]]))
    explanation = explain("shap_exact", model, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-12)
    assert explanation.values[0, 1, 0] < 0 < explanation.values[1, 1, 0]


def test_an_unused_feature_gets_exactly_zero_and_is_not_counted() -> None:
    rows, background = table(random_rows(3, 4, 1)), table(random_rows(5, 4, 2))
    model = small_model(mlp(3, 1, seed=3), 4, unused=(1,))
    explanation = explain("shap_exact", model, rows, background, ExplainConfig(max_exact_features=3))
    assert (explanation.values[:, 1] == 0).all()
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-12)


def test_columns_of_no_feature_are_left_alone() -> None:
    class WithSpareColumn(SmallModel):
        def encode(self, matrix: FloatArray) -> FloatArray:
            return np.column_stack([super().encode(matrix), np.arange(len(matrix))])

    forward = mlp(3, 1, seed=3)
    names = ("f0", "f1", "f2")
    spare = WithSpareColumn(function=lambda x: forward(x[:, :3]), feature_names=names, output_names=("target",))
    rows, background = table(random_rows(3, 3, 1)), table(random_rows(5, 3, 2))
    explanation = explain("shap_exact", spare, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(spare, rows, background), atol=1e-12)


def test_a_model_that_reads_no_feature_explains_nothing() -> None:
    model = small_model(lambda x: np.full((len(x), 1), 0.25), 2, unused=(0, 1))
    explanation = explain("shap_exact", model, table(random_rows(2, 2, 1)), table(random_rows(3, 2, 2)), CONFIG)
    assert (explanation.values == 0).all()
    assert (explanation.base_values == 0.25).all()


def test_dummy_symmetry_and_duplicated_features() -> None:
    # f2 is ignored; f0 and f1 enter alike; f3 copies f0.
    model = small_model(lambda x: x[:, :1] * x[:, 1:2] + 0 * x[:, 2:3] + x[:, 3:4] * x[:, :1], 4)
    base = random_rows(6, 3, 5)
    background = table(np.column_stack([base[:, 0], base[:, 0], base[:, 2], base[:, 0]]))
    rows = table(np.array([[1.5, 1.5, 9.0, 1.5]]))
    values = explain("shap_exact", model, rows, background, CONFIG).values[0, :, 0]
    assert abs(values[2]) < 1e-12
    np.testing.assert_allclose(values[1], values[3], atol=1e-12)


def test_permuting_columns_permutes_values() -> None:
    forward, order = mlp(4, 2, seed=9), [2, 0, 3, 1]
    rows, background = random_rows(3, 4, 1), random_rows(6, 4, 2)
    straight = explain("shap_exact", small_model(forward, 4, 2), table(rows), table(background), CONFIG)
    back = np.argsort(order)
    permuted = explain(
        "shap_exact",
        small_model(lambda x: forward(x[:, back]), 4, 2),
        table(rows[:, order]),
        table(background[:, order]),
        CONFIG,
    )
    np.testing.assert_allclose(permuted.values, straight.values[:, order], atol=1e-12)


@pytest.mark.filterwarnings("ignore:The set_.* function:PendingDeprecationWarning")  # while shap is imported
def test_shap_agrees() -> None:
    import shap

    forward = mlp(7, 3, seed=4)
    rows, background = random_rows(4, 7, 1), random_rows(20, 7, 2)
    explanation = explain("shap_exact", small_model(forward, 7, 3), table(rows), table(background), CONFIG)
    theirs = shap.ExactExplainer(forward, shap.maskers.Independent(background, max_samples=20))(rows)
    np.testing.assert_allclose(explanation.values, theirs.values, atol=1e-7)


@pytest.mark.parametrize(("block", "chunk"), [(5, 1 << 18), (200, 60), (10_000, 1)])
def test_blocks_and_chunks_do_not_matter(block: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model(row_by_row(6), 6, 2)
    rows, background = table(random_rows(3, 6, 1)), table(random_rows(9, 6, 2))
    expected = explain("shap_exact", model, rows, background, CONFIG)
    monkeypatch.setattr(masking, "_BLOCK_ROWS", block)
    monkeypatch.setattr(masking, "_CHUNK_QUERIES", chunk)
    found = explain("shap_exact", model, rows, background, CONFIG)
    assert found.values.tobytes() == expected.values.tobytes()
    assert found.cost.model_evaluations == expected.cost.model_evaluations == 9 + 3 + 3 * 9 * (2**6 - 2)


def test_one_call_serves_many_rows() -> None:
    calls: list[int] = []

    def counting(x: FloatArray) -> FloatArray:
        calls.append(len(x))
        return x[:, :1] * x[:, 1:2] + x[:, 2:3]

    explain("shap_exact", small_model(counting, 3), table(random_rows(50, 3, 1)), table(random_rows(20, 3, 2)), CONFIG)
    assert calls == [50, 20, 50 * 20 * (2**3 - 2)]


def test_the_rows_beside_it_their_order_and_its_own_copies_do_not_matter_to_a_row() -> None:
    model = small_model(row_by_row(5), 5, 2)
    rows, background = table(random_rows(6, 5, 1)), table(random_rows(7, 5, 2))
    together = explain("shap_exact", model, rows, background, CONFIG).values
    turned = explain("shap_exact", model, rows.iloc[::-1], background, CONFIG).values
    alone = explain("shap_exact", model, rows.iloc[[4, 4]], background, CONFIG).values
    assert turned[::-1].tobytes() == together.tobytes()
    assert (alone == together[4]).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000))
def test_planted_truths(n_features: int, seed: int) -> None:
    """Sums, products and maxima have Shapley values one can write down."""
    random = np.random.default_rng(seed)
    x, z = random.normal(size=(2, n_features)).round(1)
    weights = random.normal(size=n_features)
    rows, background = table(x[np.newaxis]), table(z[np.newaxis])

    def values(function: Callable[[FloatArray], FloatArray]) -> FloatArray:
        model = small_model(lambda rows: function(rows)[:, np.newaxis], n_features)
        return explain("shap_exact", model, rows, background, CONFIG).values[0, :, 0]

    np.testing.assert_allclose(values(lambda rows: rows @ weights), weights * (x - z), atol=1e-12)
    if n_features >= 2:
        expected = np.zeros(n_features)
        expected[0], expected[1] = (x[0] - z[0]) * (x[1] + z[1]) / 2, (x[1] - z[1]) * (x[0] + z[0]) / 2
        np.testing.assert_allclose(values(lambda rows: rows[:, 0] * rows[:, 1]), expected, atol=1e-12)
    # Airport game: whoever needs the longer runway pays for its length with those who need it, too.
    need = np.abs(x) + 0.1
    background = table(np.zeros((1, n_features)))
    rows = table(need[np.newaxis])
    order = np.argsort(need)
    steps = np.diff(need[order], prepend=0) / np.arange(n_features, 0, -1)
    shared = np.empty(n_features)
    shared[order] = np.cumsum(steps)
    np.testing.assert_allclose(values(lambda rows: rows.max(axis=1)), shared, atol=1e-12)


def test_too_few_evaluations_are_refused_before_the_model_is_asked_in_vain() -> None:
    model = small_model(mlp(5, 1, 0), 5)
    rows, background = table(random_rows(2, 5, 1)), table(random_rows(3, 5, 2))
    needed = 2 + 3 + 2 * 3 * (2**5 - 2)
    done = explain("shap_exact", model, rows, background, ExplainConfig(max_evaluations=needed))
    assert done.cost.model_evaluations == needed
    with pytest.raises(ModelError, match=f"max_evaluations={needed - 1} is not enough, {needed} are needed; .*rows"):
        explain("shap_exact", model, rows, background, ExplainConfig(max_evaluations=needed - 1))


def test_refuses_more_features_than_allowed() -> None:
    reason = load_explainer("shap_exact").refusal(small_model(mlp(5, 1, 0), 5), ExplainConfig(max_exact_features=4))
    assert reason is not None
    assert "5 features" in reason
    assert "max_exact_features=4" in reason


def test_too_little_time_is_an_error_that_says_how_much_is_needed() -> None:
    model = small_model(mlp(5, 1, 0), 5)
    with pytest.raises(ModelError, match=r"max_seconds=1e-06 is not enough, about .* s are needed; .*shap_permutation"):
        explain(
            "shap_exact",
            model,
            table(random_rows(5, 5, 1)),
            table(random_rows(999, 5, 2)),
            ExplainConfig(max_seconds=1e-6),
        )


@pytest.mark.parametrize(("what", "rows", "background"), [("rows to explain", 0, 3), ("background data", 3, 0)])
def test_empty_tables_are_refused(what: str, rows: int, background: int) -> None:
    with pytest.raises(UsageError, match=f"{what} are empty"):
        explain(
            "shap_exact",
            small_model(mlp(2, 1, 0), 2),
            table(np.zeros((rows, 2))),
            table(np.zeros((background, 2))),
            CONFIG,
        )


def test_a_missing_column_is_named() -> None:
    rows = table(random_rows(2, 2, 1))
    with pytest.raises(UsageError, match="rows to explain lack the column 'f1'"):
        explain("shap_exact", small_model(mlp(2, 1, 0), 2), rows[["f0"]], rows, CONFIG)


def test_a_column_of_two_features_is_refused() -> None:
    model = small_model(mlp(2, 1, 0), 2)
    model.column_groups = ((0,), (0, 1))
    rows = table(random_rows(2, 2, 1))
    with pytest.raises(ModelError, match=r"column 0 .*'f1'"):
        explain("shap_exact", model, rows, rows, CONFIG)
