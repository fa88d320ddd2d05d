"""What is predicted: classes or a number, which classes, and which of two is the positive one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from interp_pipeline.data.column_kind import column_kind
from interp_pipeline.data.typed_rows import TypedRows, is_missing, named_codes
from interp_pipeline.errors import DataError, UsageError
from interp_pipeline.plain_text import shown
from interp_pipeline.readable import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pandas as pd

    from interp_pipeline.config import Task, TrainConfig
    from interp_pipeline.data.schema import Schema

__all__ = ["MAX_CLASSES", "MAX_CLASS_NUMBERS", "POSITIVE_WORDS", "TargetRule", "encode_target", "infer_target"]

MAX_CLASSES = 100  # more distinct values than this are an identifier rather than classes
MAX_CLASS_NUMBERS = 20  # up to as many distinct whole numbers are read as classes
MIN_ROWS_PER_CLASS = 2  # one for the training split, one for the test split

# the word on the right is positive only against the one on its left: of the codes 1 and 2 neither is
POSITIVE_WORDS: tuple[tuple[str, str], ...] = (
    ("0", "1"),
    ("-1", "1"),
    ("false", "true"),
    ("f", "t"),
    ("no", "yes"),
    ("n", "y"),
    ("negative", "positive"),
    ("neg", "pos"),
)


class TargetRule(NamedTuple):
    """How the target is read."""

    task: Task
    classes: tuple[str, ...]  # sorted, numbers by size; empty for a regression
    positive_class: str | None  # of a binary classification
    reason: str  # why the task and the positive class are what they are, in words


def infer_target(column: pd.Series[Any], config: TrainConfig) -> TargetRule:
    """Decide how the target is read, by the first rule that fits.

    The task: the caller's; else numbers with fractions, or more than 20 distinct numbers, make a
    regression; all else is a classification, binary where there are two classes.

    The positive class: the caller's; else the affirming one of a pair in ``POSITIVE_WORDS``; else
    the rarer of the two, since what is predicted is mostly the unusual event (a bad credit, a
    fraud); else, where both are equally frequent, the last in sort order.

    Args:
        column: the target, shape (n_rows,); missing values are passed over.
        config: ``task`` and ``positive_class`` where the caller chose them.

    Raises:
        DataError: no value, one class only, too many classes, a class with a single row, infinite
            numbers, or a kind of value that is no target.
        UsageError: the caller's task or positive class does not fit the values.
    """
    name = shown(column.name)
    present = column[~is_missing(column)]
    if present.empty:
        msg = f"target column {name}: all {len(column)} values are missing; name another column as target"
        raise DataError(msg)
    kind = column_kind(present)
    if kind in {"date", "unreadable"}:
        msg = f"target column {name} holds {'dates' if kind == 'date' else 'no single values'}; use classes or numbers"
        raise DataError(msg)
    codes, names = named_codes(present)
    task, reason = _infer_task(present, kind == "numeric", len(names), config)
    if task == "regression":
        _check_regression(present, config)
        return TargetRule(task, (), None, reason)
    order = sorted(range(len(names)), key=(lambda i: float(names[i])) if kind == "numeric" else names.__getitem__)
    classes = tuple(names[i] for i in order)
    counts = np.bincount(codes, minlength=len(names))[order]
    _check_classes(name, classes, counts, kind == "numeric")
    if task == "multiclass":
        if config.positive_class:
            msg = f"positive class {shown(config.positive_class)} given, but {name} has {len(classes)} classes, not two"
            raise UsageError(msg)
        return TargetRule(task, classes, None, reason)
    positive, why = _positive_class(name, classes, counts, config.positive_class)
    return TargetRule(task, classes, positive, f"{reason} {why}")


def encode_target(column: pd.Series[Any], schema: Schema) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
    """The target as numbers.

    Returns:
        Shape (n_rows,): int64 positions in ``schema.classes``, or float64 values of a regression.

    Raises:
        DataError: a value is missing, is none of the classes or is no number.
    """
    gaps = np.flatnonzero(is_missing(column))
    if len(gaps):
        msg = f"target column {shown(schema.target)}, row {column.index[gaps[0]]}: missing; leave such rows out"
        raise DataError(msg)
    if schema.task == "regression":
        try:
            rule = TypedRows([{"name": schema.target, "kind": "numeric"}])
            return rule.to_matrix(column.to_frame(schema.target))[:, 0]
        except ValueError as error:
            msg = f"target {error}"
            raise DataError(msg) from error
    codes, names = named_codes(column)
    code_of = {name: code for code, name in enumerate(schema.classes)}
    lookup = np.array([code_of.get(name, -1) for name in names], dtype=np.int64)
    encoded = lookup[codes]
    unknown = np.flatnonzero(encoded < 0)
    if len(unknown):
        row = unknown[0]
        msg = (
            f"target column {shown(schema.target)}, row {column.index[row]}: {shown(names[codes[row]])} "
            f"is none of the classes {_listed(schema.classes)}"
        )
        raise DataError(msg)
    return encoded


def _infer_task(present: pd.Series[Any], numeric: bool, n_values: int, config: TrainConfig) -> tuple[Task, str]:  # noqa: FBT001 - a fact about the column, not a switch
    name = shown(present.name)
    if config.task is not None:
        if config.task == "binary" and n_values != 2:  # noqa: PLR2004 - binary
            msg = f"task binary was asked for, but target column {name} has {n_values} distinct values"
            raise UsageError(msg)
        return config.task, f"Target {name} is read as {_IN_WORDS[config.task]}, as asked for."
    if numeric:
        numbers = present.to_numpy(dtype=np.float64)
        whole = bool(np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all())
        if not whole:
            return "regression", f"Target {name} holds numbers with fractions: a regression."
        if n_values > MAX_CLASS_NUMBERS:
            return "regression", f"Target {name} holds {n_values} distinct numbers: a regression."
    task: Task = "binary" if n_values == 2 else "multiclass"  # noqa: PLR2004 - binary
    values = "whole numbers" if numeric else "values"
    return task, f"Target {name} holds {n_values} distinct {values}: {_IN_WORDS[task]}."


_IN_WORDS: dict[Task, str] = {
    "binary": "a binary classification",
    "multiclass": "a classification with several classes",
    "regression": "a regression",
}


def _check_regression(present: pd.Series[Any], config: TrainConfig) -> None:
    name = shown(present.name)
    if config.positive_class:
        msg = f"positive class {shown(config.positive_class)} given, but target {name} is read as a regression"
        raise UsageError(msg)
    try:
        numbers = TypedRows([{"name": present.name, "kind": "numeric"}]).to_matrix(present.to_frame())
    except ValueError as error:
        msg = f"target {error}: correct it, or train a classification"
        raise DataError(msg) from error
    if len(np.unique(numbers)) == 1:
        msg = f"target column {name} is {numbers[0, 0]:g} in every row: there is nothing to learn"
        raise DataError(msg)


def _check_classes(name: str, classes: tuple[str, ...], counts: npt.NDArray[np.int64], numeric: bool) -> None:  # noqa: FBT001 - a fact about the column, not a switch
    number_hint = "; if it is a quantity, ask for task regression" if numeric else ""
    if len(classes) == 1:
        msg = f"target column {name} has one class only, {shown(classes[0])}: there is nothing to learn"
        raise DataError(msg)
    if len(classes) > MAX_CLASSES:
        msg = (
            f"target column {name} has {len(classes)} distinct values, more than {MAX_CLASSES} classes: "
            f"it may be an identifier or free text, name another column as target{number_hint}"
        )
        raise DataError(msg)
    rare = [label for label, count in zip(classes, counts, strict=True) if count < MIN_ROWS_PER_CLASS]
    if rare:
        msg = (
            f"target column {name}: a single row has class {_listed(rare)}, which cannot stand in both training "
            f"and test split; add rows of that class, merge it into another or leave the row out{number_hint}"
        )
        raise DataError(msg)


def _positive_class(
    name: str, classes: tuple[str, ...], counts: npt.NDArray[np.int64], wanted: str | None
) -> tuple[str, str]:
    if wanted:  # an empty text means that nothing was chosen, as in the parameters of a project
        return _wanted_class(name, classes, str(wanted))
    folded = {label.strip().casefold(): label for label in classes}
    for negative, positive in POSITIVE_WORDS:
        if set(folded) == {negative, positive}:
            label = folded[positive]
            return label, f"The positive class is {shown(label)}: the affirming one of the two values."
    if counts[0] == counts[1]:
        label = classes[1]
        return label, f"The positive class is {shown(label)}: both are equally frequent, and it is the last in order."
    rarer = int(np.argmin(counts))
    label = classes[rarer]
    part = share(float(counts[rarer]), float(counts.sum()))
    return label, f"The positive class is {shown(label)}: the rarer one, {part} of the rows."


def _wanted_class(name: str, classes: tuple[str, ...], wanted: str) -> tuple[str, str]:
    same = [label for label in classes if label == wanted]
    same = same or [label for label in classes if label.strip().casefold() == wanted.strip().casefold()]
    if len(same) != 1:
        msg = f"positive class {shown(wanted)} does not occur in target {name}; its classes are {_listed(classes)}"
        raise UsageError(msg)
    return same[0], f"The positive class is {shown(same[0])}, as asked for."


def _listed(names: Sequence[str]) -> str:
    """Names in a message, ten at most."""
    rest = len(names) - 10
    return ", ".join(shown(name) for name in names[:10]) + (f" and {rest} more" if rest > 0 else "")
