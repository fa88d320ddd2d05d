"""Keras networks over one flat input: one compiled call for any number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explanation import LOG_ODDS, SOFTMAX_SCORE
from interp_pipeline.models.adapted import AdaptedModel, Cut
from interp_pipeline.models.outputs import as_columns, class_names
from interp_pipeline.models.raw_table import RawTable
from interp_pipeline.models.verify import require_match

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.outputs import Outputs, Wanted

__all__ = ["adapt_keras"]

_ROWS_PER_PREDICT = 8_192  # Keras' own door, whose every batch costs
_SUM_TOLERANCE = 1e-3  # how far rows of a softmax in low precision may be from summing to 1
_NOTE = "Effects are those of the table's columns, which the network reads as they are."
_CLASS_LOSSES = {"binarycrossentropy", "categoricalcrossentropy", "sparsecategoricalcrossentropy"}
_LOGITS = {"sigmoid logits": LOG_ODDS, "softmax logits": SOFTMAX_SCORE}

_Read: TypeAlias = "Callable[[FloatArray], FloatArray]"


def adapt_keras(
    native: Any, feature_names: tuple[str, ...], rows: pd.DataFrame, background: pd.DataFrame, wanted: Wanted
) -> AdaptedModel:
    """Adapt a network: Sequential, functional or subclassed, built or not.

    Args:
        native: Keras model with one input of shape (n_rows, n_features) and one output.
        feature_names: raw columns, in the order of the network's input.
        rows: rows to explain.
        background: background data.
        wanted: what of the model is to be explained; ``output_names`` name its classes.

    Raises:
        ModelError: the network has several inputs or outputs, reads other than numbers, or is of
            another shape.
        UsageError: what is wanted does not fit the network.
    """
    table = RawTable(feature_names, rows, background)
    texts = [name for name in feature_names if not table.is_number(name)]
    if texts:
        msg = f"the network reads numbers, and the column {texts[0]!r} does not hold any; give it as it was trained"
        raise ModelError(msg)
    dtype = _input_dtype(native, len(feature_names))
    forward = _compiled(native, len(feature_names), dtype)
    sample = forward(np.concatenate([table.to_matrix(rows), table.to_matrix(background)]))
    if not isinstance(sample, np.ndarray):
        msg = "the network has several outputs; register a model with one of them"
        raise ModelError(msg)
    read, outputs = _head(native, as_columns(sample), wanted)

    def ask(each: pd.DataFrame) -> FloatArray:
        matrix = each.to_numpy(dtype=np.float64, na_value=np.nan)
        return read(as_columns(native.predict(matrix.astype(dtype), batch_size=_ROWS_PER_PREDICT, verbose=0)))

    cut = Cut(
        outputs=outputs,
        encode=lambda matrix: matrix,
        forward=lambda matrix: read(as_columns(forward(matrix))),
        ask=ask,
        column_groups=tuple((i,) for i in range(len(feature_names))),
        note=_NOTE,
    )
    model = AdaptedModel(table=table, cut=cut)
    require_match(model, rows, background)
    return model


def _input_dtype(network: Any, n_features: int) -> str:
    """Type of the network's only input.

    Raises:
        ModelError: it has several, or one of another shape.
    """
    inputs = getattr(network, "inputs", None)  # a subclassed network may not know them
    if not inputs:
        return str(getattr(network, "compute_dtype", "float32"))
    if len(inputs) > 1 or isinstance(getattr(network, "input", None), dict):
        msg = f"the network has {len(inputs)} inputs; a table is explained through one: join them inside the network"
        raise ModelError(msg)
    shape = tuple(inputs[0].shape)
    if len(shape) != 2:  # noqa: PLR2004 - rows and columns
        msg = f"the network reads rows of shape {shape[1:]}; only rows of plain columns can be explained"
        raise ModelError(msg)
    if shape[1] not in {None, n_features}:
        msg = f"the network reads {shape[1]} columns and {n_features} are there; give the columns it was trained on"
        raise ModelError(msg)
    return str(inputs[0].dtype)


def _compiled(network: Any, n_features: int, dtype: str) -> Callable[[FloatArray], Any]:
    """The network as one call, which builds it if it is not: ``predict`` of Keras costs 50 ms a call.

    Raises:
        ModelError: Keras runs on something other than TensorFlow here.
    """
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        msg = f"Keras runs on {keras.backend.backend()} here; set KERAS_BACKEND=tensorflow before it is imported"
        raise ModelError(msg)

    @tf.function(input_signature=[tf.TensorSpec((None, n_features), dtype)])  # type: ignore[untyped-decorator]
    def compiled(encoded: Any) -> Any:
        return network(encoded, training=False)

    def forward(encoded: FloatArray) -> Any:
        answer = compiled(tf.constant(encoded, dtype=dtype))
        return answer.numpy() if hasattr(answer, "numpy") else answer

    return forward


def _head(network: Any, answers: FloatArray, wanted: Wanted) -> tuple[_Read, Outputs]:
    """What the outputs are, and how the network's answer, shape (n_rows, n_units), becomes them."""
    activation = _activation(getattr(network, "layers", None) or [], network) or _by_loss(network, answers)
    n_units = answers.shape[1]
    if activation in _LOGITS:
        return _head_of_logits(activation, n_units, wanted)
    if activation == "sigmoid" or (activation == "softmax" and n_units > 1):
        wanted.refuse("margin", "gives probabilities")
        read = _of_sum_one if activation == "softmax" else _of_both if n_units == 1 else _as_it_is
        return read, wanted.probabilities(class_names(None, max(n_units, 2), wanted))
    wanted.refuse("margin", "is a regression, which has no margin")
    wanted.refuse(
        "probability",
        "gives plain numbers: its last layer is linear, and no loss with from_logits=True was saved with it that "
        "would make them scores of classes (compile it with one, or end it with a softmax or sigmoid)",
    )
    return _as_it_is, wanted.numbers(n_units)


def _head_of_logits(activation: str, n_units: int, wanted: Wanted) -> tuple[_Read, Outputs]:
    """Of a network that gives the input of a sigmoid or softmax: that itself or, where asked for, the probabilities."""
    from scipy.special import expit, softmax

    unit = _LOGITS[activation]
    names = class_names(None, max(n_units, 2), wanted)
    if wanted.output != "probability":
        outputs = wanted.margins(names, n_units, unit)
        return lambda answer: outputs.sign * answer, outputs
    function = activation.removesuffix(" logits")
    if function == "softmax" and n_units == 1:
        wanted.refuse("probability", "gives a single score to a loss that wants one per class")

    def read(answer: FloatArray) -> FloatArray:
        if function == "softmax":
            return np.asarray(softmax(answer, axis=1), dtype=np.float64)
        probabilities = np.asarray(expit(answer), dtype=np.float64)
        return _of_both(probabilities) if n_units == 1 else probabilities

    note = f"Explained are probabilities: the {function} of the scores ({unit}) that the network gives."
    return read, wanted.probabilities(names, note=note)


def _as_it_is(answer: FloatArray) -> FloatArray:
    return answer


def _of_both(second: FloatArray) -> FloatArray:
    """Probabilities of two classes from that of the second."""
    return np.concatenate([1.0 - second, second], axis=1)


def _of_sum_one(answer: FloatArray) -> FloatArray:
    """Probabilities in double precision: those of single precision sum only roughly to 1."""
    return np.asarray(answer / answer.sum(axis=1, keepdims=True), dtype=np.float64)


def _activation(layers: list[Any], network: Any) -> str | None:
    """Activation of the layer that gives the output; None where the structure or the layer does not say."""
    outputs = getattr(network, "outputs", None)
    history = getattr(outputs[0], "_keras_history", None) if outputs else None
    last = history.operation if history is not None else None
    if last is None and type(network).__name__ == "Sequential" and layers:
        last = layers[-1]
    if last is None:
        return None
    if getattr(last, "layers", None):
        return _activation(last.layers, last)
    if type(last).__name__ == "Softmax":
        return "softmax"
    name = getattr(getattr(last, "activation", None), "__name__", "linear")
    return name if name in {"sigmoid", "softmax"} else None


def _by_loss(network: Any, answers: FloatArray) -> str | None:
    """What the loss it was trained with, or the answers themselves, say about the outputs."""
    loss = getattr(network, "loss", None)
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", "")) or ""
    trained_for_classes = name.replace("_", "").lower() in _CLASS_LOSSES
    if trained_for_classes and getattr(loss, "from_logits", False):
        return "sigmoid logits" if name.lower().startswith("binary") else "softmax logits"
    inside = bool(answers.min() >= 0 and answers.max() <= 1)
    if trained_for_classes and inside and name.lower().startswith("binary"):
        return "sigmoid"
    sums = np.abs(answers.sum(axis=1) - 1.0)
    return "softmax" if answers.shape[1] > 1 and inside and sums.max() <= _SUM_TOLERANCE else None
