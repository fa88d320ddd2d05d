"""Networks that give the input of a sigmoid or softmax, explained as the probabilities these belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import adapt, assert_is_the_model
from harness.explainable_models import SmallModel, brute_force_shap, explain

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import UsageError
from interp_pipeline.training.keras_mlp import import_keras

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray

keras = import_keras()
layers, losses = keras.layers, keras.losses
_RANDOM = np.random.default_rng(0)
_TABLE = pd.DataFrame({name: _RANDOM.normal(size=120) for name in "abc"})
_SINGLE = 1e-6  # networks add up in single precision


def _sigmoid(scores: FloatArray) -> FloatArray:
    return 1.0 / (1.0 + np.exp(-scores))


def _of_both(scores: FloatArray) -> FloatArray:
    return np.column_stack([1.0 - _sigmoid(scores), _sigmoid(scores)])


def _softmax(scores: FloatArray) -> FloatArray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


KINDS = [
    pytest.param(1, losses.BinaryCrossentropy(from_logits=True), _of_both, ("no", "yes"), id="two-classes"),
    pytest.param(2, losses.SparseCategoricalCrossentropy(from_logits=True), _softmax, ("no", "yes"), id="one-each"),
    pytest.param(3, losses.CategoricalCrossentropy(from_logits=True), _softmax, ("x", "y", "z"), id="three-classes"),
    pytest.param(3, losses.BinaryCrossentropy(from_logits=True), _sigmoid, ("x", "y", "z"), id="labels-by-themselves"),
]


def _network(units: int, loss: Any) -> Any:
    keras.utils.set_random_seed(units)
    network = keras.Sequential([keras.Input((3,)), layers.Dense(8, "tanh"), layers.Dense(units)])
    network.layers[-1].set_weights([3.0 * weights for weights in network.layers[-1].get_weights()])
    network.compile(loss=loss)
    return network


@pytest.mark.parametrize(("units", "loss", "squashed", "names"), KINDS)
def test_probabilities_are_explained_where_the_user_says_so(
    units: int, loss: Any, squashed: Callable[[FloatArray], FloatArray], names: tuple[str, ...]
) -> None:
    network = _network(units, loss)

    def by_hand(matrix: FloatArray) -> FloatArray:
        return squashed(network.predict(matrix.astype(np.float32), verbose=0).astype(np.float64))

    model = adapt(network, _TABLE, "keras", output="probability", output_names=list(names))
    by_themselves = loss.name == "binary_crossentropy" and units > 1
    unit = "probability of the label" if by_themselves else "probability"
    assert (model.output_names, model.output_unit) == (names, unit)
    assert model.positive_class == ("yes" if len(names) == 2 else None)
    assert any("Probabilities are explained: the s" in note for note in model.notes)
    assert_is_the_model(model, _TABLE, by_hand(_TABLE[:110].to_numpy()), _SINGLE)
    rows, background = _TABLE[:6], _TABLE[60:72]
    found = explain("shap_exact", model, rows, background, ExplainConfig())
    slow = SmallModel(function=by_hand, feature_names=("a", "b", "c"), output_names=names)
    np.testing.assert_allclose(found.values, brute_force_shap(slow, rows, background), rtol=0, atol=_SINGLE)
    np.testing.assert_allclose(found.predictions, by_hand(rows.to_numpy()), rtol=0, atol=_SINGLE)
    np.testing.assert_allclose(found.base_values[0], by_hand(background.to_numpy()).mean(axis=0), rtol=0, atol=_SINGLE)
    sums = found.base_values + found.values.sum(axis=1)
    np.testing.assert_allclose(sums, found.predictions, rtol=0, atol=1e-12)
    assert np.abs(found.values).max() > 0.05


def test_extreme_scores_are_probabilities_still() -> None:
    network = _network(3, losses.CategoricalCrossentropy(from_logits=True))
    network.layers[-1].set_weights([1e4 * weights for weights in network.layers[-1].get_weights()])
    model = adapt(network, _TABLE, "keras", output="probability")
    outputs = model.forward(model.encode(model.to_matrix(_TABLE)))
    assert np.isfinite(outputs).all()
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=0, atol=1e-12)


def test_a_single_score_is_no_softmax() -> None:
    network = _network(1, losses.CategoricalCrossentropy(from_logits=True))
    with pytest.raises(UsageError, match="a single score to a loss that wants one per class"):
        adapt(network, _TABLE, "keras", output="probability")
