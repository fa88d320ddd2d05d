"""Blocks of rows on several threads. Compiled code releases the interpreter's lock, so they run at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["run_blocks", "set_threads", "thread_count"]

_chosen: list[int] = []  # empty: as many as there are cores for this process


def set_threads(count: int | None) -> None:
    """Use at most that many threads from now on; None for one per core of this process.

    Numbers never depend on it: a row's values are computed by one thread, whichever it is.
    """
    _chosen[:] = [] if count is None else [max(1, count)]


def thread_count() -> int:
    """Threads that ``run_blocks`` uses at most."""
    if _chosen:
        return _chosen[0]
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def run_blocks(work: Callable[[slice], None], blocks: Sequence[slice], after: Callable[[int], None]) -> None:
    """Do the work for every block of rows.

    Args:
        work: computes one block; it must write to no place another block writes to.
        blocks: slices of rows.
        after: called in this thread with the number of rows of each finished block; what it raises
            ends the work after the blocks that have begun.
    """
    count = min(thread_count(), len(blocks))
    if count <= 1:
        for block in blocks:
            work(block)
            after(block.stop - block.start)
        return
    with ThreadPoolExecutor(count, thread_name_prefix="interp-kernel") as pool:
        running = {pool.submit(work, block): block for block in blocks}
        try:
            for future in as_completed(running):
                future.result()
                after(running[future].stop - running[future].start)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
