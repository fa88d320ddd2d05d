"""The closed form against enumeration, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from harness.explainable_models import SmallModel, brute_force_shap, explain, random_rows, small_model, table
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.explainable import LinearTerms
from interp_pipeline.explainers import shap_linear
from interp_pipeline.explainers.registry import load_explainer

CONFIG = ExplainConfig()


def linear_model(n_features: int, n_outputs: int, seed: int, **options: object) -> SmallModel:
    model = small_model(lambda x: x, n_features, n_outputs, **options)
    n_columns = sum(len(group) for group in model.column_groups)
    random = np.random.default_rng(seed)
    model.linear = LinearTerms(
        coefficients=random.normal(size=(n_columns, n_outputs)), intercept=random.normal(size=n_outputs)
    )
    model.function = lambda x: x @ model.linear.coefficients + model.linear.intercept
    return model


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 10_000))
def test_equals_shapleys_formula(n_features: int, n_outputs: int, seed: int) -> None:
    model = linear_model(n_features, n_outputs, seed)
    rows, background = table(random_rows(3, n_features, seed)), table(random_rows(4, n_features, seed + 1))
    explanation = explain("shap_linear", model, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-12)
    np.testing.assert_allclose(
        explanation.base_values + explanation.values.sum(axis=1), explanation.predictions, atol=1e-12
    )
    assert explanation.std_errors is None
    assert explanation.cost.model_evaluations == 3


def test_encoded_columns_of_one_feature_are_one_player_and_unused_features_get_nothing() -> None:
    model = linear_model(4, 2, 3, one_hot={1: 3}, unused=(2,))
    rows = table(np.array([[0.3, 2, 1.0, 4.0], [-1.0, np.nan, 0.5, 1.0]]))
    background = table(np.array([[1.3, 0, 1.0, 2.0], [-0.2, 1, 0.5, -3.0], [0.1, np.nan, 0.5, 0.0]]))
    explanation = explain("shap_linear", model, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-12)
    assert (explanation.values[:, 2] == 0).all()


def test_rows_are_taken_in_parts_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows, background = linear_model(3, 2, 1), table(random_rows(10, 3, 1)), table(random_rows(5, 3, 2))
    expected = explain("shap_linear", model, rows, background, CONFIG)
    monkeypatch.setattr(shap_linear, "_ROWS_AT_ONCE", 3)
    assert explain("shap_linear", model, rows, background, CONFIG).values.tobytes() == expected.values.tobytes()


def test_says_where_probabilities_were_asked_for_what_of_a_linear_classifier_is_linear() -> None:
    curved = small_model(lambda x: 1 / (1 + np.exp(-x[:, :1])), 3)
    curved.output_unit = "probability"
    refusal = load_explainer("shap_linear").refusal
    asked = ExplainConfig(methods=("shap_linear",), output="probability")
    assert "explain that, with --output margin" in str(refusal(curved, asked))
    for other in (ExplainConfig(output="probability"), ExplainConfig(methods=("shap_linear",))):
        assert refusal(curved, other) == "the model is not linear in its input"
    curved.output_unit = "y"
    assert refusal(curved, asked) == "the model is not linear in its input"


def test_refuses_a_model_that_is_not_linear_and_coefficients_of_another_shape() -> None:
    rows = table(random_rows(2, 3, 1))
    curved = small_model(lambda x: x[:, :1] ** 2, 3)
    assert load_explainer("shap_linear").refusal(curved, CONFIG) == "the model is not linear in its input"
    with pytest.raises(ModelError, match="shap_linear: the model is not linear"):
        explain("shap_linear", curved, rows, rows, CONFIG)
    wrong = linear_model(3, 2, 1)
    wrong.linear = LinearTerms(coefficients=np.ones((2, 3)), intercept=np.zeros(2))
    with pytest.raises(ModelError, match=r"coefficients have shape \(2, 3\), expected \(3, 2\)"):
        explain("shap_linear", wrong, rows, rows, CONFIG)
