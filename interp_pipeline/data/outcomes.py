"""What true outcomes are: numbers or classes, as far as their values say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from interp_pipeline.data.column_kind import column_kind
from interp_pipeline.data.target import MAX_CLASS_NUMBERS
from interp_pipeline.data.typed_rows import is_missing, named_codes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OutcomeKind", "kind_of_outcomes"]

OutcomeKind: TypeAlias = Literal["unknown", "numbers", "classes"]


def kind_of_outcomes(column: pd.Series[Any]) -> OutcomeKind:
    """By the rule of our own training: numbers with fractions, or more than 20 distinct ones, are no classes.

    Few different whole numbers may be classes, grades or counts, which is not known. Only 0 and 1, and -1 and 1, are
    classes.

    Args:
        column: the outcomes, shape (n_rows,); missing values are passed over.
    """
    present = column[~is_missing(column)]
    kind = column_kind(present) if len(present) else "unreadable"
    if kind in {"date", "unreadable"}:
        return "unknown"
    names = set(named_codes(present)[1])
    if kind != "numeric":
        return "classes"
    numbers = present.to_numpy(dtype=np.float64)
    is_whole = bool(np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all())
    if not is_whole or len(names) > MAX_CLASS_NUMBERS:
        return "numbers"
    return "classes" if names in ({"0", "1"}, {"-1", "1"}) else "unknown"
