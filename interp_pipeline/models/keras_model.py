"""Keras networks over the columns of a table: one compiled call for any number of rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.models.adapted import AdaptedModel, Cut
from interp_pipeline.models.chosen_output import choose_output
from interp_pipeline.models.keras_head import read_head
from interp_pipeline.models.keras_inputs import NetworkInputs
from interp_pipeline.models.outputs import as_columns
from interp_pipeline.models.raw_table import RawTable
from interp_pipeline.models.verify import require_match

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.outputs import Wanted
    from interp_pipeline.models.tensor_inputs import TensorInput

__all__ = ["adapt_keras"]

_ROWS_PER_PREDICT = 8_192  # Keras' own door, whose every batch costs
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
    compiled = _compiled(native, inputs)
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
    cut = Cut(
        outputs=outputs,
        encode=lambda matrix: matrix,
        forward=lambda matrix: read(_numbers(output.of(compiled(read_inputs(matrix))))),
        ask=ask,
        column_groups=tuple((i,) for i in range(len(feature_names))),
        note=" ".join(part for part in (_NOTE, inputs.note(), chosen) if part),
        of_answer=output.of,
    )
    model = AdaptedModel(table=table, cut=cut)
    require_match(model, rows, background)
    return model


def _numbers(answer: Any) -> FloatArray:
    """One output's answer, a tensor or an array, as doubles of shape (n_rows, n_units)."""
    return as_columns(answer.numpy() if hasattr(answer, "numpy") else answer)


def _compiled(network: Any, inputs: NetworkInputs) -> Callable[[Sequence[Any]], Any]:
    """The network as one call, which builds it if it is not: ``predict`` of Keras costs 50 ms a call.

    Args:
        network: the Keras model.
        inputs: how it takes a table.

    Returns:
        From an array per input to the network's answer.

    Raises:
        ModelError: Keras runs on something other than TensorFlow here.
    """
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        msg = f"Keras runs on {keras.backend.backend()} here; set KERAS_BACKEND=tensorflow before it is imported"
        raise ModelError(msg)
    shapes = [(None,) if each.is_vector else (None, each.width) for each in inputs.tensors]
    specs = [tf.TensorSpec(shape, each.dtype) for shape, each in zip(shapes, inputs.tensors, strict=True)]

    @tf.function(input_signature=specs)  # type: ignore[untyped-decorator]
    def compiled(*given: Any) -> Any:
        return network(inputs.pack(given), training=False)

    return lambda arrays: compiled(
        *(tf.constant(array, dtype=spec.dtype) for array, spec in zip(arrays, specs, strict=True))
    )
