"""The code inside every model we register: raw rows in, named outputs out.

MLflow copies this file into the model and runs it when the model is loaded ("models from code"), so
it imports nothing of this project: a registered model keeps working, and keeps being explained by
the code it was registered with, whatever happens to the library. Beside it lie, as artifacts:

* ``schema``: how the columns are read, the classes, the positive class (JSON);
* ``typed_rows``: the module that turns raw rows into a matrix, one column per feature;
* ``encoder``: a fitted ColumnTransformer named by feature position (networks only);
* ``estimator``: the forest or network, itself a complete MLflow model.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
import skops.io
from mlflow.pyfunc.model import PythonModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

_TRUSTED_ENCODER = ["numpy.dtype"]  # beside scikit-learn's own classes; anything else in the file is refused
_ROWS_PER_CALL = 65_536  # bounds memory; large enough that the cost of a call does not show


class ServedModel(PythonModel):
    """A model cut where explainers need it: ``to_matrix``, ``encode``, ``forward``."""

    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    output_unit: str
    positive_class: str | None
    categories: Mapping[str, tuple[str, ...]]
    column_groups: tuple[tuple[int, ...], ...]
    trees: Any | None
    linear = None  # none of these models is linear in its input
    first_layer: Any | None = None  # of a network: weights, bias, and the rest of it as a function

    def load_context(self, context: Any) -> None:
        """Load the parts; called once by MLflow."""
        artifacts: Mapping[str, str] = context.artifacts
        schema = json.loads(Path(artifacts["schema"]).read_text(encoding="utf-8"))
        features = schema["features"]
        self.feature_names = tuple(feature["name"] for feature in features)
        self.output_names = tuple(schema["classes"]) or (schema["target"],)
        self.output_unit = "probability" if schema["classes"] else schema["target"]
        self.positive_class = schema["positive_class"]
        self.categories = {f["name"]: tuple(f["categories"]) for f in features if f["kind"] == "category"}
        self._typed = _load_module(artifacts["typed_rows"]).TypedRows(features)
        self._encoder = None
        if "encoder" in artifacts:
            self._encoder = skops.io.load(artifacts["encoder"], trusted=_TRUSTED_ENCODER)
            self._forward, self.first_layer = _network_forward(artifacts["estimator"], len(schema["classes"]))
            self.trees = None
            indices = self._encoder.output_indices_
            self.column_groups = tuple(
                tuple(range(indices[str(i)].start, indices[str(i)].stop)) if str(i) in indices else ()
                for i in range(len(features))
            )
        else:
            self.trees = mlflow.sklearn.load_model(artifacts["estimator"])
            self._forward = _forest_forward(self.trees, classifier=bool(schema["classes"]))
            self.column_groups = tuple(() if f["kind"] == "unused" else (i,) for i, f in enumerate(features))

    def to_matrix(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Raw rows as numbers, one column per feature, shape (n_rows, n_features)."""
        return np.asarray(self._typed.to_matrix(rows), dtype=np.float64)

    def encode(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Typed rows as the estimator's input, shape (n_rows, n_columns)."""
        if self._encoder is None:
            return np.asarray(self._typed.unseen_as_missing(matrix), dtype=np.float64)
        return np.asarray(self._encoder.transform(matrix), dtype=np.float64)

    def forward(self, encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        """The estimator's outputs, shape (n_rows, n_outputs)."""
        starts = range(0, max(len(encoded), 1), _ROWS_PER_CALL)
        return np.concatenate([self._forward(encoded[start : start + _ROWS_PER_CALL]) for start in starts])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predict raw rows: class probabilities under the class names, or the target under its name."""
        del context, params
        outputs = self.forward(self.encode(self.to_matrix(model_input)))
        return pd.DataFrame(outputs, columns=list(self.output_names), index=model_input.index)


def _load_module(path: str) -> Any:
    """Import a file under a name of its own, so that two models can carry different versions of it."""
    spec = importlib.util.spec_from_file_location(f"typed_rows_{abs(hash(path))}", path)
    if spec is None or spec.loader is None:
        msg = f"cannot import {path}"
        raise ImportError(msg)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _forest_forward(forest: Any, *, classifier: bool) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    if classifier:
        return lambda encoded: np.asarray(forest.predict_proba(encoded), dtype=np.float64)
    return lambda encoded: np.asarray(forest.predict(encoded), dtype=np.float64).reshape(-1, 1)


def _network_forward(path: str, n_classes: int) -> tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], Any]:
    """The network as one compiled call for any number of rows, since ``predict`` of Keras costs 50 ms a call.

    Returns:
        That call, and the network cut behind the sum of its first layer: ``rest(encoded @ weights +
        bias)`` is the same, for explainers that can do without multiplying by the weights again.
    """
    import tensorflow as tf

    network = mlflow.keras.load_model(path)
    first, *others = network.layers

    def behind_first(sums: Any) -> Any:
        outputs = first.activation(sums)
        for layer in others:
            outputs = layer(outputs, training=False)
        return outputs

    def compiled(function: Callable[[Any], Any], width: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        call = tf.function(function, input_signature=[tf.TensorSpec((None, width), tf.float32)])
        return lambda inputs: _as_served(call(tf.constant(inputs, dtype=tf.float32)).numpy(), n_classes)

    weights, bias = (np.asarray(array, dtype=np.float64) for array in first.get_weights())
    rest = compiled(behind_first, weights.shape[1])
    forward = compiled(lambda encoded: network(encoded, training=False), weights.shape[0])
    return forward, SimpleNamespace(weights=weights, bias=bias, rest=rest)


def _as_served(raw: Any, n_classes: int) -> NDArray[np.float64]:
    """The network's answer as the named outputs."""
    outputs: NDArray[np.float64] = np.asarray(raw, dtype=np.float64)
    if n_classes == 2 and outputs.shape[1] == 1:  # noqa: PLR2004 - a sigmoid head gives P(second class)
        return np.concatenate([1.0 - outputs, outputs], axis=1)
    if n_classes:
        outputs /= outputs.sum(axis=1, keepdims=True)  # float32 softmax sums to one only roughly
    return outputs


mlflow.models.set_model(ServedModel())
