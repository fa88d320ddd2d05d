"""Real processes that all begin to work on a job table at the same moment."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from mlflow_plugin.jobs import JobTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.synchronize import Barrier

__all__ = ["Crowd", "begin_a_scan", "claim_and_wait", "crowd_of", "open_and_count", "run_all", "take_all_notes"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_DEADLINE_S = 300.0
_context = multiprocessing.get_context("forkserver")
_start: Barrier | None = None


class Crowd:
    """Processes that stay, since starting them takes longer than what they do."""

    def __init__(self, pool: ProcessPoolExecutor, count: int) -> None:
        self._pool = pool
        self._count = count

    def run(self, work: Callable[Concatenate[int, _P], _T], *arguments: _P.args, **options: _P.kwargs) -> list[_T]:
        """Run a function in all processes at once.

        Args:
            work: one of this module's functions: its first argument is the number of the process.
            *arguments: further arguments.
            **options: further arguments.

        Returns:
            What each process returned.
        """
        futures = [self._pool.submit(_at_once, work, number, arguments, options) for number in range(self._count)]
        return [future.result(timeout=_DEADLINE_S) for future in futures]


@contextmanager
def crowd_of(count: int) -> Iterator[Crowd]:
    """So many processes for the length of the block."""
    start = _context.Barrier(count)
    with ProcessPoolExecutor(count, mp_context=_context, initializer=_remember, initargs=(start,)) as pool:
        yield Crowd(pool, count)


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

    with closing(JobTable.open(uri)) as table:
        table.add([new_job(f"of process {number}")])
        return dict(table.counts())


def run_all(number: int, uri: str, folder: str) -> list[str]:
    """Claim and finish until nothing is left.

    Returns:
        The keys that were run.

    Raises:
        FileExistsError: another process was running the same key.
    """
    ran = []
    with closing(JobTable.open(uri)) as table:
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
    with closing(JobTable.open(uri)) as table:
        return table.begin_scan(3600)


def take_all_notes(_number: int, uri: str) -> list[str]:
    """Names on the notes that this process got, a few at a time."""
    names: list[str] = []
    with closing(JobTable.open(uri)) as table:
        while notes := table.take_notes(limit=3):
            names.extend(note.name for note in notes)
    return names


def claim_and_wait(uri: str, lease_s: float, claimed: str) -> None:
    """Claim a job, say so by making a file, and never end: somebody kills this process."""
    job = JobTable.open(uri).claim("killed", lease_s)
    assert job is not None
    Path(claimed).touch()
    multiprocessing.Event().wait()
