"""What a table calls the columns that a model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.errors import UsageError
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["as_table_calls_them"]


def as_table_calls_them(native: Any, named: Iterable[str], columns: Sequence[str]) -> tuple[str, ...]:
    """A model's column names as the table has them: LightGBM writes spaces as underscores, and nothing else otherwise.

    Args:
        native: the estimator or booster that remembers the names.
        named: what it calls its columns.
        columns: what the table calls its own.

    Returns:
        One name per column of the model; a name the table has in no form, as it is.

    Raises:
        UsageError: two columns of the table could be the same one of LightGBM's.
    """
    if not any(kind.__module__.partition(".")[0] == "lightgbm" for kind in type(native).__mro__):
        return tuple(named)
    return tuple(_with_spaces(name, columns) for name in named)


def _with_spaces(name: str, columns: Sequence[str]) -> str:
    alike = [column for column in dict.fromkeys(columns) if column.replace(" ", "_") == name]
    if len(alike) > 1:
        msg = (
            f"LightGBM calls a column {shown(name)}, and both {shown(alike[0])} and {shown(alike[1])} of the table "
            "could be meant; leave one of them out, or log the model with a signature"
        )
        raise UsageError(msg)
    return alike[0] if alike else name
