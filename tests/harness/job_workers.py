"""Work for real processes that all begin at the same moment."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from mlflow_plugin.jobs import JobTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier

__all__ = ["begin_a_scan", "claim_and_wait", "open_and_count", "run_all", "take_all_notes", "together"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_DEADLINE_S = 90.0
_context = multiprocessing.get_context("forkserver")
_start: Barrier | None = None


def together(
    count: int, work: Callable[Concatenate[int, _P], _T], *arguments: _P.args, **options: _P.kwargs
) -> list[_T]:
    """Run a function in as many processes at once.

    Args:
        count: number of processes.
        work: a function of this module's sort: its first argument is the number of the process.
        *arguments: further arguments.
        **options: further arguments.

    Returns:
        What each process returned.
    """
    with ProcessPoolExecutor(
        count, mp_context=_context, initializer=_remember, initargs=(_context.Barrier(count),)
    ) as pool:
        futures = [pool.submit(_at_once, work, number, arguments, options) for number in range(count)]
        return [future.result(timeout=_DEADLINE_S) for future in futures]


def _remember(start: Barrier) -> None:
    global _start  # noqa: PLW0603 - a barrier can only be handed to a process at its birth
    _start = start


def _at_once(work: Callable[..., _T], number: int, arguments: tuple[object, ...], options: dict[str, object]) -> _T:
    assert _start is not None
    _start.wait(_DEADLINE_S)
    return work(number, *arguments, **options)


def open_and_count(number: int, uri: str) -> dict[str, int]:
    """Open a table, enter a job of one's own, and count what is there."""
    from harness.job_databases import new_job

    table = JobTable.open(uri)
    table.add([new_job(f"of process {number}")])
    return dict(table.counts())


def run_all(number: int, uri: str, folder: str) -> list[str]:
    """Claim and finish until nothing is left.

    Returns:
        The keys that were run.

    Raises:
        FileExistsError: another process was running the same key.
    """
    table, ran = JobTable.open(uri), []
    while job := table.claim(f"process {number}", 60):
        mark = Path(folder, job.key)
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        assert table.holds(job)
        mark.unlink()
        assert table.finish(job, "published")
        ran.append(job.key)
    return ran


def begin_a_scan(_number: int, uri: str) -> bool:
    """Whether this process is the one to scan."""
    return JobTable.open(uri).begin_scan(3600)


def take_all_notes(_number: int, uri: str) -> list[str]:
    """Names on the notes that this process got, a few at a time."""
    table, names = JobTable.open(uri), []
    while notes := table.take_notes(limit=3):
        names.extend(note.name for note in notes)
    return names


def claim_and_wait(uri: str, lease_s: float, claimed: str) -> None:
    """Claim a job, say so by making a file, and never end: somebody kills this process."""
    job = JobTable.open(uri).claim("killed", lease_s)
    assert job is not None
    Path(claimed).touch()
    multiprocessing.Event().wait()
