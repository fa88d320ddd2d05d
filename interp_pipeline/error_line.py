"""What code of a model raised, in one line: which error, what it said, and where in the model's own files."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from pathlib import Path

__all__ = ["error_line"]

_LONGEST = 300  # characters of what an error says
_SCHEMA = "Failed to enforce schema"  # how MLflow begins where rows do not fit a signature
_OURS = str(Path(__file__).parent)
_LIBRARIES = tuple({_OURS, sys.prefix, *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))})


def error_line(error: BaseException) -> str:
    """Say what a model's code or a library under it raised, for a message of one line.

    Args:
        error: as it was caught.

    Returns:
        ``ValueError: no such plan, line 14 of churn.py``; without the place where no file of the model's own
        took part.
    """
    said = _said(error)
    if said.startswith(_SCHEMA):  # the rows and the signature stand before the reason, on many lines
        said = said.rpartition("Error: ")[2]
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    kind = type(error).__name__
    if not lines:
        return f"{kind}{_place(error)}"
    telling = lines[-1] if lines[0].endswith(":") else lines[0]  # a heading, with what went wrong at the end
    return f"{kind}: {telling[:_LONGEST]}{_place(error)}"


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the model's code may bring errors of its own, whose __str__ raises
        return ""


def _place(error: BaseException) -> str:
    """The innermost line of a file that belongs to neither Python, nor a library, nor us."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((*_LIBRARIES, "<")):
            return f", line {frame.lineno} of {Path(frame.filename).name}"
    return ""
