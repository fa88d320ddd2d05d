"""What the loss of a network says about its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import adapt

from interp_pipeline.errors import UsageError
from interp_pipeline.training.keras_mlp import import_keras

keras = import_keras()
_RANDOM = np.random.default_rng(0)
_TABLE = pd.DataFrame(_RANDOM.normal(size=(120, 2)), columns=["a", "b"])


class Own(keras.losses.MeanSquaredError):  # type: ignore[misc]  # Keras has no types
    """A loss of somebody's own, made of a known one."""


def weighted(truth: Any, found: Any) -> Any:
    """A loss that is not known here."""
    return keras.ops.mean(keras.ops.abs(truth - found) ** 3)


def _network(units: int, activation: str, loss: Any) -> Any:
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, activation)])
    if loss is not None:
        network.compile(loss=loss)
    return network


_NUMBER_LOSSES = ["mse", "MAE", "huber", "poisson", keras.losses.MeanSquaredError(name="mine"), Own(), "log_cosh"]
_CLASS_LOSSES = ["binary_crossentropy", keras.losses.BinaryFocalCrossentropy(name="mine"), "kld", "squared_hinge"]


def _called(loss: Any) -> str:
    """What a loss is called in every process: its text may hold an address in memory."""
    return loss if isinstance(loss, str) else str(getattr(loss, "name", None) or getattr(loss, "__name__", type(loss)))


@pytest.mark.parametrize("loss", _NUMBER_LOSSES, ids=_called)
def test_a_sigmoid_trained_as_a_regression_is_no_probability(loss: Any) -> None:
    network = _network(1, "sigmoid", loss)
    model = adapt(network, _TABLE, "keras", target="fill")
    assert (model.output_names, model.output_unit, model.positive_class) == (("fill",), "fill", None)
    assert "as regressions are" in model.notes[-1]
    said = adapt(network, _TABLE, "keras", task="classification")
    assert (said.output_unit, said.positive_class) == ("probability", "class 1")
    assert adapt(network, _TABLE, "keras", outcomes="classes").output_unit == "probability"
    with pytest.raises(UsageError, match=r"trained with the loss .* as regressions are"):
        adapt(network, _TABLE, "keras", output="probability")


@pytest.mark.parametrize("loss", _CLASS_LOSSES, ids=_called)
def test_a_sigmoid_trained_on_classes_is_one(loss: Any) -> None:
    network = _network(1, "sigmoid", loss)
    model = adapt(network, _TABLE, "keras", outcomes="numbers")
    assert (model.output_unit, len(model.notes)) == ("probability", 1)
    assert adapt(network, _TABLE, "keras", task="regression", target="y").output_unit == "y"


@pytest.mark.parametrize(("loss", "why"), [(None, "holds no loss"), (weighted, r"not known here \(weighted\)")])
def test_where_the_loss_says_nothing_a_reader_is_told_so(loss: Any, why: str) -> None:
    network = _network(1, "sigmoid", loss)
    model = adapt(network, _TABLE, "keras")
    assert model.output_unit == "probability"
    assert "--task regression" in model.notes[-1]
    assert pd.Series(model.notes).str.contains(why).any()
    assert adapt(network, _TABLE, "keras", outcomes="numbers").output_unit == "prediction"


def test_a_softmax_likewise() -> None:
    network = _network(3, "softmax", "mse")
    model = adapt(network, _TABLE, "keras")
    assert (model.output_names, model.output_unit) == (("target 0", "target 1", "target 2"), "prediction")
    classes = adapt(network, _TABLE, "keras", task="classification", output_names=["x", "y", "z"])
    assert (classes.output_names, classes.output_unit) == (("x", "y", "z"), "probability")
    assert adapt(_network(3, "softmax", "kl_divergence"), _TABLE, "keras").output_unit == "probability"


def test_counts_are_numbers() -> None:
    model = adapt(_network(1, "exponential", "poisson"), _TABLE, "keras", target="claims")
    assert (model.output_unit, len(model.notes)) == ("claims", 1)
    with pytest.raises(UsageError, match="task='classification' does not fit: the model predicts numbers"):
        adapt(_network(1, "linear", "mse"), _TABLE, "keras", task="classification")
