"""Calls that block, made from the event loop: in a few threads, and not waited for without end."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Blocking"]

_T = TypeVar("_T")


class Blocking:
    """A few threads for calls of one kind, so that those that hang keep no other kind from being made."""

    def __init__(self, name: str, *, threads: int, patience_s: float) -> None:
        """Prepare; threads are started when they are needed.

        Args:
            name: of the threads.
            threads: how many calls may be under way.
            patience_s: how long a call is waited for, its wait for a thread included, in s.
        """
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self.patience_s = patience_s

    async def call(self, function: Callable[[], _T]) -> _T:
        """Call it in a thread.

        Raises:
            TimeoutError: it took too long; it may still come to its end.
        """
        async with asyncio.timeout(self.patience_s):
            return await asyncio.get_running_loop().run_in_executor(self._pool, function)
