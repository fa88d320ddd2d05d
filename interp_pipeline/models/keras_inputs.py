"""How a network takes a table: as one matrix, or divided between the inputs it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.models.tensor_inputs import TEXT, TensorInput, assign_columns, to_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt
    import pandas as pd

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.raw_table import RawTable

__all__ = ["NetworkInputs", "named_inputs"]

_MATRIX = 2  # axes: rows and columns


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkInputs:
    """The inputs of a network, each with the columns of the table it takes."""

    tensors: tuple[TensorInput, ...]
    columns: tuple[tuple[str, ...], ...]  # per input
    pack: Callable[[Sequence[Any]], Any]  # one thing per input, in the structure in which the network takes them

    @classmethod
    def of(cls, network: Any, feature_names: tuple[str, ...], tensors: Sequence[TensorInput] = ()) -> NetworkInputs:
        """Divide the features between a network's inputs.

        Args:
            network: the Keras model.
            feature_names: columns of the table; a network of one input takes all of them, in this order.
            tensors: what its signature names, for a network that does not show its inputs.

        Raises:
            ModelError: an input has another shape than that of a table.
            UsageError: the columns do not fit the inputs.
        """
        found = named_inputs(network, tensors)
        if found:
            return cls(
                tensors=found,
                columns=assign_columns(found, feature_names),
                pack=_packer(network, [each.name for each in found]),
            )
        dtype = _dtype_of_only(network, len(feature_names))
        only = TensorInput(name="input", width=len(feature_names), dtype=dtype)
        return cls(tensors=(only,), columns=(feature_names,), pack=lambda given: given[0])

    @property
    def specs(self) -> list[tuple[tuple[int | None, ...], str]]:
        """Shape and type of each, as TensorFlow says them."""
        return [((None,) if each.is_vector else (None, each.width), each.dtype) for each in self.tensors]

    def owners(self, feature_names: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        """Per input, the positions of the features that its columns are, in the shape of a row."""
        places = [np.array([feature_names.index(name) for name in columns]) for columns in self.columns]
        return [at[0] if each.is_vector else at for each, at in zip(self.tensors, places, strict=True)]

    @property
    def has_texts(self) -> bool:
        """Whether one of them takes texts, which Keras takes as tensors alone."""
        return any(each.dtype == TEXT for each in self.tensors)

    def of_rows(self, rows: pd.DataFrame) -> Any:
        """Raw rows as the network's ``predict`` takes them."""
        arrays = [to_array(rows[list(columns)], each) for each, columns in zip(self.tensors, self.columns, strict=True)]
        if self.has_texts:
            import tensorflow as tf

            return self.pack([tf.constant(array) for array in arrays])
        return self.pack(arrays)

    def reader(self, table: RawTable) -> Callable[[FloatArray], list[Any]]:
        """From the table's matrix to an array per input; numbers as they are where every input takes fractions."""
        position = {name: i for i, name in enumerate(table.feature_names)}
        if all(each.is_fraction for each in self.tensors) and all(map(table.is_number, table.feature_names)):
            places = [[position[name] for name in columns] for columns in self.columns]
            shaped = list(zip(self.tensors, places, strict=True))
            return lambda matrix: [matrix[:, at[0] if each.is_vector else at].astype(each.dtype) for each, at in shaped]

        def read(matrix: FloatArray) -> list[Any]:
            rows = table.to_frame(matrix)
            pairs = zip(self.tensors, self.columns, strict=True)
            return [to_array(rows[list(columns)], each) for each, columns in pairs]

        return read

    def note(self) -> str:
        """Which columns go where, as a reader has to know it where names do not say it."""
        told = [
            f"{each.name} takes {', '.join(columns)}"
            for each, columns in zip(self.tensors, self.columns, strict=True)
            if columns != (each.name,) and len(self.tensors) > 1
        ]
        return f"Of the network's inputs, {'; '.join(told)}: the table's columns in their order." if told else ""


def named_inputs(network: Any, tensors: Sequence[TensorInput] = ()) -> tuple[TensorInput, ...]:
    """A network's inputs, where a table has to be divided between them; empty where it takes the table as it is.

    Args:
        network: the Keras model.
        tensors: what its signature names, for a network that does not show its inputs.

    Raises:
        ModelError: an input has another shape than that of columns.
    """
    shown = _shown(network)
    if shown is None:
        return tuple(tensors)
    flat: list[Any] = list(network.inputs)
    if len(flat) == 1 and not isinstance(shown, dict) and str(flat[0].dtype) != TEXT:
        return ()
    names = _names(shown, flat)
    return tuple(_described(tensor, name) for tensor, name in zip(flat, names, strict=True))


def _shown(network: Any) -> Any:
    """The structure of a network's inputs; None where it does not know them."""
    if not getattr(network, "inputs", None):
        return None
    return getattr(network, "input", None)


def _names(shown: Any, flat: Iterable[Any]) -> list[str]:
    """What each input is called: its key in a dictionary, else its own name."""
    if isinstance(shown, dict) and len(shown) == len(list(flat)):
        return sorted(map(str, shown))  # the order in which Keras flattens dictionaries
    return [str(tensor.name) for tensor in flat]


def _described(tensor: Any, name: str) -> TensorInput:
    shape: list[int | None] = list(tensor.shape)
    if len(shape) > _MATRIX or shape[1:] == [None]:
        msg = (
            f"the network's input {name!r} reads rows of shape {tuple(shape[1:])}; only inputs of a known "
            "number of plain columns can be explained"
        )
        raise ModelError(msg)
    width = shape[1] if len(shape) == _MATRIX else None
    return TensorInput(name=name, width=width or 1, dtype=str(tensor.dtype), is_vector=len(shape) == 1)


def _packer(network: Any, names: list[str]) -> Callable[[Sequence[Any]], Any]:
    """How inputs are put together for the network."""
    import keras

    shown = _shown(network)
    if shown is None:
        return lambda given: dict(zip(names, given, strict=True))
    return lambda given: keras.tree.pack_sequence_as(shown, list(given))


def _dtype_of_only(network: Any, n_features: int) -> str:
    """Type of the network's only input.

    Raises:
        ModelError: it is of another shape than the table.
    """
    inputs = getattr(network, "inputs", None)  # a subclassed network may not know them
    if not inputs:
        return str(getattr(network, "compute_dtype", "float32"))
    shape = tuple(inputs[0].shape)
    if len(shape) != _MATRIX:
        msg = f"the network reads rows of shape {shape[1:]}; only rows of plain columns can be explained"
        raise ModelError(msg)
    if shape[1] not in {None, n_features}:
        msg = f"the network reads {shape[1]} columns and {n_features} are there; give the columns it was trained on"
        raise ModelError(msg)
    return str(inputs[0].dtype)
