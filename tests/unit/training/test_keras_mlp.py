"""The network: reproducible, in the units of the data, and right about what is plain to see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.config import TrainConfig
from interp_pipeline.data.inference import infer_schema
from interp_pipeline.training.keras_mlp import fit_keras_mlp

if TYPE_CHECKING:
    from interp_pipeline.training.fitted import FittedModel


def _table(n: int = 240) -> pd.DataFrame:
    random = np.random.default_rng(1)
    x = random.normal(size=n)
    table = pd.DataFrame(
        {
            "x": x,
            "noise": random.normal(size=n),
            "kind": random.choice(["a", "b"], n),
            "two": np.where(x > 0, "high", "low"),
            "three": np.select([x < -0.5, x > 0.5], ["low", "high"], "middle"),
            "number": 5000 + 300 * x,
        }
    )
    table.loc[::11, "noise"] = np.nan
    return table


def _fit(target: str, **options: Any) -> FittedModel:
    table = _table()[["x", "noise", "kind", target]]
    config = TrainConfig(kind="keras", target=target, **{"hidden": (16,), "epochs": 12, "batch_size": 16, **options})
    return fit_keras_mlp(table[:200], table[200:], infer_schema(table, config), config, lambda _: None)


_ASKED = pd.DataFrame({"x": [2.0, -2.0], "noise": [0.0, np.nan], "kind": ["a", "never seen"]})


def test_a_seed_is_a_network() -> None:
    one, again, other = (_fit("two", epochs=2, seed=seed).predict(_ASKED) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_sigmoid_learns_which_of_two() -> None:
    model = _fit("two", epochs=20)
    assert model.schema.output_names == ("high", "low")
    assert model.estimator.layers[-1].activation.__name__ == "sigmoid"
    probability = model.predict(_ASKED)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-12)
    assert probability[0, 0] > 0.8  # of "high", where x is high
    assert probability[1, 1] > 0.8


def test_a_softmax_learns_which_of_three() -> None:
    model = _fit("three", epochs=20)
    assert model.schema.output_names == ("high", "low", "middle")
    probability = model.predict(_ASKED)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-12)
    assert list(probability.argmax(axis=1)) == [0, 1]


def test_a_number_comes_back_in_its_own_units() -> None:
    model = _fit("number", epochs=30)
    predicted = model.predict(_table())[:, 0]
    target = _table()["number"]
    assert np.sqrt(np.mean((predicted - target) ** 2)) < 0.3 * target.std()
    assert predicted.mean() == pytest.approx(5000, abs=100)
    assert model.history["loss"][0] < 5  # while fitting the target is standardised
    assert type(model.estimator.layers[-1]).__name__ == "Rescaling"  # and the saved network gives units by itself


def test_curves_and_progress_have_one_point_per_epoch() -> None:
    advanced: list[int] = []
    table = _table()[["x", "kind", "two"]]
    config = TrainConfig(kind="keras", target="two", hidden=(4, 3), epochs=3)
    model = fit_keras_mlp(table[:200], table[200:], infer_schema(table, config), config, advanced.append)
    assert advanced == [1, 1, 1]
    assert {name: len(values) for name, values in model.history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 3
    )
    assert [layer.units for layer in model.estimator.layers] == [4, 3, 1]


def test_a_column_without_any_value_in_the_training_split_is_no_obstacle() -> None:
    table = _table()[["x", "two"]]
    table["rare"] = np.nan
    table["rarer"] = None
    table.loc[230:, "rare"] = 1.5
    table.loc[230:, "rarer"] = "once"
    config = TrainConfig(kind="keras", target="two", hidden=(4,), epochs=1)
    schema = infer_schema(table, config)
    assert [feature.kind for feature in schema.features] == ["numeric", "numeric", "category"]
    model = fit_keras_mlp(table[:200], table[200:], schema, config, lambda _: None)
    assert model.estimator.input_shape == (None, 1)
    with_values, without = table[230:], table[230:].assign(rare=np.nan, rarer=None)
    np.testing.assert_array_equal(model.predict(with_values), model.predict(without))  # nothing was learned of them
