from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import adapt, assert_is_the_model

from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.training.keras_mlp import import_keras

keras = import_keras()
layers = keras.layers
_RANDOM = np.random.default_rng(0)
_TABLE = pd.DataFrame({"a": _RANDOM.normal(size=120), "b": _RANDOM.integers(0, 9, 120), "c": _RANDOM.random(120) < 0.5})
_SINGLE = 1e-6  # of the largest output: networks add up in single precision


class Subclassed(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Says nothing of its inputs or its last layer before it is called."""

    def __init__(self, units: int, activation: str | None) -> None:
        super().__init__()
        self.hidden = layers.Dense(4, "relu")
        self.dropout = layers.Dropout(0.5)
        self.head = layers.Dense(units, activation)

    def call(self, inputs: Any, training: bool = False) -> Any:  # noqa: FBT001, FBT002 - Keras' own signature
        return self.head(self.dropout(self.hidden(inputs), training=training))


def _functional(units: int, activation: str | None) -> Any:
    inputs = keras.Input((3,))
    return keras.Model(inputs, layers.Dense(units, activation)(layers.Dense(4, "relu")(inputs)))


def _sequential(units: int, activation: str | None) -> Any:
    return keras.Sequential([layers.Dense(4, "relu"), layers.Dense(units, activation)])  # not built yet


def _native(network: Any) -> Any:
    return network.predict(_TABLE[:110].to_numpy(dtype=np.float32), verbose=0).astype(np.float64)


@pytest.mark.parametrize("build", [_functional, _sequential, Subclassed])
def test_three_classes(build: Any) -> None:
    network = build(3, "softmax")
    model = adapt(network, _TABLE, "keras", output_names=["x", "y", "z"])
    assert (model.output_names, model.output_unit, model.positive_class) == (("x", "y", "z"), "probability", None)
    assert model.column_groups == ((0,), (1,), (2,))
    assert_is_the_model(model, _TABLE, _native(network), _SINGLE)
    outputs = model.forward(model.encode(model.to_matrix(_TABLE)))
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=0, atol=1e-15)


@pytest.mark.parametrize("build", [_functional, _sequential])
def test_two_classes_behind_one_unit(build: Any) -> None:
    network = build(1, "sigmoid")
    model = adapt(network, _TABLE, "keras")
    assert (model.output_names, model.positive_class) == (("class 0", "class 1"), "class 1")
    second = _native(network)
    assert_is_the_model(model, _TABLE, np.column_stack([1 - second, second]), _SINGLE)


@pytest.mark.parametrize(
    "last",
    [[layers.Dense(2), layers.Softmax()], [layers.Dense(2), layers.Activation("softmax")]],
    ids=["layer", "name"],
)
def test_an_activation_in_a_layer_of_its_own(last: list[Any]) -> None:
    network = keras.Sequential([keras.Input((3,)), *last])
    model = adapt(network, _TABLE, "keras", positive_class="class 0")
    assert (model.output_unit, model.positive_class) == ("probability", "class 0")
    nested = keras.Sequential([keras.Input((3,)), layers.Dense(3, "relu"), network])
    assert adapt(nested, _TABLE, "keras").output_unit == "probability"


def test_a_network_that_does_not_show_its_last_layer_is_read_by_its_loss() -> None:
    network = Subclassed(1, "sigmoid")
    network.compile(loss="binary_crossentropy")
    assert adapt(network, _TABLE, "keras").output_names == ("class 0", "class 1")


@pytest.mark.parametrize("build", [_functional, Subclassed])
def test_networks_that_give_log_odds(build: Any) -> None:
    network = build(1, None)
    network.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model = adapt(network, _TABLE, "keras", output_names=["no", "yes"])
    assert (model.output_names, model.output_unit) == (("yes",), "log-odds")
    assert_is_the_model(model, _TABLE, _native(network), _SINGLE)
    model = adapt(network, _TABLE, "keras", output_names=["no", "yes"], positive_class="no")
    assert_is_the_model(model, _TABLE, -_native(network), _SINGLE)
    network = build(3, None)
    network.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model = adapt(network, _TABLE, "keras")
    assert (model.output_names, model.output_unit) == (("class 0", "class 1", "class 2"), "softmax score")
    network.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    labels = adapt(network, _TABLE, "keras")  # which do not exclude each other
    assert (labels.output_names, labels.output_unit) == (("label 0", "label 1", "label 2"), "log-odds of the label")


@pytest.mark.parametrize("build", [_functional, _sequential, Subclassed])
def test_numbers(build: Any) -> None:
    network = build(1, None)
    model = adapt(network, _TABLE, "keras", target="price")
    assert (model.output_names, model.output_unit) == (("price",), "price")
    assert_is_the_model(model, _TABLE, _native(network), _SINGLE)
    assert adapt(build(2, None), _TABLE, "keras", output_names=["u", "v"]).output_names == ("u", "v")
    with pytest.raises(UsageError, match="has no margin"):
        adapt(network, _TABLE, "keras", output="margin")
    with pytest.raises(UsageError, match="no loss with from_logits=True was saved with it"):
        adapt(network, _TABLE, "keras", output="probability")


@pytest.mark.parametrize("names", [("late", "paid"), ("late", "paid", "new")])
def test_labels_that_do_not_exclude_each_other(names: tuple[str, ...]) -> None:
    network = _functional(len(names), "sigmoid")
    model = adapt(network, _TABLE, "keras", output_names=names)
    assert (model.output_names, model.positive_class) == (names, None)  # of two labels neither is the positive one
    assert model.output_unit == "probability of the label"
    assert any("a row may have several of them, or none" in note for note in model.notes)
    assert_is_the_model(model, _TABLE, _native(network), _SINGLE)
    with pytest.raises(UsageError, match="labels that a row may have together, not classes of which it has one"):
        adapt(network, _TABLE, "keras", output_names=names, positive_class="late")


def test_a_network_in_double_precision() -> None:
    network = keras.Sequential([keras.Input((3,), dtype="float64"), layers.Dense(1, dtype="float64")])
    weights, offset = network.layers[0].get_weights()
    model = adapt(network, _TABLE, "keras")
    matrix = model.to_matrix(_TABLE)
    np.testing.assert_allclose(model.forward(matrix), matrix @ weights + offset, rtol=0, atol=1e-12)
    assert_is_the_model(model, _TABLE, _native(network), _SINGLE)  # whose predict rounds to single precision


def test_more_rows_than_one_call_takes() -> None:
    model = adapt(_functional(2, "softmax"), _TABLE, "keras")
    matrix = np.repeat(model.to_matrix(_TABLE), 600, axis=0)
    outputs = model.forward(matrix)
    np.testing.assert_allclose(outputs, np.repeat(model.forward(matrix[::600]), 600, axis=0), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: keras.Sequential([keras.Input((3, 2)), layers.Flatten(), layers.Dense(1)]), r"rows of shape \(3, 2\)"),
        (lambda: keras.Sequential([keras.Input((4,)), layers.Dense(1)]), "reads 4 columns and 3 are there"),
    ],
)
def test_networks_of_another_shape_are_refused(build: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        adapt(build(), _TABLE, "keras")


def test_rows_a_network_cannot_read_are_refused() -> None:
    network = _functional(1, None)
    with pytest.raises(ModelError, match="column 'a' does not hold any"):
        adapt(network, _TABLE.assign(a="x"), "keras")
    with pytest.raises(ModelError, match="row 5 is not a finite number"):
        adapt(network, _TABLE.assign(a=_TABLE["a"].mask(_TABLE.index == 5)), "keras")
