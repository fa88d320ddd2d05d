"""What the answers of a network are: probabilities, scores of classes, or numbers; by its last layer and its loss."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from interp_pipeline.explanation import LOG_ODDS, SOFTMAX_SCORE
from interp_pipeline.models.outputs import LABEL_LOG_ODDS, LABEL_PROBABILITY, class_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.chosen_output import ChosenOutput
    from interp_pipeline.models.outputs import Outputs, Wanted

__all__ = ["read_head"]

_SUM_TOLERANCE = 1e-3  # how far rows of a softmax in low precision may be from summing to 1
_SQUASHED = "Probabilities are explained: the {function} of the scores ({unit}) that the network gives."
_LOGITS = {"sigmoid logits": LOG_ODDS, "softmax logits": SOFTMAX_SCORE}

# By the names of Keras' functions and classes, in small letters and without underscores.
_OF_PROBABILITIES = {
    "binarycrossentropy",
    "binaryfocalcrossentropy",
    "categoricalcrossentropy",
    "categoricalfocalcrossentropy",
    "sparsecategoricalcrossentropy",
}
_OF_CLASSES = _OF_PROBABILITIES | {
    "categoricalgeneralizedcrossentropy",
    "kldivergence",
    "hinge",
    "squaredhinge",
    "categoricalhinge",
    "dice",
    "tversky",
}
_OF_NUMBERS = {
    "meansquarederror",
    "meanabsoluteerror",
    "meanabsolutepercentageerror",
    "meansquaredlogarithmicerror",
    "huber",
    "logcosh",
    "poisson",
    "cosinesimilarity",
}

_Loss: TypeAlias = Literal["classes", "numbers", "none", "unknown"]
_Read: TypeAlias = "Callable[[FloatArray], FloatArray]"


def read_head(network: Any, output: ChosenOutput, answers: FloatArray, wanted: Wanted) -> tuple[_Read, Outputs]:
    """What an output is, and how the network's answer becomes it.

    A sigmoid or softmax gives probabilities, except where the network was trained with a loss of regressions: such
    a layer also keeps a number between 0 and 1. Squared error on the labels 0 and 1 is a loss of probabilities too
    (Brier's score), which the caller or the true outcomes say, if anything does.

    Args:
        network: the Keras model.
        output: which of its outputs.
        answers: that output for some rows, shape (n_rows, n_units).
        wanted: what the caller asked for.

    Returns:
        From an answer of that shape to the explained outputs, and their names.

    Raises:
        UsageError: what is wanted does not fit the network.
    """
    loss = output.loss_of(network)
    activation = _activation(output.tensor_of(network), network) or _by_loss(loss, answers)
    n_units = answers.shape[1]
    if wanted.task == "regression":
        activation = None
    if activation in _LOGITS:
        return _head_of_logits(activation, n_units, wanted)
    if activation == "sigmoid" or (activation == "softmax" and n_units > 1):
        is_number, note = _is_number(activation, _kind_of_loss(loss), _name_of(loss), wanted)
        if not is_number:
            wanted.refuse("margin", "gives probabilities")
            if activation == "sigmoid" and n_units > 1:
                return _as_it_is, _noted(wanted.labels(n_units, LABEL_PROBABILITY), note)
            read = _of_sum_one if activation == "softmax" else _of_both
            return read, wanted.probabilities(class_names(None, max(n_units, 2), wanted), note=note)
        wanted.refuse("margin", "is a regression, which has no margin")
        wanted.refuse(
            "probability",
            f"was trained with the loss {_name_of(loss)}, as regressions are; say task='classification' if its "
            f"{activation} gives probabilities",
        )
        return _as_it_is, wanted.numbers(n_units, note=note)
    wanted.refuse("margin", "is a regression, which has no margin")
    wanted.refuse(
        "probability",
        "gives plain numbers: its last layer is linear, and no loss with from_logits=True was saved with it that "
        "would make them scores of classes (compile it with one, or end it with a softmax or sigmoid)",
    )
    return _as_it_is, wanted.numbers(n_units)


def _noted(outputs: Outputs, note: str) -> Outputs:
    return replace(outputs, note=" ".join(part for part in (outputs.note, note) if part))


def _is_number(activation: str, kind: _Loss, loss: str, wanted: Wanted) -> tuple[bool, str]:
    """Whether a sigmoid or softmax gives numbers of a regression, and what a reader has to know about that."""
    if wanted.task == "classification" or kind == "classes":
        return False, ""
    if kind == "numbers":
        if wanted.outcomes == "classes":
            return False, ""
        return True, (
            f"The network ends in a {activation} and was trained with the loss {loss}, as regressions are: its answers "
            "are read as numbers. If they are probabilities of classes, say so with --task classification."
        )
    if wanted.outcomes == "numbers":
        return True, f"The network ends in a {activation}, and the true outcomes are numbers: so are its answers."
    why = "holds no loss (it was saved without being compiled)"
    if kind == "unknown":
        why = f"was trained with a loss that is not known here ({loss})"
    return False, (
        f"The network {why}, so its {activation} is read as giving probabilities of classes. If it is a regression "
        "on numbers between 0 and 1, say so with --task regression."
    )


def _head_of_logits(activation: str, n_units: int, wanted: Wanted) -> tuple[_Read, Outputs]:
    """Of a network that gives the input of a sigmoid or softmax: that itself or, where asked for, the probabilities."""
    from scipy.special import softmax

    function = activation.removesuffix(" logits")
    if function == "sigmoid" and n_units > 1:
        if wanted.output != "probability":
            return _as_it_is, wanted.labels(n_units, LABEL_LOG_ODDS)
        outputs = wanted.labels(n_units, LABEL_PROBABILITY)
        return _expit, _noted(outputs, _SQUASHED.format(function=function, unit=LABEL_LOG_ODDS))
    unit = _LOGITS[activation]
    names = class_names(None, max(n_units, 2), wanted)
    if wanted.output != "probability":
        outputs = wanted.margins(names, n_units, unit)
        return lambda answer: outputs.sign * answer, outputs
    if function == "softmax" and n_units == 1:
        wanted.refuse("probability", "gives a single score to a loss that wants one per class")

    def read(answer: FloatArray) -> FloatArray:
        if function == "softmax":
            return np.asarray(softmax(answer, axis=1), dtype=np.float64)
        return _of_both(_expit(answer))

    return read, wanted.probabilities(names, note=_SQUASHED.format(function=function, unit=unit))


def _as_it_is(answer: FloatArray) -> FloatArray:
    return answer


def _expit(answer: FloatArray) -> FloatArray:
    from scipy.special import expit

    return np.asarray(expit(answer), dtype=np.float64)


def _of_both(second: FloatArray) -> FloatArray:
    """Probabilities of two classes from that of the second."""
    return np.concatenate([1.0 - second, second], axis=1)


def _of_sum_one(answer: FloatArray) -> FloatArray:
    """Probabilities in double precision: those of single precision sum only roughly to 1."""
    return np.asarray(answer / answer.sum(axis=1, keepdims=True), dtype=np.float64)


def _activation(tensor: Any, network: Any) -> str | None:
    """Activation of the layer that gives an output; None where the structure or the layer does not say.

    Args:
        tensor: the output, symbolic; None where not known.
        network: the network it is of.
    """
    history = getattr(tensor, "_keras_history", None)
    layers = getattr(network, "layers", None)
    last = history.operation if history is not None else None
    if last is None and type(network).__name__ == "Sequential" and layers:
        last = layers[-1]
    if last is None:
        return None
    if getattr(last, "layers", None):
        inner = getattr(last, "outputs", None)
        return _activation(inner[history.tensor_index if history is not None else 0] if inner else None, last)
    if type(last).__name__ == "Softmax":
        return "softmax"
    name = getattr(getattr(last, "activation", None), "__name__", "linear")
    return name if name in {"sigmoid", "softmax"} else None


def _by_loss(loss: Any, answers: FloatArray) -> str | None:
    """What the loss it was trained with, or the answers themselves, say about an output."""
    names = _names_of(loss)
    trained_for_classes = bool(names & _OF_PROBABILITIES)
    is_binary = any(name.startswith("binary") for name in names)
    if trained_for_classes and getattr(loss, "from_logits", False):
        return "sigmoid logits" if is_binary else "softmax logits"
    inside = bool(answers.min() >= 0 and answers.max() <= 1)
    if trained_for_classes and inside and is_binary:
        return "sigmoid"
    sums = np.abs(answers.sum(axis=1) - 1.0)
    return "softmax" if answers.shape[1] > 1 and inside and sums.max() <= _SUM_TOLERANCE else None


def _kind_of_loss(loss: Any) -> _Loss:
    """What a loss is for."""
    if loss is None:
        return "none"
    names = _names_of(loss)
    return "classes" if names & _OF_CLASSES else "numbers" if names & _OF_NUMBERS else "unknown"


def _names_of(loss: Any) -> set[str]:
    """A loss under its own name and those of the classes it extends, spelled alike: "mse" is MeanSquaredError."""
    import keras

    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:  # of a custom loss that is not registered here
            return {loss}
    names = [getattr(loss, "__name__", "")] if callable(loss) else []
    names += [kind.__name__ for kind in type(loss).__mro__]
    return {name.replace("_", "").lower() for name in names}


def _name_of(loss: Any) -> str:
    """What a loss is called in sentences."""
    return loss if isinstance(loss, str) else getattr(loss, "__name__", None) or type(loss).__name__
