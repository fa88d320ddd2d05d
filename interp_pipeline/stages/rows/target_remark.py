"""Is the target that a caller names a column of anything?"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from interp_pipeline.errors import UsageError
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["target_remark"]


def target_remark(target: str | None, outputs: Collection[str], columns: Collection[str], given: str, uri: str) -> str:
    """What is to be said of a target that nothing knows.

    A misspelt name would leave the true outcomes unknown and, where the model does not name its columns, make the
    target a feature. Where nothing is called nearly so, it is taken for the name of what is predicted, as of rows
    that have no outcomes.

    Args:
        target: as the caller named it; None: not named.
        outputs: what the model's signature calls its outputs.
        columns: of the rows and the background, all of them.
        given: what the rows are called that the caller gave; empty: they were found.
        uri: what the model is called in messages.

    Returns:
        A sentence; empty where there is nothing to say.

    Raises:
        UsageError: the caller's rows have no such column, nor has anything else, but one of nearly that name.
    """
    if target is None or target in outputs or target in columns:
        return ""
    near = get_close_matches(target, sorted([*columns, *outputs]), n=1) if given else []
    if not near:
        return f"No table has the target {shown(target)} among its columns, so it serves as a name alone."
    msg = (
        f"--target {shown(target)}: {given} has no such column, nor has the background data, and the signature of "
        f"{uri} names no such output; did you mean {shown(near[0])}?"
    )
    raise UsageError(msg)
