"""Progress on a terminal: bars with the time left; elsewhere plain lines."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from interp_pipeline.plain_text import plain
from interp_pipeline.progress import LoggedProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from interp_pipeline.progress import Progress

__all__ = ["console_progress"]


def console_progress(log_format: str = "text") -> Progress:
    """Progress bars with the time left on a terminal, plain lines elsewhere, JSON lines where asked for."""
    if log_format == "text" and sys.stderr.isatty():
        from rich.console import Console

        return _BarProgress(Console(stderr=True))
    return LoggedProgress()


class _BarProgress:
    """Bars drawn by rich."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show one bar while the stage lasts."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with RichProgress(*columns, console=self._console) as bars:
            task = bars.add_task(plain(stage), total=total)
            yield lambda steps: bars.advance(task, steps)

    def say(self, message: str) -> None:
        """Print a line above the bars."""
        self._console.print(plain(message), markup=False, highlight=False)
