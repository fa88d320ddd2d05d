"""Inputs of a model that reads several named tensors: which columns of a table each one takes, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import DataError, ModelError, UsageError
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    import pandas as pd

__all__ = ["TEXT", "TensorInput", "assign_columns", "to_array"]

TEXT = "string"  # TensorFlow's name of the type of texts
_NAMED = 8  # columns in a message


@dataclass(frozen=True, kw_only=True)
class TensorInput:
    """One input: a vector with an entry per row, or a matrix with a few columns."""

    name: str
    width: int  # columns of the table it takes
    dtype: str  # as TensorFlow and NumPy call it; TEXT for texts
    is_vector: bool = False  # of shape (n_rows,), not (n_rows, width)

    @property
    def is_fraction(self) -> bool:
        """Whether it takes numbers with fractions, and so any number of a matrix as it is."""
        return "float" in self.dtype


def assign_columns(inputs: Sequence[TensorInput], columns: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Columns of a table for each input: an input of one column takes that of its name.

    Inputs of several columns take, in the model's order, as many of the other columns as they read, in the table's
    order. So do all of them where the table has no column that is called like an input.

    Args:
        inputs: in the model's order.
        columns: of the table, without the target.

    Returns:
        Column names per input.

    Raises:
        UsageError: some inputs have a column of their name and others of one column have none, or what is left for
            the others are not as many columns as they read.
    """
    left = list(columns)
    named = {each.name for each in inputs if each.width == 1} & set(left)
    lacking = [each.name for each in inputs if each.width == 1 and named and each.name not in named]
    if lacking:
        msg = f"the table has no column {shown(lacking[0])}, which the model takes as an input; add it"
        raise UsageError(msg)
    left = [name for name in left if name not in named]
    others = [each for each in inputs if each.name not in named]
    needed = sum(each.width for each in others)
    if others and len(left) != needed:
        wanted = ", ".join(f"{each.name} ({each.width})" for each in others[:_NAMED])
        some = ", ".join(map(shown, left[:_NAMED])) + (", ..." if len(left) > _NAMED else "")
        msg = (
            f"the model's inputs {wanted} take {needed} columns in the table's order, and there are {len(left)} "
            f"({some}); give a table with these columns alone, in the model's order, and name the target with --target"
        )
        raise UsageError(msg)
    found: list[tuple[str, ...]] = []
    for each in inputs:
        if each.name in named:
            found.append((each.name,))
        else:
            found.append(tuple(left[: each.width]))
            left = left[each.width :]
    return tuple(found)


def to_array(rows: pd.DataFrame, tensor: TensorInput) -> npt.NDArray[Any]:
    """Columns of a table as one input takes them.

    Args:
        rows: the input's columns, in its order, shape (n_rows, width).
        tensor: the input.

    Returns:
        Shape (n_rows,) or (n_rows, width), of the input's type; texts as objects.

    Raises:
        ModelError: a column holds texts where numbers are read, or the other way.
        DataError: a text or a whole number is missing.
    """
    if tensor.dtype == TEXT:
        array = _texts(rows, tensor)
    else:
        _require_numbers(rows, tensor)
        if not tensor.is_fraction:
            _refuse_missing(rows, f"the input {shown(tensor.name)} reads whole numbers")
        are_whole = all(rows[name].dtype.kind in "biu" for name in rows.columns)
        numbers = rows if are_whole else rows.to_numpy(dtype=np.float64, na_value=np.nan)
        array = np.asarray(numbers).astype(tensor.dtype)
    return array[:, 0] if tensor.is_vector else array


def _texts(rows: pd.DataFrame, tensor: TensorInput) -> npt.NDArray[Any]:
    _refuse_missing(rows, f"the input {shown(tensor.name)} reads texts; write what the model was trained with")
    array = rows.to_numpy(dtype=object)
    other = next((value for value in array.ravel() if not isinstance(value, str)), None)
    if other is not None:
        msg = (
            f"the model's input {shown(tensor.name)} reads texts, and the table holds {shown(other)}; "
            "give the column as texts"
        )
        raise ModelError(msg)
    return array


def _require_numbers(rows: pd.DataFrame, tensor: TensorInput) -> None:
    for name in rows.columns:
        if getattr(rows[name].dtype, "kind", "O") not in "biuf":
            msg = (
                f"the model's input {shown(tensor.name)} reads numbers, and the column {shown(name)} does not hold "
                "any; give it as it was trained"
            )
            raise ModelError(msg)


def _refuse_missing(rows: pd.DataFrame, why: str) -> None:
    for name in rows.columns:
        gaps = np.flatnonzero(rows[name].isna())
        if len(gaps):
            msg = f"column {shown(name)}, row {rows.index[gaps[0]]}: a value is missing, and {why}"
            raise DataError(msg)
