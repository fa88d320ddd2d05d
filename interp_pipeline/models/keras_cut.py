"""Where a Keras network is cut: before the Dense layer in which the features of the table first meet.

Whatever a network does to one feature alone (scaling, a lookup, an embedding, a layer of its own) is computed once a
row, as ``encode`` of any model; masked rows are put together behind it, and the sums of the Dense layer are added up
instead of multiplied out. How layers follow each other is read from the graph that Keras keeps; that what is found
there is the network is held against its answers by ``verify``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from interp_pipeline.explanation import FloatArray

__all__ = ["NetworkCut", "find_cut"]

Owners: TypeAlias = npt.NDArray[np.int64]  # of a tensor's entries: the one feature each depends on; a row's shape

_SHOWN = {"Functional", "Sequential"}  # classes of Keras whose graph is all that they compute
_ENTRY_BY_ENTRY = (
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Discretization",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Normalization",
    "ReLU",
    "Rescaling",
)
_SINGLE = "float32"


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkCut:
    """A network in two parts; the functions take and give TensorFlow's tensors."""

    owners: Owners  # feature of each column of the Dense layer's input, shape (n_columns,)
    weights: FloatArray  # of that layer, shape (n_columns, n_units)
    bias: FloatArray  # shape (n_units,)
    inputs: tuple[Any, ...]  # symbolic tensors of the network's inputs
    before: tuple[Any, ...]  # Keras' nodes in the order of their computing
    dense: Any
    behind: tuple[Any, ...]
    output: Any  # symbolic tensor of the explained output

    def encode(self, *given: Any) -> Any:
        """The Dense layer's input from a tensor per input, shape (n_rows, n_columns)."""
        return _run(self.before, dict(zip(map(id, self.inputs), given, strict=True)), self.dense.input_tensors[0])

    def forward(self, encoded: Any) -> Any:
        """The explained output from that, shape (n_rows, n_units of the last layer)."""
        return _run((self.dense, *self.behind), {id(self.dense.input_tensors[0]): encoded}, self.output)

    def rest(self, sums: Any) -> Any:
        """The same from the Dense layer's sums, before its activation, shape (n_rows, n_units)."""
        answer = self.dense.operation.activation(sums)
        return _run(self.behind, {id(self.dense.outputs[0]): answer}, self.output)


def find_cut(network: Any, output: Any, owners: Sequence[Owners]) -> NetworkCut | str:
    """Cut a network where its features meet.

    Args:
        network: the Keras model, built.
        output: symbolic tensor of the explained output; None where the network does not show any.
        owners: per input, which feature each of its columns is, in the shape of a row.

    Returns:
        The cut; or why there is none, as it follows "the network is asked as a whole, because".
    """
    kind = type(network)
    if kind.__name__ not in _SHOWN or not kind.__module__.startswith("keras.") or output is None:
        return f"{kind.__name__} is a class of its own, which does not show how its layers follow each other"
    if len(network.inputs) != len(owners):
        return "its inputs are divided in another way than it shows"
    nodes = _nodes_behind(output)
    known: dict[int, Owners | None] = dict(zip(map(id, network.inputs), owners, strict=True))  # None: behind the cut
    at: int | None = None
    for i, node in enumerate(nodes):
        given = [known[id(each)] for each in node.input_tensors]
        alone = [each for each in given if each is not None]
        found: Sequence[Owners | None] | None = [None] * len(node.outputs)
        if alone:
            found = _owners(node, alone) if len(alone) == len(given) else None
        if found is None:
            why = _no_cut(node, given) if at is None else _meets_again(nodes[at], node)
            if why:
                return why
            at, found = i, [None]
        known.update(zip(map(id, node.outputs), found, strict=True))
    if at is None:
        return "no layer of it reads several features"
    dense = nodes[at]
    columns = known[id(dense.input_tensors[0])]
    weights = np.asarray(dense.operation.kernel, dtype=np.float64)
    bias = dense.operation.bias
    return NetworkCut(
        owners=columns if columns is not None else np.empty(0, dtype=np.int64),
        weights=weights,
        bias=np.zeros(weights.shape[1]) if bias is None else np.asarray(bias, dtype=np.float64),
        inputs=tuple(network.inputs),
        before=nodes[:at],
        dense=dense,
        behind=nodes[at + 1 :],
        output=output,
    )


def _nodes_behind(output: Any) -> tuple[Any, ...]:
    """The calls of layers that a tensor is computed by, each after those it needs."""
    found: dict[Any, None] = {}
    waiting = [_node_of(output)]
    while waiting:
        needed = [] if waiting[-1].is_input else [_node_of(each) for each in waiting[-1].input_tensors]
        missing = [each for each in needed if each not in found]
        if missing:
            waiting += missing
        else:
            found.setdefault(waiting.pop())
    return tuple(node for node in found if not node.is_input)


def _node_of(tensor: Any) -> Any:
    history = tensor._keras_history  # noqa: SLF001 - no public way to it
    return history.operation._inbound_nodes[history.node_index]  # noqa: SLF001 - likewise


def _run(nodes: Iterable[Any], values: dict[int, Any], wanted: Any) -> Any:
    """Call layers as the network does in inference, each with the tensors that stand for its symbolic ones."""
    import keras

    for node in nodes:
        args, kwargs = node.arguments.fill_in(values)
        answers = keras.tree.flatten(node.operation(*args, **kwargs))
        values.update(zip(map(id, node.outputs), answers, strict=True))
    return values[id(wanted)]


def _owners(node: Any, given: Sequence[Owners]) -> list[Owners | None] | None:
    """Which feature each entry of a layer's outputs depends on; None where some depend on several, or may."""
    import keras

    layer, shapes = node.operation, [tuple(each.shape[1:]) for each in node.outputs]
    if any(length is None for shape in shapes for length in shape):
        return None
    everyone = np.unique(np.concatenate([each.ravel() for each in given]))
    if len(everyone) == 1:
        return [np.full(shape, everyone[0]) for shape in shapes]
    kind, shape, first = type(layer), shapes[0], given[0]
    found: Owners | None = None
    if kind in {getattr(keras.layers, name) for name in _ENTRY_BY_ENTRY}:
        found = first
    elif kind is keras.layers.Concatenate and layer.axis:
        found = np.concatenate(given, axis=layer.axis - 1 if layer.axis > 0 else layer.axis)
    elif kind in {keras.layers.Flatten, keras.layers.Reshape}:
        found = first.reshape(shape)
    elif kind is keras.layers.Embedding:
        found = np.repeat(first[..., np.newaxis], layer.output_dim, axis=-1)
    return [found] if found is not None and found.shape == shape else None


def _no_cut(node: Any, given: Sequence[Owners | None]) -> str:
    """Why the layer in which features meet is none to cut at; empty where it is one."""
    import keras

    layer = node.operation
    if type(layer) is not keras.layers.Dense:
        return f"its features first meet in {layer.name} ({type(layer).__name__}), which is no Dense layer"
    read = node.input_tensors[0]
    if given[0] is None or given[0].ndim != 1 or read.sparse:
        return f"its first Dense layer {layer.name} reads something other than plain columns"
    if {str(read.dtype), str(layer.compute_dtype)} != {_SINGLE} or getattr(layer, "quantization_mode", None):
        return f"its first Dense layer {layer.name} does not compute in {_SINGLE}"
    return ""


def _meets_again(dense: Any, node: Any) -> str:
    return f"its features meet in {dense.operation.name} and, past that, in {node.operation.name}"
