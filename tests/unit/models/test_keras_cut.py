"""Networks cut where their features meet: the same network, its first layer apart; or whole, and the log says why."""

from __future__ import annotations

import dataclasses
import logging
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import adapt, assert_is_the_model
from harness.explainable_models import SmallModel, brute_force_shap, explain

from interp_pipeline.config import ExplainConfig
from interp_pipeline.training.keras_mlp import import_keras

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray

keras = import_keras()
layers = keras.layers
_RANDOM = np.random.default_rng(0)
_NUMBERS = pd.DataFrame({name: _RANDOM.normal(10.0, 3.0, 120) for name in "abcd"})
_MIXED = pd.DataFrame(
    {
        "age": _RANDOM.normal(40, 9, 120),
        "rooms": _RANDOM.integers(1, 6, 120),
        "zone": _RANDOM.choice(["north", "süd", "01234"], 120),
    }
)
_SINGLE = 1e-6  # of the largest output: networks add up in single precision


def _sequential(*others: Any, units: int = 1, activation: str | None = None) -> Any:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((4,)), *others, layers.Dense(4, "tanh"), layers.Dense(3, "relu"), layers.Dense(units, activation)]
    )


def _scaled() -> Any:
    scales = [layers.Normalization(mean=10.0, variance=9.0), layers.Rescaling(0.5, 1.0)]
    network = _sequential(*scales, layers.BatchNormalization(), layers.Dropout(0.5), units=3, activation="softmax")
    network.layers[2].set_weights([np.array(each) for each in ([1, 2, 1, 1], [0, 1, 0, 0], [1] * 4, [2] * 4)])
    return network


def _logits() -> Any:
    network = _sequential(layers.Normalization(mean=10.0, variance=9.0))
    network.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return network


def _lone() -> Any:
    keras.utils.set_random_seed(2)
    return keras.Sequential([keras.Input((4,)), layers.Rescaling(0.1), layers.Dense(1, "sigmoid", use_bias=False)])


def _functional() -> Any:
    keras.utils.set_random_seed(3)
    given = keras.Input((4,))
    hidden = layers.Dense(4, "relu")(layers.Rescaling(0.1)(given))
    return keras.Model(given, layers.Dense(2)(layers.Add()([hidden, layers.Dense(4)(hidden)])))


def _embedded() -> Any:
    keras.utils.set_random_seed(4)
    given = keras.Input((4,))
    codes = layers.Flatten()(layers.Embedding(30, 3)(layers.ReLU()(given)))
    return keras.Model(given, layers.Dense(1)(layers.Dense(5, "tanh")(codes)))


def _of_every_type() -> Any:
    """Inputs of fractions, whole numbers and texts, each behind preprocessing of its own; two outputs."""
    keras.utils.set_random_seed(5)
    age = keras.Input((1,), name="age")
    rooms = keras.Input((), name="rooms", dtype="int64")
    zone = keras.Input((1,), name="zone", dtype="string")
    parts = [
        layers.Dense(2, "relu")(layers.Normalization(mean=40.0, variance=81.0)(age)),
        layers.Embedding(7, 2)(rooms),
        layers.StringLookup(vocabulary=["north", "süd", "01234"], output_mode="one_hot")(zone),
    ]
    hidden = layers.Dense(6, "tanh")(layers.Concatenate()(parts))
    outputs = {"rent": layers.Dense(1, name="rent")(hidden), "sold": layers.Dense(1, "sigmoid", name="sold")(hidden)}
    return keras.Model([age, rooms, zone], outputs)


def _of_numbers(network: Any) -> Callable[[pd.DataFrame], FloatArray]:
    return lambda table: np.asarray(network(table.to_numpy(np.float32), training=False), dtype=np.float64)


def _of_mixed(network: Any) -> Callable[[pd.DataFrame], FloatArray]:
    import tensorflow as tf

    def ask(table: pd.DataFrame) -> FloatArray:
        given = [
            tf.constant(table[["age"]].to_numpy("float32")),
            tf.constant(table["rooms"].to_numpy("int64")),
            tf.constant(table[["zone"]].to_numpy(dtype=object)),
        ]
        return np.asarray(network(given)["rent"], dtype=np.float64)

    return ask


def _both(ask: Callable[[pd.DataFrame], FloatArray]) -> Callable[[pd.DataFrame], FloatArray]:
    return lambda table: np.concatenate([1.0 - ask(table), ask(table)], axis=1)


def _same(ask: Callable[[pd.DataFrame], FloatArray]) -> Callable[[pd.DataFrame], FloatArray]:
    return ask


@pytest.mark.parametrize(
    ("build", "outputs"),
    [
        (_sequential, _same),
        (_scaled, _same),
        (_logits, _same),
        (_lone, _both),
        (_functional, _same),
        (_embedded, _same),
    ],
)
def test_values_from_the_first_layer_are_those_of_the_whole_network(build: Any, outputs: Any) -> None:
    network = build()
    _assert_cut(network, _NUMBERS, outputs(_of_numbers(network)))


def test_inputs_of_every_type_are_encoded_once_and_own_the_columns_that_depend_on_them() -> None:
    network = _of_every_type()
    model = _assert_cut(network, _MIXED, _of_mixed(network), output_name="rent")
    assert model.column_groups == ((0, 1), (2, 3), (4, 5, 6, 7))
    assert "Of the network's outputs, rent is explained." in model.notes[0]


def _assert_cut(network: Any, table: pd.DataFrame, ask: Callable[[pd.DataFrame], FloatArray], **options: Any) -> Any:
    model = adapt(network, table, "keras", **options)
    assert_is_the_model(model, table, ask(table[:110]), _SINGLE)
    assert model.first_layer is not None
    asked = []
    rest = model.first_layer.rest
    model.first_layer = dataclasses.replace(model.first_layer, rest=lambda sums: asked.append(len(sums)) or rest(sums))
    rows, background = table[:2], table[60:64]
    found = explain("shap_exact", model, rows, background, ExplainConfig())
    assert sum(asked) == found.cost.model_evaluations - len(rows) - len(background) > 0
    whole = SimpleNamespace(
        to_matrix=model.to_matrix,
        encode=model.table.to_frame,
        forward=ask,
        output_names=model.output_names,
    )
    scale = np.abs(found.predictions).max()
    expected = brute_force_shap(cast("SmallModel", whole), rows, background)
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=_SINGLE * scale)
    added = found.base_values + found.values.sum(axis=1)
    np.testing.assert_allclose(added, found.predictions, rtol=0, atol=_SINGLE * scale)
    return model


class Subclassed(keras.Model):  # type: ignore[misc]  # Keras has no types
    """A network that Keras knows no graph of."""

    def __init__(self) -> None:
        super().__init__()
        self.head = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.head(inputs)


class Turned(layers.Dense):  # type: ignore[misc]  # likewise
    """A Dense layer that computes something else."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:  # noqa: FBT001 - Keras' own signature
        return super().call(inputs[:, ::-1], training=training)


def _wide_and_deep() -> Any:
    given = keras.Input((4,))
    return keras.Model(given, layers.Dense(1)(layers.Concatenate()([given, layers.Dense(4, name="deep")(given)])))


def _in_half_precision() -> Any:
    return keras.Sequential([keras.Input((4,)), layers.Dense(4, dtype="mixed_float16"), layers.Dense(1)])


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda: _sequential(layers.LayerNormalization(name="norm")), r"first meet in norm \(LayerNormalization\)"),
        (lambda: _sequential(Turned(4, name="turned")), r"first meet in turned \(Turned\), which is no Dense layer"),
        (_wide_and_deep, "meet in deep and, past that, in concatenate"),
        (_in_half_precision, "does not compute in float32"),
        (Subclassed, "Subclassed is a class of its own"),
    ],
    ids=["normalized over features", "a kind of Dense", "wide and deep", "half precision", "subclassed"],
)
def test_what_cannot_be_cut_is_asked_as_a_whole_and_the_log_says_why(
    build: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    network = build()
    with caplog.at_level(logging.INFO, logger="interp"):
        model = adapt(network, _NUMBERS, "keras")
    assert model.first_layer is None
    (line,) = [record.getMessage() for record in caplog.records if record.name == "interp"]
    assert line.startswith("The network is asked as a whole, which takes longer, because ")
    assert re.search(why, line), line
    assert model.column_groups == ((0,), (1,), (2,), (3,))


def test_a_network_that_does_not_follow_its_graph_is_not_cut(caplog: pytest.LogCaptureFixture) -> None:
    """Here the answers alone can tell: the graph says that all four features meet in the first layer."""
    network = _sequential()
    dense = network.layers[0]
    call = dense.call
    dense.call = lambda inputs, training=None: call(inputs * inputs[:, :1], training=training)
    with caplog.at_level(logging.INFO, logger="interp"):
        model = adapt(network, _NUMBERS, "keras")
    assert model.first_layer is None
    assert "from the sums of its first layer are not those of the model itself where it is cut" in caplog.text
    assert_is_the_model(model, _NUMBERS, _of_numbers(network)(_NUMBERS[:110]), _SINGLE)
