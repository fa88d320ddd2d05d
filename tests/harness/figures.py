"""What the tests of faults measured, for the table of the documentation."""

from __future__ import annotations

import json
import os
from pathlib import Path

__all__ = ["figure"]

# Read before the first test, which starts without any variable of ours.
_FILE = os.environ.get("INTERP_FIGURES")


def figure(promise: str, value: float, unit: str) -> None:
    """Append a figure to the file that INTERP_FIGURES names, if it names one.

    Args:
        promise: what the figure belongs to, as in ``docs/explanation/reliability.md``.
        value: the figure.
        unit: its unit: ``s``, ``jobs``.
    """
    if not _FILE:
        return
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    line = json.dumps({"promise": promise, "test": test, "figure": round(value, 2), "unit": unit}, ensure_ascii=False)
    with Path(_FILE).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
