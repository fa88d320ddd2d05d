"""Networks that divide a table between their inputs, and networks of several outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import adapt, assert_is_the_model

from interp_pipeline.errors import DataError, ModelError, UsageError
from interp_pipeline.models.tensor_inputs import TensorInput, assign_columns
from interp_pipeline.training.keras_mlp import import_keras

keras = import_keras()
layers = keras.layers
_RANDOM = np.random.default_rng(0)
_TABLE = pd.DataFrame(
    {
        "age": _RANDOM.normal(40, 9, 120),
        "rooms": _RANDOM.integers(1, 6, 120),
        "zone": _RANDOM.choice(["north", "süd", "01234"], 120),
    }
)
_NUMBERS = _TABLE.assign(zone=_RANDOM.normal(size=120))
_SINGLE = 1e-6  # of the largest output: networks add up in single precision


def _tensors(table: pd.DataFrame) -> dict[str, Any]:
    import tensorflow as tf

    return {
        "age": tf.constant(table[["age"]].to_numpy(), "float32"),
        "rooms": tf.constant(table[["rooms"]].to_numpy(), "int64"),
        "zone": tf.constant(table[["zone"]].to_numpy(dtype=object)),
    }


def _of_every_type(*, as_list: bool = False) -> Any:
    """One input a column, of fractions, whole numbers and texts, behind Keras' preprocessing."""
    keras.utils.set_random_seed(3)
    given = {
        "age": keras.Input((1,), name="age"),
        "rooms": keras.Input((1,), name="rooms", dtype="int64"),
        "zone": keras.Input((1,), name="zone", dtype="string"),
    }
    scaled = layers.Normalization(mean=40.0, variance=81.0)(given["age"])
    rooms = layers.CategoryEncoding(7, "one_hot")(layers.IntegerLookup(vocabulary=[1, 2, 3, 4, 5])(given["rooms"]))
    zone = layers.StringLookup(vocabulary=["north", "süd", "01234"], output_mode="one_hot")(given["zone"])
    joined = layers.Dense(6, "tanh")(layers.Concatenate()([scaled, rooms, zone]))
    return keras.Model(list(given.values()) if as_list else given, layers.Dense(1)(joined))


@pytest.mark.parametrize("as_list", [False, True])
def test_an_input_of_one_column_takes_the_column_of_its_name(as_list: bool) -> None:  # noqa: FBT001 - a case
    network = _of_every_type(as_list=as_list)
    shuffled = _TABLE[["zone", "age", "rooms"]]
    model = adapt(network, shuffled, "keras", target="rent")
    assert model.feature_names == ("zone", "age", "rooms")
    assert set(model.categories["zone"]) == {"north", "süd", "01234"}
    expected = network(_tensors(_TABLE[:110]) if not as_list else list(_tensors(_TABLE[:110]).values())).numpy()
    assert_is_the_model(model, shuffled, expected.astype(np.float64), _SINGLE)


def test_inputs_of_several_columns_take_the_others_in_their_order() -> None:
    keras.utils.set_random_seed(4)
    pair, single = keras.Input((2,), name="pair"), keras.Input((1,), name="age")
    network = keras.Model({"pair": pair, "age": single}, layers.Dense(1)(layers.Concatenate()([pair, single])))
    model = adapt(network, _NUMBERS, "keras")
    given = {"pair": _NUMBERS[["rooms", "zone"]].to_numpy("float32"), "age": _NUMBERS[["age"]].to_numpy("float32")}
    expected = network.predict({name: array[:110] for name, array in given.items()}, verbose=0)
    assert_is_the_model(model, _NUMBERS, expected.astype(np.float64), _SINGLE)
    assert "pair takes rooms, zone" in model.notes[0]


def test_inputs_without_names_of_columns_take_all_in_their_order() -> None:
    keras.utils.set_random_seed(5)
    first, second = keras.Input((2,)), keras.Input(())
    wide = layers.Concatenate()([first, layers.Reshape((1,))(second)])
    network = keras.Model([first, second], layers.Dense(1)(wide))
    model = adapt(network, _NUMBERS, "keras")
    matrix = _NUMBERS[:110].to_numpy("float32")
    expected = network.predict([matrix[:, :2], matrix[:, 2]], verbose=0)
    assert_is_the_model(model, _NUMBERS, expected.astype(np.float64), _SINGLE)


def test_a_network_that_shows_no_inputs_is_given_what_its_signature_names() -> None:
    class Subclassed(keras.Model):  # type: ignore[misc]  # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.head = layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.head(layers.concatenate([inputs["age"], inputs["rooms"]]))

    network = Subclassed()
    tensors = [TensorInput(name=name, width=1, dtype="float32") for name in ("rooms", "age")]
    table = _TABLE[["age", "rooms"]]
    model = adapt(network, table, "keras", tensors=tensors)
    given = {name: table[[name]][:110].to_numpy("float32") for name in table}
    assert_is_the_model(model, table, network.predict(given, verbose=0).astype(np.float64), _SINGLE)


def test_columns_that_do_not_fit_are_refused_by_name() -> None:
    network = _of_every_type()
    with pytest.raises(UsageError, match="no column 'rooms', which the model takes as an input"):
        adapt(network, _TABLE.rename(columns={"rooms": "room"}), "keras")
    with pytest.raises(ModelError, match="'zone' reads texts, and the table holds 7"):
        adapt(network, _TABLE.assign(zone=7), "keras")
    with pytest.raises(ModelError, match="'age' reads numbers, and the column 'age' does not hold any"):
        adapt(network, _TABLE.assign(age="old"), "keras")
    with pytest.raises(DataError, match="column 'zone', row 4: a value is missing"):
        adapt(network, _TABLE.assign(zone=_TABLE["zone"].mask(_TABLE.index == 4)), "keras")
    inputs = [TensorInput(name="pair", width=2, dtype="float32"), TensorInput(name="c", width=1, dtype="float32")]
    with pytest.raises(UsageError, match=r"inputs pair \(2\) take 2 columns .* there are 1 \('x'\)"):
        assign_columns(inputs, ["x", "c"])


def _of_two_outputs(*, as_list: bool = False) -> Any:
    keras.utils.set_random_seed(6)
    given = keras.Input((3,), name="given")
    risk, amount = layers.Dense(1, "sigmoid", name="risk")(given), layers.Dense(1, name="amount")(given)
    network = keras.Model(given, [risk, amount] if as_list else {"z_risk": risk, "amount_due": amount})
    losses = ["binary_crossentropy", "mse"]
    network.compile(loss=losses if as_list else dict(zip(("z_risk", "amount_due"), losses, strict=True)))
    return network


def test_one_of_several_outputs_is_chosen_by_its_name() -> None:
    network = _of_two_outputs()
    answers = network.predict(_NUMBERS[:110].to_numpy("float32"), verbose=0)
    amount = adapt(network, _NUMBERS, "keras", output_name="amount_due")
    assert (amount.output_names, amount.output_unit) == (("amount_due",), "amount_due")
    assert "Of the network's outputs, amount_due is explained." in amount.notes[0]
    assert_is_the_model(amount, _NUMBERS, answers["amount_due"].astype(np.float64), _SINGLE)
    for name in ("z_risk", "risk"):  # its key, or the layer that gives it
        risk = adapt(network, _NUMBERS, "keras", output_name=name)
        assert (risk.output_unit, risk.positive_class) == ("probability", "class 1")
    listed = _of_two_outputs(as_list=True)
    assert adapt(listed, _NUMBERS, "keras", output_name="risk").output_unit == "probability"
    assert adapt(listed, _NUMBERS, "keras", output_name="amount", target="eur").output_names == ("eur",)


def test_an_output_that_was_not_chosen_is_asked_for_with_all_names() -> None:
    network = _of_two_outputs()
    with pytest.raises(UsageError, match=r"2 outputs \(amount_due, z_risk\); choose one with --output-name amount_due"):
        adapt(network, _NUMBERS, "keras")
    with pytest.raises(UsageError, match=r"\(amount_due, z_risk\), none of them called 'price'"):
        adapt(network, _NUMBERS, "keras", output_name="price")
    single = keras.Sequential([keras.Input((3,)), layers.Dense(1, name="only")])
    assert adapt(single, _NUMBERS, "keras", output_name="only").output_names == ("prediction",)
    with pytest.raises(UsageError, match="no outputs to choose from by name"):
        adapt(single, _NUMBERS, "keras", output_name="other")


def test_one_output_of_a_network_inside_another() -> None:
    inner = _of_two_outputs(as_list=True)
    given = keras.Input((3,))
    network = keras.Model(given, inner(given)[0])
    network.compile(loss="binary_crossentropy")
    assert adapt(network, _NUMBERS, "keras").output_unit == "probability"
