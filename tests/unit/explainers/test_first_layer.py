"""A dense first layer is added up instead of multiplied out: the same values, from sums instead of rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness.explainable_models import brute_force_shap, explain, random_rows, small_model, table

from interp_pipeline.config import ExplainConfig

if TYPE_CHECKING:
    from harness.explainable_models import SmallModel

    from interp_pipeline.explanation import FloatArray

ONE_HOT = {1: 6, 3: 5}
N_COLUMNS = 7 + 6 + 3


def network(n_units: int, seed: int = 0) -> SmallModel:
    """Five features in 16 columns, two of them one-hot; counts what its first layer multiplies out."""
    random = np.random.default_rng(seed)
    weights, bias, second = (
        random.normal(size=(N_COLUMNS, n_units)),
        random.normal(size=n_units),
        random.normal(size=n_units),
    )

    def rest(sums: FloatArray) -> FloatArray:
        model.asked["rest"] += len(sums)
        return np.tanh(sums) @ second[:, np.newaxis]

    def forward(encoded: FloatArray) -> FloatArray:
        model.asked["forward"] += len(encoded)
        return np.tanh(encoded @ weights + bias) @ second[:, np.newaxis]

    model = small_model(forward, 5, one_hot=ONE_HOT)
    model.asked = {"rest": 0, "forward": 0}
    model.first_layer = SimpleNamespace(weights=weights, bias=bias, rest=rest)
    return model


def rows(n_rows: int, seed: int) -> FloatArray:
    values = random_rows(n_rows, 5, seed)
    for feature, size in ONE_HOT.items():
        values[:, feature] = np.random.default_rng(seed).integers(0, size, n_rows)
    return values


@pytest.mark.parametrize("n_units", [4, 16])
def test_exact_values_are_those_of_the_formula_and_the_layer_is_never_multiplied_out(n_units: int) -> None:
    model = network(n_units)
    explained, background = table(rows(4, 1)), table(rows(6, 2))
    found = explain("shap_exact", model, explained, background, ExplainConfig())
    assert model.asked["forward"] == 4 + 6
    assert model.asked["rest"] == found.cost.model_evaluations - 10 > 0
    np.testing.assert_allclose(found.values, brute_force_shap(model, explained, background), atol=1e-12)


def test_sampled_values_are_the_same_with_and_without_it() -> None:
    explained, background = table(rows(4, 1)), table(rows(6, 2))
    layered, plain = network(8), network(8)
    del plain.first_layer
    config = ExplainConfig(sampling_rounds=3)
    first = explain("shap_permutation", layered, explained, background, config)
    second = explain("shap_permutation", plain, explained, background, config)
    assert layered.asked["rest"] > 0
    np.testing.assert_allclose(first.values, second.values, atol=1e-13)
    np.testing.assert_allclose(first.std_errors, second.std_errors, atol=1e-13)


def test_a_layer_wider_than_the_input_is_left_to_the_model() -> None:
    model = network(N_COLUMNS + 1)
    explain("shap_exact", model, table(rows(2, 1)), table(rows(3, 2)), ExplainConfig())
    assert model.asked["rest"] == 0


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e12])
def test_sums_in_which_other_features_would_be_lost_are_multiplied_out(odd: float) -> None:
    layered, plain = network(8), network(8)
    del plain.first_layer
    for each in (layered, plain):  # which answer for a gap, too
        each.function = lambda x, answer=each.function: answer(np.nan_to_num(x, posinf=np.inf))
    background = rows(6, 2)
    background[0, 0] = odd
    first, second = (
        explain("shap_exact", each, table(rows(4, 1)), table(background), ExplainConfig()) for each in (layered, plain)
    )
    assert layered.asked["rest"] == 0
    np.testing.assert_array_equal(first.values, second.values)
