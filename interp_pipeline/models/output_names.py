"""Names a caller gives for outputs, held against those the model has itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_spelled", "refuse_other_order", "require_distinct"]


def as_spelled(name: str, own: Sequence[str]) -> str:
    """A name as the model spells it, for which the class 0.0 is ``0``; one it does not know, as it is."""
    if name in own:
        return name
    try:
        number = name_of(float(name))
    except ValueError:
        return name
    return number if number in own else name


def refuse_other_order(given: Sequence[str], own: Sequence[str]) -> None:
    """Refuse the model's own names in an order that is not the model's.

    Raises:
        UsageError: they are.
    """
    if set(given) == set(own) and tuple(given) != tuple(own):
        msg = f"the names were given as {', '.join(given)}, and the model's order is {', '.join(own)}; leave them out"
        raise UsageError(msg)


def require_distinct(names: Sequence[str]) -> None:
    """Refuse names of which two are the same.

    Raises:
        UsageError: a name was given twice.
    """
    for i, name in enumerate(names):
        if name in names[:i]:
            msg = f"{name} was given twice among the names {', '.join(names)}; give each class or output its own"
            raise UsageError(msg)
