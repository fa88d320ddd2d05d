"""Explaining a network leaves the TensorFlow of the program it runs in as it was."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import keras, numpy as np, pandas as pd
from interp_pipeline.models.adapt import adapt_model

table = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=["a", "b", "c"])
network = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
model = adapt_model(network, flavor="keras", feature_names=["a", "b", "c"], rows=table, background=table)
model.forward(model.encode(model.to_matrix(table)))
network.compile(loss="mse")
network.fit(table.to_numpy(), np.zeros(20), verbose=0)  # draws random numbers without a seed
print("trained again")
"""


def test_a_network_can_be_trained_after_it_was_explained() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[-2:] == ["trained again", ""], done.stderr
