"""Which raw columns each column of a fitted preprocessing depends on, read from its structure.

A step of a kind that treats its columns one by one passes each origin on; a step of any other kind
is taken to mix all that it is given. So an origin may be too large, never too small: where every
encoded column ends with one origin at most, raw features can be masked in the encoded input. A step
that is given columns of one origin only, whatever it does with them, leaves that origin as it is.
"""

from __future__ import annotations

import copy
import functools
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Origins", "transformed"]

Owners: TypeAlias = list[frozenset[int]]  # per column: the raw columns it depends on

_COLUMN_BY_COLUMN = {
    "Binarizer",
    "KBinsDiscretizer",
    "MaxAbsScaler",
    "MinMaxScaler",
    "MissingIndicator",
    "OneHotEncoder",
    "OrdinalEncoder",
    "PowerTransformer",
    "QuantileTransformer",
    "RobustScaler",
    "SimpleImputer",
    "SplineTransformer",
    "StandardScaler",
    "TargetEncoder",
}
_READS_NAMES = {"OneHotEncoder", "OrdinalEncoder", "TargetEncoder"}  # for them numbers are names, with nothing between
_MARK = re.compile(r"<(\d+)>")


def transformed(step: Any, rows: Any) -> Any:
    """Rows behind one step, which may be left out."""
    return rows if step is None or isinstance(step, str) else step.transform(rows)


class Origins:
    """Follows columns through fitted transformers.

    Attributes:
        named: raw columns whose values some encoder reads as names.
        mixers: steps that mix several raw columns, by class, in the order met.
    """

    def __init__(self) -> None:
        """Nothing followed yet."""
        self.named: set[int] = set()
        self.mixers: list[str] = []

    def through(self, steps: Sequence[Any], rows: Any, owners: Owners) -> tuple[Any, Owners]:
        """Follow columns through steps, one after the other.

        Args:
            steps: fitted transformers; ``"passthrough"`` and None change nothing.
            rows: a few rows as the first step is given them; their number does not matter.
            owners: origins of its columns.

        Returns:
            The rows behind the last step, and the origins of their columns.
        """
        for step in steps:
            owners = self._step(step, rows, owners)
            rows = transformed(step, rows)
        return rows, owners

    def _step(self, step: Any, rows: Any, owners: Owners) -> Owners:
        from sklearn.compose import ColumnTransformer
        from sklearn.pipeline import FeatureUnion, Pipeline

        if step is None or isinstance(step, str):
            return owners
        if type(step) is Pipeline:
            return self.through([part for _, part in step.steps], rows, owners)[1]
        if type(step) is ColumnTransformer:
            return self._columns(step, rows, owners)
        if type(step) is FeatureUnion:
            parts = [part for _, part in step.transformer_list if part != "drop"]
            return [owner for part in parts for owner in self._step(part, rows, owners)]
        if _name(step) in _READS_NAMES:
            self.named |= set().union(*owners)
        return self._leaf(step, _width(step.transform(rows)), owners)

    def _columns(self, step: Any, rows: Any, owners: Owners) -> Owners:
        """Follow each part of a ColumnTransformer over its own columns."""
        slices = step.output_indices_
        result: Owners = [frozenset()] * max(part.stop for part in slices.values())
        for name, part, columns in step.transformers_:
            chosen = _positions(columns, rows)
            if (isinstance(part, str) and part == "drop") or np.size(chosen) == 0:
                continue
            given = rows.iloc[:, chosen] if isinstance(rows, pd.DataFrame) else rows[:, chosen]
            behind = self._step(part, given, [owners[i] for i in np.atleast_1d(chosen)])
            result[slices[name]] = behind
        return result

    def _leaf(self, step: Any, n_columns: int, owners: Owners) -> Owners:
        from sklearn.feature_selection import SelectorMixin

        everything: frozenset[int] = frozenset().union(*owners)
        if len(everything) <= 1:
            return [everything] * n_columns
        kept: Sequence[int] | None = None
        if isinstance(step, SelectorMixin) and type(step).__module__.startswith("sklearn."):
            kept = [int(i) for i in step.get_support(indices=True)]
        elif _is_elementwise(step):
            kept = range(len(owners))
        elif _name(step) in _COLUMN_BY_COLUMN:
            kept = _marked(step, len(owners))
        if kept is not None and len(kept) == n_columns:
            return [owners[i] for i in kept]
        self.mixers.append(type(step).__name__)
        return [everything] * n_columns


def _name(step: Any) -> str:
    """The class of scikit-learn's own transformers; nothing for a class derived from one, which may do anything."""
    kind = type(step)
    return kind.__name__ if kind.__module__.startswith("sklearn.") else ""


def _is_elementwise(step: Any) -> bool:
    """Whether a FunctionTransformer does nothing, checks its input, or applies a numpy function of one argument."""
    from sklearn.utils import check_array

    if _name(step) != "FunctionTransformer":
        return False
    function = step.func
    if function is None or (isinstance(function, functools.partial) and function.func is check_array):
        return True
    return isinstance(function, np.ufunc) and function.nin == 1 and not step.kw_args


def _marked(step: Any, n_columns: int) -> list[int] | None:
    """Which input each output column of a column-by-column transformer is made of.

    The transformer names its output columns after its input columns, so it is given numbered marks
    for names: ``<3>_red`` is made of column 3. Its own column names, where it was fitted with some,
    would have to be given instead, and one may be the beginning of another; a copy forgets them.
    """
    nameless = copy.copy(step)
    vars(nameless).pop("feature_names_in_", None)
    if hasattr(nameless, "feature_name_combiner"):
        nameless.feature_name_combiner = "concat"
    names = nameless.get_feature_names_out([f"<{i}>" for i in range(n_columns)])
    found = [_MARK.search(str(name)) for name in names]
    return [int(mark[1]) for mark in found if mark is not None]


def _width(rows: Any) -> int:
    return int(rows.shape[1]) if rows.ndim > 1 else 1


def _positions(columns: Any, rows: Any) -> Any:
    """Columns as a ColumnTransformer names them, as positions: one number for a single column, else an array."""
    if isinstance(rows, pd.DataFrame):
        numbered = pd.DataFrame([range(rows.shape[1])], columns=rows.columns)
    else:
        numbered = pd.DataFrame([range(rows.shape[1])])
    by_name = _holds_text(columns)
    found = numbered.loc[:, columns] if by_name else numbered.iloc[:, columns]
    return found.to_numpy()[0] if found.ndim > 1 else int(found.iloc[0])


def _holds_text(columns: Any) -> bool:
    if isinstance(columns, slice):
        return isinstance(columns.start or columns.stop, str)
    return any(isinstance(column, str) for column in np.ravel(np.asarray(columns, dtype=object)))
