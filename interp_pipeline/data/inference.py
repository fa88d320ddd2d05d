"""How each input column is read: decided from the data by written rules, each named in a note.

In this order, the first that fits:

1. Every value missing, or the same value in every row: ``unused``.
2. Durations, bytes, complex numbers, lists and mappings: ``unused``.
3. Numbers, whole-number codes too: ``numeric``. Infinite ones are an error.
4. True and false, also as texts: ``boolean``.
5. Dates and times, also as texts if every one of them is an ISO 8601 date: ``date``.
6. Texts (and columns that mix texts with numbers, by name) with more than 20 distinct values of which
   nearly none repeats, being at least 90 % of the values: an identifier or free text, ``unused``.
7. Texts with up to 50 distinct values: ``category``.
8. Other texts: ``category`` of the 49 most frequent values and ``OTHER``.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.data.column_kind import column_kind
from interp_pipeline.data.schema import Feature, Schema
from interp_pipeline.data.target import TargetRule, infer_target
from interp_pipeline.data.typed_rows import OTHER, TypedRows, days_since_epoch, is_missing, name_of, named_codes
from interp_pipeline.errors import DataError, UsageError
from interp_pipeline.plain_text import shown
from interp_pipeline.readable import share

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from interp_pipeline.config import TrainConfig
    from interp_pipeline.data.column_kind import ColumnKind

__all__ = ["MAX_CATEGORIES", "check_columns", "infer_feature", "infer_schema", "schema_of"]

MAX_CATEGORIES = 50  # more distinct texts than this are grouped
FREE_TEXT_VALUES = 20  # from more distinct texts than this on ...
FREE_TEXT_SHARE = 0.9  # ... of which so many are distinct, nothing general can be learned
MOSTLY = 0.5  # share of numbers or dates among texts from which the exceptions are worth a note
LARGEST_EXACT = 2**53  # beyond it neighbouring whole numbers fall together as float64
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)  # forests and networks compute with float32


def infer_schema(frame: pd.DataFrame, config: TrainConfig) -> Schema:
    """Decide how every column is read.

    Args:
        frame: all rows, features and target; rows without a target are passed over.
        config: names the target, and the task and positive class where the caller chose them.

    Raises:
        DataError: column names, the target or the numbers cannot be used, or no feature is left.
        UsageError: the target, task or positive class that was asked for does not fit the data.
    """
    check_columns(frame, config.target)
    labelled = frame[~is_missing(frame[config.target])]
    return schema_of(labelled, config, infer_target(frame[config.target], config))


def schema_of(frame: pd.DataFrame, config: TrainConfig, rule: TargetRule) -> Schema:
    """Decide how the features are read where it is known already how the target is.

    Raises:
        DataError: numbers cannot be used, or no feature is left.
    """
    target = frame[config.target]
    features = tuple(
        _warn_of_leak(infer_feature(frame[name]), frame[name], target, rule)
        for name in frame.columns
        if name != config.target
    )
    if all(feature.kind == "unused" for feature in features):
        why = "; ".join(f"{shown(feature.name)}: {feature.note}" for feature in features[:3])
        msg = f"no column beside the target {shown(config.target)} can be used{': ' if why else ''}{why}"
        raise DataError(msg)
    return Schema(
        features=features,
        target=config.target,
        task=rule.task,
        classes=rule.classes,
        positive_class=rule.positive_class,
    )


def check_columns(frame: pd.DataFrame, target: str) -> None:
    """Refuse names that cannot be told apart, and a target that is not there.

    Raises:
        DataError: a name is empty, no text, or occurs twice.
        UsageError: no column is called as the target.
    """
    for position, name in enumerate(frame.columns, start=1):
        if not isinstance(name, str) or not name.strip():
            msg = f"column {position} has the name {shown(name)}: every column needs a text as its name"
            raise DataError(msg)
    twice = [name for name, count in Counter(frame.columns).items() if count > 1]
    if twice:
        msg = f"columns that occur more than once: {', '.join(shown(name) for name in twice)}; rename or remove them"
        raise DataError(msg)
    if target in frame.columns:
        return
    folded = {name.strip().casefold(): name for name in frame.columns}
    close = difflib.get_close_matches(target.strip().casefold(), folded, n=3)
    hint = f"did you mean {' or '.join(shown(folded[name]) for name in close)}? " if close else ""
    columns = ", ".join(shown(name) for name in frame.columns[:30]) + (", ..." if len(frame.columns) > 30 else "")  # noqa: PLR2004 - as many fit in a message
    msg = f"target column {shown(target)} is not in the data: {hint}the columns are {columns}"
    raise UsageError(msg)


def infer_feature(column: pd.Series[Any]) -> Feature:
    """Decide how one input column is read, by the rules at the top of this file.

    Raises:
        DataError: a number is infinite or too large to compute with.
    """
    name, missing = str(column.name), is_missing(column)
    n_missing = int(missing.sum())
    present = column[~missing]
    kind = column_kind(present)
    unused = _unused_because(present, kind, n_missing)
    if unused:
        return Feature(name=name, kind="unused", n_missing=n_missing, note=f"{unused}; not used")
    if kind == "numeric":
        return Feature(name=name, kind="numeric", n_missing=n_missing, note=_numeric_note(present))
    if kind == "boolean":
        return Feature(name=name, kind="boolean", n_missing=n_missing)
    if kind == "date":
        return Feature(name=name, kind="date", n_missing=n_missing, note="dates, read as days since 1970-01-01")
    return replace(_text_feature(name, *named_codes(present)), n_missing=n_missing)


def _unused_because(present: pd.Series[Any], kind: ColumnKind, n_missing: int) -> str:
    if present.empty:
        return "every value is missing"
    if kind == "unreadable":
        return f"holds {type(present.iloc[0]).__name__} values, which are neither numbers, texts nor dates"
    if not n_missing and bool((present == present.iloc[0]).all()):
        return f"is {shown(name_of(present.iloc[0]))} in every row"
    return ""


def _numeric_note(present: pd.Series[Any]) -> str:
    try:
        numbers = _numbers(present)
    except ValueError as error:
        msg = f"{error}: correct or remove it"
        raise DataError(msg) from error
    too_large = np.flatnonzero(np.abs(numbers) > LARGEST_FLOAT32)
    if len(too_large):
        row = too_large[0]
        msg = (
            f"column {shown(present.name)}, row {present.index[row]}: {numbers[row]:g} is too large, "
            f"models compute with numbers up to {LARGEST_FLOAT32:.1e}: correct it or change the unit"
        )
        raise DataError(msg)
    if not (numbers == np.floor(numbers)).all():
        return ""
    rounded = ""
    if np.abs(numbers).max() > LARGEST_EXACT:
        rounded = f"whole numbers beyond {LARGEST_EXACT} are rounded, neighbouring ones may fall together"
    if len(numbers) <= FREE_TEXT_VALUES or present.nunique() < len(numbers):
        return rounded
    if len(numbers) == int(np.ptp(numbers)) + 1:
        return "counts the rows: if this is a row number, remove the column, a model may learn the order of the file"
    distinct = (
        f"{len(numbers)} of {len(numbers)} whole numbers are distinct: if they are an identifier, remove the column"
    )
    return _joined(distinct, rounded)


def _text_feature(name: str, codes: npt.NDArray[np.int64], names: list[str]) -> Feature:
    if all(days_since_epoch(text) is not None for text in names):
        return Feature(name=name, kind="date", note="texts, all of them ISO 8601 dates, read as days since 1970-01-01")
    if {text.casefold() for text in names} <= {"true", "false"}:
        return Feature(name=name, kind="boolean", note="the texts true and false, read as 1 and 0")
    note = _almost_note(names)
    if len(names) > FREE_TEXT_VALUES and len(names) >= FREE_TEXT_SHARE * len(codes):
        reason = f"{len(names)} of {len(codes)} texts are distinct: an identifier or free text; not used"
        return Feature(name=name, kind="unused", note=_joined(reason, note))
    if len(names) <= MAX_CATEGORIES:
        # A real value that is called as OTHER stands first, where it does not mean "not listed".
        ordered = sorted(names, key=lambda text: (text != OTHER, text))
        return Feature(name=name, kind="category", categories=tuple(ordered), note=note)
    counts = np.bincount(codes, minlength=len(names))
    by_count = sorted((i for i, text in enumerate(names) if text != OTHER), key=lambda i: (-counts[i], names[i]))
    kept = by_count[: MAX_CATEGORIES - 1]
    grouped = len(codes) - int(counts[kept].sum())
    reason = (
        f"{len(names)} distinct texts: the {len(kept)} most frequent are kept, "
        f"the others ({share(grouped, len(codes))} of the values) are read as {OTHER}"
    )
    if OTHER in names:
        reason += f", together with the value that is called {OTHER} in the data"
    categories = (*sorted(names[i] for i in kept), OTHER)
    return Feature(name=name, kind="category", categories=categories, note=_joined(reason, note))


_DECIMAL_COMMA = re.compile(r"\s*[-+]?[0-9][0-9.]*,[0-9]+\s*")


def _almost_note(names: list[str]) -> str:
    """What a reader should know of texts that are mostly, or all, numbers or dates."""
    if all(_DECIMAL_COMMA.fullmatch(text) for text in names):
        return f"numbers with a comma in them, such as {shown(names[0])}, read as names; write them with a point"
    not_numbers = [text for text in names if not _is_number(text)]
    if not not_numbers:
        return "numbers that the file stores as texts, read as names; store them as numbers to use their order"
    if len(not_numbers) < MOSTLY * len(names):
        return f"read as names since not all values are numbers, for example {shown(not_numbers[0])}"
    not_dates = [text for text in names if days_since_epoch(text) is None]
    if len(not_dates) < MOSTLY * len(names):
        return f"read as names since not all values are ISO 8601 dates, for example {shown(not_dates[0])}"
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _warn_of_leak(feature: Feature, column: pd.Series[Any], target: pd.Series[Any], rule: TargetRule) -> Feature:
    """Add a note where a feature gives the target away: it is then all a model will learn."""
    if feature.kind == "unused" or feature.n_missing:
        return feature
    if rule.task == "regression":
        tells = feature.kind == "numeric" and np.array_equal(_numbers(column), _numbers(target))
    else:
        # cheap first: a feature that names the classes has as many values as there are classes
        tells = column.nunique() == len(rule.classes) and _one_to_one(column, target)
    if not tells:
        return feature
    note = "tells the target in every row: remove it if it is not known before the target is"
    return replace(feature, note=_joined(feature.note, note))


def _one_to_one(column: pd.Series[Any], target: pd.Series[Any]) -> bool:
    pairs = np.column_stack([named_codes(column)[0], named_codes(target)[0]])
    return len(np.unique(pairs, axis=0)) == len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1]))


def _numbers(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    return TypedRows([{"name": column.name, "kind": "numeric"}]).to_matrix(column.to_frame())[:, 0]
