"""The child's part: read the task, run the model's code, leave the numbers or the reason why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.handover.answer import answer_files
from interp_pipeline.handover.failure import failure_to_json
from interp_pipeline.handover.files import ANSWER, ERROR, write_arrays, write_whole
from interp_pipeline.handover.task import read_task
from interp_pipeline.stages.compute import compute

if TYPE_CHECKING:
    from pathlib import Path

    from interp_pipeline.progress import Progress

__all__ = ["run_task"]


def run_task(task: Path, answer: Path, progress: Progress) -> None:
    """Compute what the task asks for, in a process that may hold no credential and need not be trusted.

    Whatever the model's code raises, an exit included, is written down as the reason; so a process that
    ends well has left an answer or a reason, and one that has left neither did not end well.

    Args:
        task: folder that ``write_task`` wrote.
        answer: empty folder.
        progress: listens.

    Raises:
        OSError: the answer cannot be written.
    """
    question = read_task(task)
    try:
        computed = compute(question, question.config, progress)
        arrays, content = answer_files(computed, question)
    except BaseException as error:  # noqa: BLE001 - the model's code raises what it likes, SystemExit too
        write_whole(answer, ERROR, failure_to_json(error, question.version.uri))
        return
    write_arrays(answer, arrays)
    write_whole(answer, ANSWER, content)
