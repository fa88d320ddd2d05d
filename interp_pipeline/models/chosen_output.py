"""Which of a model's outputs is explained: its only one, or the one that the caller names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.errors import ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.models.outputs import Wanted

__all__ = ["ChosenOutput", "choose_entry", "choose_output"]


@dataclass(frozen=True, kw_only=True)
class ChosenOutput:
    """One output of a model."""

    name: str | None = None  # None: the only one
    key: str | int | None = None  # where it stands in the model's answer; None: it is the answer
    position: int = 0  # among the outputs of a network
    layer: str | None = None  # of a network: the layer that gives it, by whose name a loss may be given

    def of(self, answer: Any) -> Any:
        """This output's part of an answer, as the model gives it or as MLflow's wrapper passes it on."""
        return answer if self.key is None else _entry(answer, self.key)

    def loss_of(self, network: Any) -> Any:
        """The loss it was trained with; None where the network holds none."""
        loss = getattr(network, "loss", None)
        if isinstance(loss, dict):
            return next((loss[name] for name in (self.key, self.layer) if name in loss), None)
        if isinstance(loss, (list, tuple)):
            return loss[self.position] if self.position < len(loss) else None
        return loss

    def tensor_of(self, network: Any) -> Any:
        """The symbolic tensor behind it; None where the network does not show any."""
        flat = getattr(network, "outputs", None)
        return flat[self.position] if flat else None


def choose_output(network: Any, answer: Any, wanted: Wanted) -> ChosenOutput:
    """The output of a network that is to be explained.

    Args:
        network: the Keras model.
        answer: what it gives for some rows: an array, or a dictionary or list of them.
        wanted: may name the output: by its key in the dictionary, or by the layer that gives it.

    Raises:
        UsageError: there are several and none was named, or one that does not exist was.
        ModelError: outputs lie within outputs.
    """
    layers = _layer_names(network)
    if isinstance(answer, dict):
        keys: list[Any] = sorted(answer)  # the order in which Keras flattens dictionaries
    elif isinstance(answer, (list, tuple)):
        keys = list(range(len(answer)))
    else:
        if wanted.output_name not in {None, *layers}:
            wanted.refuse_output_name()
        return ChosenOutput()
    if any(isinstance(answer[key], (dict, list, tuple)) for key in keys):
        msg = "the network answers with outputs within outputs; register a model whose outputs stand side by side"
        raise ModelError(msg)
    known = layers if len(layers) == len(keys) else (None,) * len(keys)
    found = [
        ChosenOutput(
            name=key if isinstance(key, str) else layer or f"output {key}", key=key, position=position, layer=layer
        )
        for position, (key, layer) in enumerate(zip(keys, known, strict=True))
    ]
    return _chosen(found, wanted)


def choose_entry(answer: Any, wanted: Wanted) -> ChosenOutput:
    """The output of a function that is to be explained: an entry of a dictionary, or a column of a table.

    Of a table all columns are explained together where none is named.

    Raises:
        UsageError: there are several and none was named, or one that does not exist was.
    """
    if isinstance(answer, dict):
        return _chosen([ChosenOutput(name=str(key), key=key) for key in answer], wanted)
    if wanted.output_name is None:
        return ChosenOutput()
    if not isinstance(answer, pd.DataFrame):
        wanted.refuse_output_name()
    return _chosen([ChosenOutput(name=str(column), key=column) for column in answer.columns], wanted)


def _chosen(found: Sequence[ChosenOutput], wanted: Wanted) -> ChosenOutput:
    if len(found) == 1 and wanted.output_name is None:
        return found[0]
    for each in found:
        if wanted.output_name is not None and wanted.output_name in {each.name, each.layer}:
            return each
    names = ", ".join(str(each.name) for each in found)
    asked = "" if wanted.output_name is None else f", none of them called {wanted.output_name!r}"
    msg = f"the model has {len(found)} outputs ({names}){asked}; choose one with --output-name {found[0].name}"
    raise UsageError(msg)


def _layer_names(network: Any) -> tuple[str, ...]:
    """The layers that give a network's outputs; empty where it does not show them."""
    flat = getattr(network, "outputs", None) or ()
    return tuple(str(tensor._keras_history.operation.name) for tensor in flat)  # noqa: SLF001 - no public way to it


def _entry(answer: Any, key: Any) -> Any:
    if isinstance(answer, np.ndarray) and answer.ndim == 0:
        answer = answer.item()  # MLflow's Keras wrapper makes an array of whatever the network answers
    return answer[key]
