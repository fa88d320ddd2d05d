"""Keras networks over the columns of a table: cut where their features meet, each part one compiled call."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.error_line import error_line
from interp_pipeline.errors import InterpError, ModelError
from interp_pipeline.models.adapted import AdaptedModel, Cut, FirstLayer
from interp_pipeline.models.chosen_output import choose_output
from interp_pipeline.models.keras_cut import find_cut
from interp_pipeline.models.keras_head import read_head
from interp_pipeline.models.keras_inputs import NetworkInputs
from interp_pipeline.models.outputs import as_columns
from interp_pipeline.models.raw_table import RawTable
from interp_pipeline.models.verify import mismatch, require_answers, require_match

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.keras_cut import NetworkCut
    from interp_pipeline.models.outputs import Wanted
    from interp_pipeline.models.tensor_inputs import TensorInput

__all__ = ["adapt_keras"]

_ROWS_PER_PREDICT = 8_192  # Keras' own door, whose every batch costs
_SINGLE = "float32"
_logger = logging.getLogger("interp")
_NOTE = "Effects are those of the table's columns, which the network reads as they are."


def adapt_keras(
    native: Any,
    feature_names: tuple[str, ...],
    rows: pd.DataFrame,
    background: pd.DataFrame,
    wanted: Wanted,
    tensors: Sequence[TensorInput] = (),
) -> AdaptedModel:
    """Adapt a network: Sequential, functional or subclassed, built or not.

    Args:
        native: Keras model. Its inputs together read the columns of a table: one matrix of shape
            (n_rows, n_features), or several vectors and matrices, of texts too.
        feature_names: raw columns, in the order of the network's inputs or called like them.
        rows: rows to explain.
        background: background data.
        wanted: what of the model is to be explained; ``output_names`` name its classes, ``output_name`` chooses
            one of several outputs.
        tensors: inputs that the signature names, for a network that does not show its own.

    Raises:
        ModelError: an input is of another shape, or the table's columns are not of its type.
        UsageError: what is wanted does not fit the network, or one of several outputs has to be chosen.
    """
    table = RawTable(feature_names, rows, background)
    inputs = NetworkInputs.of(native, feature_names, tensors)
    read_inputs = inputs.reader(table)
    compiled = _compiled(lambda *given: native(inputs.pack(given), training=False), inputs.specs)
    everything = read_inputs(np.concatenate([table.to_matrix(rows), table.to_matrix(background)]))
    sample = compiled(everything)
    output = choose_output(native, sample, wanted)
    if output.key is not None:
        wanted = replace(wanted, target=wanted.target or output.name)
    read, outputs = read_head(native, output, _numbers(output.of(sample)), wanted)

    def ask(each: pd.DataFrame) -> FloatArray:
        answer = native.predict(inputs.of_rows(each), batch_size=_ROWS_PER_PREDICT, verbose=0)
        return read(_numbers(output.of(answer)))

    chosen = "" if output.key is None else f"Of the network's outputs, {output.name} is explained."
    whole = Cut(
        outputs=outputs,
        encode=lambda matrix: matrix,
        forward=lambda matrix: read(_numbers(output.of(compiled(read_inputs(matrix))))),
        ask=ask,
        column_groups=tuple((i,) for i in range(len(feature_names))),
        note=" ".join(part for part in (_NOTE, inputs.note(), chosen) if part),
        of_answer=output.of,
    )
    found = find_cut(native, output.tensor_of(native), inputs.owners(feature_names))
    if not isinstance(found, str):
        model = AdaptedModel(table=table, cut=_cut(whole, found, inputs, read_inputs, read))
        require_answers(model, rows, background)
        problem = _problem(model, rows, background)
        if problem is None:
            return model
        found = f"{problem} where it is cut before {found.dense.operation.name}"
    _logger.info("The network is asked as a whole, which takes longer, because %s.", found)
    model = AdaptedModel(table=table, cut=whole)
    require_match(model, rows, background)
    return model


def _cut(
    whole: Cut,
    found: NetworkCut,
    inputs: NetworkInputs,
    read_inputs: Callable[[FloatArray], Sequence[Any]],
    read: Callable[[FloatArray], FloatArray],
) -> Cut:
    """A network taken apart where its features meet: each owns the columns that depend on it alone."""
    encode = _compiled(found.encode, inputs.specs)
    forward, rest = (
        _compiled(part, [((None, width), _SINGLE)])
        for part, width in zip((found.forward, found.rest), found.weights.shape, strict=True)
    )
    owned = [np.flatnonzero(found.owners == feature) for feature in range(len(whole.column_groups))]
    return replace(
        whole,
        encode=lambda matrix: _numbers(encode(read_inputs(matrix))),
        forward=lambda encoded: read(_numbers(forward([encoded]))),
        column_groups=tuple(tuple(columns.tolist()) for columns in owned),
        first_layer=FirstLayer(weights=found.weights, bias=found.bias, rest=lambda sums: read(_numbers(rest([sums])))),
    )


def _problem(model: AdaptedModel, rows: pd.DataFrame, background: pd.DataFrame) -> str | None:
    """Why the parts of a network are not the network, in words; None if they are."""
    try:
        return mismatch(model, rows, background)
    except InterpError:
        raise
    except Exception as error:  # noqa: BLE001 - layers of others may need to be called by their network
        return f"its parts do not answer ({error_line(error)})"


def _numbers(answer: Any) -> FloatArray:
    """One output's answer, a tensor or an array, as doubles of shape (n_rows, n_units)."""
    return as_columns(answer.numpy() if hasattr(answer, "numpy") else answer)


def _compiled(
    function: Callable[..., Any], specs: Sequence[tuple[tuple[int | None, ...], str]]
) -> Callable[[Sequence[Any]], Any]:
    """A network or a part of it as one call, which builds it if it is not: ``predict`` of Keras costs 50 ms a call.

    Args:
        function: of tensors.
        specs: shape and type of each.

    Returns:
        From an array per tensor to the function's answer.

    Raises:
        ModelError: Keras runs on something other than TensorFlow here.
    """
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        msg = f"Keras runs on {keras.backend.backend()} here; set KERAS_BACKEND=tensorflow before it is imported"
        raise ModelError(msg)
    compiled = tf.function(function, input_signature=[tf.TensorSpec(*spec) for spec in specs])
    return lambda arrays: compiled(
        *(tf.constant(array, dtype=dtype) for array, (_, dtype) in zip(arrays, specs, strict=True))
    )
