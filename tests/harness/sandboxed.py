"""Explain models in a real sandbox, and look at processes from outside."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness.hostile_models import question

from interp_pipeline.config import ExplainConfig
from interp_pipeline.handover import read_answer, write_task
from interp_pipeline.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.compute import Computed
    from mlflow_plugin.sandbox import Sandbox

__all__ = ["explain_in", "never", "processes_of_session", "wait_until"]


def never() -> bool:
    """Nobody cancels."""
    return False


def explain_in(
    sandbox: Sandbox,
    model_path: Path,
    table: pd.DataFrame,
    *,
    libraries: Sequence[str] = (),
    target: str | None = None,
    answer: Path | None = None,
    cancelled: Callable[[], bool] = never,
    progress: Progress | None = None,
) -> Computed:
    """What a worker does with the files of a version: write the task, run it, read the answer.

    Args:
        sandbox: where its code runs.
        model_path: folder with the MLmodel file.
        table: rows; the first half is background data.
        libraries: to be loaded beforehand.
        target: name of the target column, where known.
        answer: folder for the answer; None: one that nobody looks at.
        cancelled: ends it.
        progress: listens.
    """
    asked, config = question(model_path, table, target), ExplainConfig()
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder, "task")
        task.mkdir()
        answer = answer or Path(folder, "answer")
        answer.mkdir()
        write_task(task, asked, config)
        sandbox.run(task, answer, model_path, libraries, cancelled=cancelled, progress=progress or SilentProgress())
        return read_answer(answer, asked, config)


def processes_of_session(session: int) -> set[int]:
    """Processes, dead ones that nobody has reaped included, whose session or parent is this process."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        if session in {int(fields[1]), int(fields[3])} and int(stat.parent.name) != session:
            found.add(int(stat.parent.name))
    return found


def wait_until(holds: Callable[[], bool], deadline_s: float = 300.0) -> None:
    """Return once something holds; fail when it does not in time."""
    deadline = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(0.02)
