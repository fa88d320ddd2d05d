"""The network inside a registered model, cut behind its first layer: the rest of it gives the same outputs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("units", "activation", "n_classes"), [(1, "sigmoid", 2), (3, "softmax", 3), (1, "linear", 0)])
def test_first_layer_and_rest_are_the_network(units: int, activation: str, n_classes: int, tmp_path: Path) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import mlflow

    from interp_pipeline.tracking.models.served_model import _network_forward

    keras.utils.set_random_seed(1)
    hidden = [keras.layers.Dense(8, "relu"), keras.layers.Dense(4, "tanh")]
    network = keras.Sequential([keras.Input((20,)), *hidden, keras.layers.Dense(units, activation)])
    mlflow.keras.save_model(network, str(tmp_path / "network"), pip_requirements=[])
    forward, first = _network_forward(str(tmp_path / "network"), n_classes)
    rows = np.random.default_rng(0).normal(size=(50, 20))
    assert first.weights.shape == (20, 8)
    outputs = forward(rows)
    assert outputs.shape == (50, n_classes or 1)
    np.testing.assert_allclose(first.rest(rows @ first.weights + first.bias), outputs, atol=1e-6)
