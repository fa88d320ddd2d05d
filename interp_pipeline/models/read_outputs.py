"""What a callable answers: named numbers, class probabilities, or class labels turned into votes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.models.output_names import as_spelled, refuse_other_order, require_distinct
from interp_pipeline.models.outputs import Outputs, as_columns, class_names
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.outputs import Wanted

__all__ = ["ReadOutputs", "read_labels", "read_outputs"]

_TRUTH_VALUES = (bool, np.bool_)
_LARGEST_EXACT = 2**53  # up to here every whole number has a float of its own
_MOST_CLASSES = 20  # whole numbers with more different values are counts or amounts
_SUM_TOLERANCE = 1e-3  # how far rows of probabilities may be from summing to 1
_VOTES = "share of votes"
_VOTES_NOTE = (
    "The model answers with class labels and no scores: what is explained is, for each class, "
    "whether it is the answer (1) or not (0)."
)
_AMOUNTS_NOTE = "If its numbers are amounts, counts or grades, say so with --task regression."
_WHOLE_NOTE = "The model answers with whole numbers, which are read as amounts: its signature or the outcomes say so."


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadOutputs:
    """How the answers of one model are to be read."""

    outputs: Outputs
    read: Callable[[Any], FloatArray]  # an answer as numbers, shape (n_rows, n_outputs)


def read_outputs(answer: Any, wanted: Wanted) -> ReadOutputs:
    """Decide what a model's answers are, from those for the rows and the background together.

    * Several numeric columns are named outputs; where they lie in [0, 1] and sum to 1, class
      probabilities. Other columns beside them, such as the label chosen, are left out.
    * One column of texts or truth values is class labels; of more than 20 different texts that all read as numbers
      the caller has to say what they are.
    * One column of few different whole numbers is class labels too, unless the caller, the true outcomes or the
      signature say that numbers are predicted.
    * One column of other numbers is a regression, except where two output names are given, or the caller says
      that it is a classification, and the numbers lie in [0, 1]: then it is the probability of the second class.
      Fractions that are whole throughout (0.0, 1.0) are labels where the caller or the outcomes say so.

    Args:
        answer: array, list, DataFrame or Series with one entry per row.
        wanted: what the caller asked for.

    Raises:
        ModelError: the answers are of none of these kinds.
        UsageError: the output or the names asked for do not fit.
    """
    wanted.refuse("margin", "is a function whose margin is not known")
    answer = _without_lists(answer)
    _refuse_complex(answer)
    if isinstance(answer, pd.DataFrame) and answer.shape[1] > 1:
        return _read_table(answer, wanted)
    flat = _flat(answer)
    if flat is None:
        return _read_numbers(as_columns(answer), wanted, None, lambda each: as_columns(_without_lists(each)), "")
    if _are_labels(flat, wanted):
        _require_few(flat, wanted)
        return read_labels(flat, None, wanted)
    flat = _as_numbers(flat)
    names = wanted.output_names
    two_classes = wanted.task == "classification" or (names is not None and len(names) == 2)  # noqa: PLR2004
    if wanted.task != "regression" and two_classes and flat.min() >= 0 and flat.max() <= 1:
        outputs = wanted.probabilities(class_names(None, 2, wanted))
        return ReadOutputs(outputs=outputs, read=lambda each: _both(as_columns(_flat(each))))
    if wanted.task == "classification":
        msg = (
            "task='classification' does not fit: the model answers with fractions beyond 0 and 1, which are neither "
            "labels nor probabilities; leave it out"
        )
        raise UsageError(msg)
    might_be_labels = flat.dtype.kind in "iu" and len(np.unique(flat)) <= _MOST_CLASSES and wanted.task == "auto"
    note = _WHOLE_NOTE if might_be_labels else ""
    return ReadOutputs(outputs=wanted.numbers(1, note=note), read=lambda each: as_columns(_flat(each)))


def read_labels(answer: Any, classes: Any, wanted: Wanted) -> ReadOutputs:
    """Class labels as one vote per class.

    Args:
        answer: labels that occur.
        classes: those it knows, in its order; None where it does not say.
        wanted: ``output_names`` may name them.
    """
    wanted.refuse("margin", "answers with class labels only")
    wanted.refuse("probability", "answers with class labels only")
    own = _different(answer) if classes is None else np.asarray(classes)
    labels = [name_of(label) for label in own.tolist()]
    given = wanted.output_names and tuple(as_spelled(name, labels) for name in wanted.output_names)
    require_distinct(given or ())
    if classes is None and given is not None and set(labels) <= set(given):
        labels = list(given)  # the caller knows classes that none of these rows is in
        names = given
    elif classes is None and given is not None and set(labels) <= {str(i) for i in range(len(given))}:
        labels, names = [str(i) for i in range(len(given))], given
    else:
        names = class_names(own, len(own), wanted)

    def read(each: Any) -> FloatArray:
        found = np.array([name_of(label) for label in np.ravel(np.asarray(each)).tolist()], dtype=object)
        return np.asarray(found[:, np.newaxis] == np.array(labels, dtype=object), dtype=np.float64)

    might_be_amounts = classes is None and wanted.task == "auto" and (own.dtype.kind in "iu" or _read_as_numbers(own))
    note = f"{_VOTES_NOTE} {_AMOUNTS_NOTE}" if might_be_amounts else _VOTES_NOTE
    occurring = _different(answer)
    if len(occurring) == 1:
        note += (
            f" Every explained row and every background row is answered with {name_of(occurring[0])}: an effect of 0 "
            "says that the answer stays so, not that the column is without influence. A model that gives "
            "probabilities shows more."
        )
    return ReadOutputs(outputs=wanted.probabilities(names, _VOTES, note), read=read)


def _different(answer: Any) -> Any:
    """The labels that occur, in their order.

    Raises:
        ModelError: they have none, being of several kinds or of one that is no label.
    """
    try:
        return np.unique(np.asarray(answer))
    except TypeError as error:  # from comparing two of them
        kinds = ", ".join(sorted({type(each).__name__ for each in np.ravel(np.asarray(answer, dtype=object))}))
        msg = f"the model answers with values of the kind {kinds}; numbers are needed, or labels of one kind"
        raise ModelError(msg) from error


def _without_lists(answer: Any) -> Any:
    """A list with an entry per row, as functions and signatures of lists give it, as an array."""
    return np.asarray(answer) if isinstance(answer, list) else answer


def _refuse_complex(answer: Any) -> None:
    """Refuse numbers with an imaginary part, which no output has room for.

    Raises:
        ModelError: there are some.
    """
    kinds = answer.dtypes.tolist() if isinstance(answer, pd.DataFrame) else [np.asarray(answer).dtype]
    if any(getattr(kind, "kind", "") == "c" for kind in kinds):
        msg = "the model answers with complex numbers; let it answer with real ones, such as their size or real part"
        raise ModelError(msg)


def _require_few(labels: Any, wanted: Wanted) -> None:
    """Refuse to take many texts for classes that all read as numbers: nobody has said what they are.

    Raises:
        UsageError: they are such texts, and more than classes usually are.
    """
    different = _different(labels)
    says = wanted.task == "classification" or wanted.output_names is not None
    if len(different) > _MOST_CLASSES and not says and _read_as_numbers(different):
        msg = (
            f"the model answers with {len(different)} different texts that all read as numbers, such as "
            f"{shown(different[0])}; say --task regression if they are numbers, or --task classification if labels"
        )
        raise UsageError(msg)


def _read_as_numbers(labels: Any) -> bool:
    """Whether labels are texts, each of which could be a number."""
    texts = labels.tolist()
    if not all(isinstance(text, str) for text in texts):
        return False
    try:
        return bool(np.isfinite([float(text) for text in texts]).all())
    except ValueError:
        return False


def _read_table(answer: pd.DataFrame, wanted: Wanted) -> ReadOutputs:
    answer = _with_numbers(answer)
    numeric = [
        column
        for column in answer.columns
        if pd.api.types.is_numeric_dtype(answer[column]) and not pd.api.types.is_bool_dtype(answer[column])
    ]
    left_out = [str(column) for column in answer.columns if column not in numeric]
    if not numeric:
        msg = f"the model answers with the columns {', '.join(left_out)}, none of them numbers; return scores"
        raise ModelError(msg)
    note = (
        f"Of the model's answer the columns {', '.join(left_out)} are not numbers and are left out." if left_out else ""
    )

    def read(each: Any) -> FloatArray:
        return as_columns(_with_numbers(each[numeric]).to_numpy(dtype=np.float64))

    return _read_numbers(read(answer), wanted, tuple(str(column) for column in numeric), read, note)


def _read_numbers(
    numbers: FloatArray, wanted: Wanted, own_names: tuple[str, ...] | None, read: Callable[[Any], FloatArray], note: str
) -> ReadOutputs:
    """One or more columns of numbers, with names of their own or none."""
    n_outputs = numbers.shape[1]
    refuse_other_order(wanted.output_names or (), own_names or ())
    sums = np.abs(numbers.sum(axis=1) - 1.0)
    may_be_classes = n_outputs > 1 and wanted.task != "regression"
    if may_be_classes and numbers.min() >= 0 and numbers.max() <= 1 and sums.max() <= _SUM_TOLERANCE:
        names = wanted.output_names or own_names
        classes = class_names(own_names if wanted.output_names is None else None, n_outputs, wanted)
        return ReadOutputs(outputs=wanted.probabilities(names or classes, note=note), read=read)
    outputs = wanted.numbers(n_outputs)
    names = outputs.names if wanted.output_names is not None or own_names is None else own_names
    return ReadOutputs(outputs=Outputs(names=names, unit=outputs.unit, note=note), read=read)


def _flat(answer: Any) -> Any | None:
    """The answer as an array of one dimension; None if it has several columns."""
    array = answer.to_numpy() if isinstance(answer, (pd.DataFrame, pd.Series)) else np.asarray(answer)
    if array.ndim == 2 and array.shape[1] == 1:  # noqa: PLR2004 - a column on its own
        array = array[:, 0]
    return _as_plain(array) if array.ndim == 1 else None


def _as_plain(array: Any) -> Any:
    """Numbers that are held as objects, such as ``Decimal``, as numbers; any other array as it is."""
    if array.dtype != object or not len(array):
        return array
    if not all(isinstance(each, (Real, Decimal)) and not isinstance(each, _TRUTH_VALUES) for each in array):
        return array
    whole = all(isinstance(each, Integral) and abs(int(each)) < _LARGEST_EXACT for each in array)
    return array.astype(np.int64 if whole else np.float64)


def _with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose columns of numbers are held as numbers."""
    return pd.DataFrame(
        {name: _as_plain(table[name].to_numpy()) if table[name].dtype == object else table[name] for name in table},
        index=table.index,
    )


def _are_labels(flat: Any, wanted: Wanted) -> bool:
    if wanted.task == "regression":
        return False
    if flat.dtype.kind in "OUSbT":
        return True
    says_classes = wanted.task == "classification" or wanted.outcomes == "classes"
    if flat.dtype.kind == "f":
        return says_classes and bool((flat == np.floor(flat)).all()) and len(np.unique(flat)) <= _MOST_CLASSES
    if flat.dtype.kind not in "iu":
        return False
    if len(wanted.output_names or ()) > 1 or wanted.task == "classification":
        return True
    return wanted.outcomes != "numbers" and len(np.unique(flat)) <= _MOST_CLASSES


def _as_numbers(flat: Any) -> Any:
    """Answers of a regression; whole numbers stay such.

    Raises:
        UsageError: they are no numbers.
    """
    if flat.dtype.kind in "iuf":
        return flat
    try:
        return flat.astype(np.float64)
    except (TypeError, ValueError) as error:
        answer = shown(flat.tolist()[0])
        msg = f"task='regression' does not fit: the model answers with {answer}, not with numbers; leave it out"
        raise UsageError(msg) from error


def _both(probability: FloatArray) -> FloatArray:
    """Both classes from the probability of the second, shape (n_rows, 2)."""
    return np.concatenate([1.0 - probability, probability], axis=1)
