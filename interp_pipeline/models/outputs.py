"""What a model's outputs are called, and in which unit they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explanation import CLASS_SCORES, PROBABILITY
from interp_pipeline.models.output_names import as_spelled, refuse_other_order, require_distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.data.outcomes import OutcomeKind
    from interp_pipeline.explanation import FloatArray

__all__ = [
    "LABEL_LOG_ODDS",
    "LABEL_PROBABILITY",
    "MARGIN",
    "ONE_CLASS",
    "Output",
    "Outputs",
    "TaskChoice",
    "Wanted",
    "as_columns",
    "class_names",
    "one_class_note",
    "several_labels",
]

Output: TypeAlias = Literal["auto", "probability", "margin"]
TaskChoice: TypeAlias = Literal["auto", "regression", "classification"]

MARGIN = "margin"  # unit of raw scores of which nothing more is known
LABEL_PROBABILITY = "probability of the label"  # of labels of which a row may have several, or none
LABEL_LOG_ODDS = "log-odds of the label"

_LABELS_NOTE = (
    "The outputs are labels that do not exclude each other: a row may have several of them, or none. Each is explained "
    "by itself."
)

ONE_CLASS = "was trained on rows of one class, and has no score against another"

_TWO = 2  # classes of a binary classifier
_NUMBER = re.compile(r"-?[0-9]+")  # labels that stand for names given elsewhere, and so do truth values
_TRUTH_VALUES = {"False", "True"}


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Names and unit of the outputs."""

    names: tuple[str, ...]
    unit: str
    positive_class: str | None = None
    sign: float = 1.0  # -1 where the library's margin speaks for the other class than ours
    note: str = ""  # what a reader has to know about the outputs
    exclude_each_other: bool = True  # probabilities of classes sum to 1; False: each was set against the rest alone


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the caller asked for."""

    output: Output = "auto"
    output_names: tuple[str, ...] | None = None
    positive_class: str | None = None
    target: str | None = None
    output_name: str | None = None  # which of several outputs is explained
    task: TaskChoice = "auto"  # as which the caller knows the model
    outcomes: OutcomeKind = "unknown"  # what its signature or the true outcomes say, where the caller does not

    def __post_init__(self) -> None:
        """Refuse names nothing can be told apart by.

        Raises:
            UsageError: a name was given twice.
        """
        require_distinct(self.output_names or ())

    def probabilities(self, classes: tuple[str, ...], unit: str = PROBABILITY, note: str = "") -> Outputs:
        """One output per class.

        Raises:
            UsageError: the caller knows the model as a regression.
        """
        self._refuse_task("regression", "is a classifier")
        return Outputs(names=classes, unit=unit, positive_class=self._positive(classes), note=note)

    def margins(self, classes: tuple[str, ...], n_margins: int, unit: str, *, of_pairs: bool = False) -> Outputs:
        """Scores of a classifier: one of two classes against the other, one per class, or one per pair.

        Args:
            classes: class names in the library's order.
            n_margins: how many scores it gives.
            unit: what one unit is.
            of_pairs: more than two classes are scored pair by pair; of three, there are three pairs too.

        Raises:
            ModelError: the scores are of none of these kinds.
            UsageError: the caller knows the model as a regression.
        """
        self._refuse_task("regression", "is a classifier")
        positive = self._positive(classes)
        if n_margins == 1 and len(classes) == _TWO and positive is not None:
            sign = 1.0 if positive == classes[1] else -1.0
            return Outputs(names=(positive,), unit=unit, positive_class=positive, sign=sign)
        if n_margins == len(classes) and not of_pairs:
            return Outputs(names=classes, unit=unit, positive_class=positive)
        pairs = [f"{a} against {b}" for i, a in enumerate(classes) for b in classes[i + 1 :]]
        if n_margins == len(pairs):
            return Outputs(names=tuple(pairs), unit=unit)
        msg = f"the model gives {n_margins} scores for {len(classes)} classes, which cannot be named"
        raise ModelError(msg)

    def labels(self, n_labels: int, unit: str) -> Outputs:
        """Outputs of labels that do not exclude each other: a row may have several of them, or none.

        Args:
            n_labels: how many there are.
            unit: what one unit of each is.

        Raises:
            UsageError: other names were given, or one of two classes is to be the positive one.
        """
        names = self.output_names or tuple(f"label {i}" for i in range(n_labels))
        _require_count(names, n_labels, "labels")
        if self.positive_class is not None:
            msg = (
                f"positive class {self.positive_class!r} does not fit: the model's {n_labels} outputs are labels that "
                "a row may have together, not classes of which it has one; leave it out"
            )
            raise UsageError(msg)
        return Outputs(names=names, unit=unit, note=_LABELS_NOTE)

    def numbers(self, n_outputs: int, unit: str | None = None, note: str = "") -> Outputs:
        """Outputs of a regression.

        Args:
            n_outputs: how many numbers the model predicts per row.
            unit: where it is not the target's own.
            note: what a reader has to know about them.

        Raises:
            UsageError: other names were given, or classes or probabilities are wanted.
        """
        self._refuse_task("classification", "predicts numbers, not classes")
        self.refuse("probability", "predicts numbers, not classes")
        if self.output_names is not None:
            names = self.output_names
            _require_count(names, n_outputs, "outputs")
        elif n_outputs == 1:
            names = (self.target or "prediction",)
        else:
            names = tuple(f"target {i}" for i in range(n_outputs))
        own = self.target or (names[0] if n_outputs == 1 else "prediction")
        if own in {PROBABILITY, *CLASS_SCORES}:  # a target that is called like a unit of classifiers is none
            own = f"{own} (a number)"
        return Outputs(names=names, unit=unit or own, note=note)

    def refuse(self, output: Output, why: str) -> None:
        """Say that an output cannot be had, if it is the one asked for.

        Raises:
            UsageError: it is.
        """
        if self.output == output:
            msg = f"output={output!r} cannot be explained: the model {why}; use output='auto'"
            raise UsageError(msg)

    def refuse_output_name(self) -> None:
        """Say that no output can be chosen by name, if one was.

        Raises:
            UsageError: one was.
        """
        if self.output_name is not None:
            msg = f"output_name={self.output_name!r}: the model has no outputs to choose from by name; leave it out"
            raise UsageError(msg)

    def _refuse_task(self, task: TaskChoice, why: str) -> None:
        if self.task == task:
            msg = f"task={task!r} does not fit: the model {why}; leave it out"
            raise UsageError(msg)

    def _positive(self, classes: tuple[str, ...]) -> str | None:
        positive = None if self.positive_class is None else as_spelled(self.positive_class, classes)
        if positive is not None and (len(classes) != _TWO or positive not in classes):
            msg = (
                f"positive class {self.positive_class!r} does not fit the model's classes {', '.join(classes)}; "
                "name one of two classes, or leave it out"
            )
            raise UsageError(msg)
        return (positive or classes[1]) if len(classes) == _TWO else None


def class_names(classes: Any | None, n_classes: int, wanted: Wanted) -> tuple[str, ...]:
    """Names of the classes, in the library's order.

    Args:
        classes: the library's own class labels; None where it has none but numbers them.
        n_classes: how many there are.
        wanted: ``output_names`` name classes that are numbers or truth values, in the library's order; where
            the model has names they only have to agree.

    Raises:
        UsageError: the names given are not as many as the classes, contradict the model's, or are the
            model's own in another order.
        ModelError: two classes have the same name.
    """
    given = wanted.output_names
    own = None if classes is None else tuple(name_of(label) for label in np.asarray(classes).tolist())
    if given is not None:
        _require_count(given, n_classes, "classes")
    if own is not None and len(set(own)) < len(own):
        msg = f"two classes of the model have the same name: {', '.join(own)}"
        raise ModelError(msg)
    if own is None:
        return given or tuple(f"class {i}" for i in range(n_classes))
    if given is None:
        return own
    spelled = tuple(as_spelled(name, own) for name in given)
    require_distinct(spelled)
    refuse_other_order(spelled, own)
    if spelled == own:
        return own
    if all(_NUMBER.fullmatch(name) for name in own) or set(own) <= _TRUTH_VALUES:
        return given
    msg = f"the classes were given as {', '.join(given)}, and the model knows {', '.join(own)}; leave the names out"
    raise UsageError(msg)


def one_class_note(names: tuple[str, ...]) -> str:
    """What a reader has to know of a model that was trained on one class alone."""
    return f"The model was trained on rows of one class, {names[0]}, which is its answer whatever the row holds."


def several_labels(kind: str) -> ModelError:
    """What is said of a classifier that gives each row several labels, each of which is a question of its own.

    Args:
        kind: what the model is called.
    """
    return ModelError(f"{kind} predicts several labels at once; register one model per label")


def _require_count(names: Sequence[str], count: int, what: str) -> None:
    if len(names) != count:
        msg = f"{len(names)} names were given ({', '.join(names)}) for {count} {what}; give one each"
        raise UsageError(msg)


def as_columns(answer: Any) -> FloatArray:
    """A library's answer as doubles of shape (n_rows, n_outputs).

    Raises:
        ModelError: it has another shape.
    """
    if isinstance(answer, list):
        msg = "the model predicts classes of several targets at once; register one model per target"
        raise ModelError(msg)
    given = np.asarray(answer)
    if given.dtype.kind == "c":  # of which numpy would keep the real part
        msg = "the model answers with complex numbers; let it answer with real ones, such as their size or real part"
        raise ModelError(msg)
    array = given.astype(np.float64, copy=False)
    if array.ndim == 1:
        return array.reshape(-1, 1)
    if array.ndim != 2:  # noqa: PLR2004 - rows and outputs
        msg = f"the model answers with an array of {array.ndim} dimensions; each row needs one number, or one an output"
        raise ModelError(msg)
    return array
