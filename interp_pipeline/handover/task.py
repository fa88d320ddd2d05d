"""What the process that runs a model's code is told: its question, without anything else the parent knows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import TrackingError
from interp_pipeline.handover.table import read_table_file, write_table_file

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.data.outcomes import OutcomeKind
    from interp_pipeline.stages.fetch import Fetched

__all__ = ["Task", "read_task", "write_task"]

_TASK = "task.json"
_ROWS = "rows.arrow"
_BACKGROUND = "background.arrow"


@dataclass(frozen=True, kw_only=True)
class _Version:
    """The version, by what it is called in messages."""

    uri: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A ``ComputeInput`` as the child has it: no run, no storage, no true outcomes."""

    version: _Version
    model_path: Path  # folder with the MLmodel file
    rows: pd.DataFrame
    rows_source: str
    background: pd.DataFrame
    target: str | None
    outcome_kind: OutcomeKind
    key: str  # of the explanation, which the answer repeats
    config: ExplainConfig
    record: None = None  # what training left stays with the parent


def write_task(folder: Path, fetched: Fetched, config: ExplainConfig) -> None:
    """Write everything the computation needs but the model's files, which stay where they are.

    Args:
        folder: an empty folder.
        fetched: model files, rows, background.
        config: methods and accuracy.

    Raises:
        DataError: a column holds what cannot be handed to another process unchanged, such as lists.
        TrackingError: the folder cannot be written, for example because the disk is full.
    """
    try:
        task = {
            "key": fetched.key,
            "uri": fetched.version.uri,
            "model": str(fetched.model_path.resolve()),
            "config": config.to_dict(),
            "rows": write_table_file(folder / _ROWS, fetched.rows, fetched.rows_source),
            "rows_source": fetched.rows_source,
            "background": write_table_file(folder / _BACKGROUND, fetched.background, "the background data"),
            "target": fetched.target,
            "outcome_kind": fetched.outcome_kind,
        }
        (folder / _TASK).write_text(json.dumps(task), encoding="utf-8")
    except OSError as error:
        msg = f"the task for {fetched.version.uri} cannot be written ({error}); make room or give the right to write"
        raise TrackingError(msg) from error


def read_task(folder: Path) -> Task:
    """The task that ``write_task`` wrote; the child trusts its parent."""
    task: dict[str, Any] = json.loads((folder / _TASK).read_text(encoding="utf-8"))
    config = {name: tuple(value) if isinstance(value, list) else value for name, value in task["config"].items()}
    return Task(
        version=_Version(uri=task["uri"]),
        model_path=Path(task["model"]),
        rows=read_table_file(folder / _ROWS, task["rows"]),
        rows_source=task["rows_source"],
        background=read_table_file(folder / _BACKGROUND, task["background"]),
        target=task["target"],
        outcome_kind=task["outcome_kind"],
        key=task["key"],
        config=ExplainConfig.from_mapping(config),
    )
