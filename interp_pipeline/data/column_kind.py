"""What a column holds, by its type and, where that says nothing, by its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pandas as pd

from interp_pipeline.data.typed_rows import is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ColumnKind", "column_kind"]

ColumnKind: TypeAlias = Literal["numeric", "boolean", "date", "text", "unreadable"]

# pandas' names for what an object column holds; all that is not listed is read as text, name by name
_OF_VALUES: Mapping[str, ColumnKind] = {
    "integer": "numeric",
    "floating": "numeric",
    "mixed-integer-float": "numeric",
    "decimal": "numeric",
    "boolean": "boolean",
    "datetime64": "date",
    "datetime": "date",
    "date": "date",
    "bytes": "unreadable",
    "complex": "unreadable",
    "timedelta": "unreadable",
    "timedelta64": "unreadable",
    "period": "unreadable",
    "interval": "unreadable",
}
_SINGLE_VALUES = (str, bool, int, float)


def column_kind(column: pd.Series[Any]) -> ColumnKind:
    """What a column holds; missing values are passed over.

    Args:
        column: any pandas column. Categoricals are text, whatever their categories are: somebody
            has already said that they are names.

    Returns:
        ``text`` also where numbers and texts are mixed; ``unreadable`` for durations, bytes,
        complex numbers, lists and mappings.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "text"
    if pd.api.types.is_object_dtype(dtype):
        return _kind_of_values(column[~is_missing(column)])
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype):
        return "unreadable" if pd.api.types.is_complex_dtype(dtype) else "numeric"
    if getattr(dtype, "kind", None) == "M":
        return "date"
    return "text" if pd.api.types.is_string_dtype(dtype) else _kind_of_values(column.dropna().astype(object))


def _kind_of_values(present: pd.Series[Any]) -> ColumnKind:
    kind = _OF_VALUES.get(pd.api.types.infer_dtype(present, skipna=True))
    if kind is not None:
        return kind
    nested = any(not isinstance(value, _SINGLE_VALUES) and pd.api.types.is_list_like(value) for value in present)
    return "unreadable" if nested else "text"
