"""A Keras network of dense layers on encoded rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.data.target import encode_target
from interp_pipeline.data.typed_rows import TypedRows
from interp_pipeline.errors import UsageError
from interp_pipeline.installing import install_command
from interp_pipeline.training.encoder import fit_encoder
from interp_pipeline.training.fitted import FittedModel
from interp_pipeline.training.summation_order import fix_summation_order

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import TrainConfig
    from interp_pipeline.data.schema import Schema

__all__ = ["fit_keras_mlp", "import_keras"]


def fit_keras_mlp(
    train: pd.DataFrame,
    test: pd.DataFrame,
    schema: Schema,
    config: TrainConfig,
    advance: Callable[[int], None],
) -> FittedModel:
    """Fit dense layers with relu and a head that suits the task, with adam.

    The head is a sigmoid for two classes, a softmax for more, linear for a regression, whose
    target is standardised while fitting and given back in its own units by the last layer.

    Args:
        train: training rows with the target column, shape (n_rows, n_features + 1).
        test: held-out rows, used for the ``val_`` epoch curves only: nothing is chosen by them.
        schema: how the columns are read.
        config: layers, epochs, batch size, seed. The same seed gives the same network on the
            same machine.
        advance: called with 1 after every epoch.

    Returns:
        The fitted model with its epoch curves.

    Raises:
        UsageError: Keras or TensorFlow is not installed.
    """
    keras = import_keras()
    keras.utils.set_random_seed(config.seed)
    typed = TypedRows(schema.to_dict()["features"])
    matrix = typed.to_matrix(train)
    encoder = fit_encoder(matrix, schema)
    inputs = encoder.transform(matrix).astype(np.float32)
    target, test_target = (
        np.asarray(encode_target(part[schema.target], schema), dtype=np.float64) for part in (train, test)
    )
    offset, scale = 0.0, 1.0
    if schema.task == "regression":
        offset, scale = float(np.mean(target)), float(np.std(target)) or 1.0
        target, test_target = (target - offset) / scale, (test_target - offset) / scale
    network = _build(keras, inputs.shape[1], schema, config)
    history = network.fit(
        inputs,
        target,
        validation_data=(encoder.transform(typed.to_matrix(test)).astype(np.float32), test_target),
        epochs=config.epochs,
        batch_size=config.batch_size,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda _epoch, _logs: advance(1))],
    )
    if schema.task == "regression":
        network = keras.Sequential([*network.layers, keras.layers.Rescaling(scale, offset)])
        network(np.zeros((1, inputs.shape[1]), dtype=np.float32))
    curves = {name: [float(value) for value in values] for name, values in history.history.items()}
    return FittedModel(kind="keras", schema=schema, estimator=network, encoder=encoder, history=curves)


def import_keras() -> Any:
    """Load Keras and TensorFlow, which takes seconds, set to give the same digits every time.

    Raises:
        UsageError: one of them is not installed.
    """
    fix_summation_order()
    try:
        import keras
        import tensorflow as tf
    except ModuleNotFoundError as error:
        msg = f"training a Keras network needs {error.name}: {install_command(str(error.name))}"
        raise UsageError(msg) from error
    # Summation order of CPU kernels depends on threads otherwise, and with it the last digits.
    tf.config.experimental.enable_op_determinism()
    return keras


def _build(keras: Any, n_inputs: int, schema: Schema, config: TrainConfig) -> Any:
    n_classes = len(schema.classes)
    head, loss = {
        "binary": (("sigmoid", 1), "binary_crossentropy"),
        "multiclass": (("softmax", n_classes), "sparse_categorical_crossentropy"),
        "regression": (("linear", 1), "mean_squared_error"),
    }[schema.task]
    activation, units = head
    network = keras.Sequential(
        [
            keras.Input(shape=(n_inputs,)),
            *(keras.layers.Dense(width, activation="relu") for width in config.hidden),
            keras.layers.Dense(units, activation=activation),
        ]
    )
    metrics = ["mean_absolute_error"] if schema.task == "regression" else ["accuracy"]
    network.compile(optimizer="adam", loss=loss, metrics=metrics)
    return network
