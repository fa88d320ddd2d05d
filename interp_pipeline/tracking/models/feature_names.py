"""Which columns of a table are a model's features, and in which order: said by the model, or by the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.data.declared import DeclaredColumn, as_declared
from interp_pipeline.errors import UsageError
from interp_pipeline.models.column_names import as_table_calls_them
from interp_pipeline.models.keras_inputs import named_inputs
from interp_pipeline.models.tensor_inputs import assign_columns
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from interp_pipeline.models.tensor_inputs import TensorInput
    from interp_pipeline.tracking.models.model_file import ModelFile

__all__ = ["as_model_takes_them", "names_columns", "require_columns"]

_NAMED = 5  # columns in a message


def require_columns(rows: pd.DataFrame, names: Sequence[str], source: str, uri: str) -> None:
    """Refuse rows that lack a column of the model.

    Raises:
        UsageError: a column is not there, with its name.
    """
    lacking = [name for name in names if name not in rows.columns]
    if lacking:
        some = ", ".join(repr(name) for name in lacking[:_NAMED])
        more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
        columns = f"column{'s' if len(lacking) > 1 else ''} {some}{more}"
        msg = f"{source} lacks {columns}, which {uri} was trained on; add the column, or give other rows"
        raise UsageError(msg)


def as_model_takes_them(
    rows: pd.DataFrame, native: Any, file: ModelFile, *, target: str | None, source: str, uri: str
) -> pd.DataFrame:
    """The feature columns of a table in the model's order, as the types its signature declares.

    Names come from the signature; else from the fitted model, where it learned from a table with names;
    else from the table itself, all of whose columns but the target are features, if they are as many as
    the model takes.

    Args:
        rows: has the features among its columns.
        native: the loaded model.
        file: what its ``MLmodel`` file says.
        target: the target column, where known; never a feature.
        source: where the rows came from, for messages.
        uri: what the model is called in messages.

    Returns:
        Shape (n_rows, n_features), the index of ``rows``.

    Raises:
        UsageError: a column is missing, or the table has not as many as the model takes.
        DataError: a value does not fit the type of its column.
    """
    if file.columns:
        declared = file.columns_in(rows)
        require_columns(rows, [column.name for column in declared], source, uri)
        return as_declared(rows, declared, source)
    tensors = named_inputs(native, file.tensors) if file.flavor == "keras" else file.tensors
    if tensors:
        return rows[_names_of_inputs(tensors, rows, target, source, uri)]
    names = as_table_calls_them(native, _fitted_names(native), [str(name) for name in rows.columns])
    if not names or not set(names) & set(rows.columns):  # LightGBM names the columns of an array itself
        names = _names_of_table(rows, file.width or _fitted_width(native), target, source, uri)
    require_columns(rows, names, source, uri)
    return as_declared(rows, [DeclaredColumn(name=name, dtype=file.dtype) for name in names], source)


def _names_of_inputs(
    tensors: Sequence[TensorInput], rows: pd.DataFrame, target: str | None, source: str, uri: str
) -> list[str]:
    """The columns of a table that the inputs of a model take, in the table's order."""
    try:
        assigned = assign_columns(tensors, [str(name) for name in rows.columns if name != target])
    except UsageError as error:
        msg = f"{uri} with {source}: {error}"
        raise UsageError(msg) from error
    taken = {name for columns in assigned for name in columns}
    return [name for name in rows.columns if name in taken]


def names_columns(native: Any, file: ModelFile) -> bool:
    """Whether the model is given columns under their names; one that learned from an array is given an array."""
    return bool(file.columns) or file.flavor == "python_function" or bool(_fitted_names(native))


def _fitted_names(native: Any) -> tuple[str, ...]:
    """Column names a model remembers from being fitted: scikit-learn's way, XGBoost's, LightGBM's, CatBoost's."""
    for attribute in ("feature_names_in_", "feature_names", "feature_name", "feature_names_"):
        try:
            found = getattr(native, attribute, None)
        except Exception:  # noqa: BLE001, S112 - a property of the model's own, which may raise what it likes where unset
            continue
        names = found() if attribute == "feature_name" and callable(found) else found
        if names is not None and not callable(names) and len(names) and all(isinstance(name, str) for name in names):
            given = tuple(str(name) for name in names)
            made_up = attribute == "feature_names_" and given == tuple(map(str, range(len(given))))
            return () if made_up else given
    return ()


def _fitted_width(native: Any) -> int | None:
    """Number of columns a model remembers; None where it does not."""
    try:
        found = getattr(native, "n_features_in_", None)
    except Exception:  # noqa: BLE001 - likewise
        return None
    return None if found is None else int(found)


def _names_of_table(
    rows: pd.DataFrame, width: int | None, target: str | None, source: str, uri: str
) -> tuple[str, ...]:
    left = [str(name) for name in rows.columns if name != target]
    if width is None or len(left) == width:
        return tuple(left)
    hint = "give rows with these columns alone, in the order the model was trained on"
    if target is None and len(left) == width + 1:
        hint = "one of them may be the target: name it with --target"
    columns = ", ".join(shown(name) for name in left[:_NAMED]) + (", ..." if len(left) > _NAMED else "")
    msg = f"{uri} does not name its {width} columns, and {source} has {len(left)} ({columns}): {hint}"
    raise UsageError(msg)
