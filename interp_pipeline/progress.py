"""How long work says where it is, without knowing who is listening."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["Progress", "SilentProgress"]


class Progress(Protocol):
    """Listens to long work: one call of ``track`` per stage, one call of its result per step."""

    def track(self, stage: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Open a stage.

        Args:
            stage: what is being done, as shown to the user: ``Explaining with shap_tree``.
            total: number of steps the stage has.

        Returns:
            Context manager giving ``advance(n)``, to be called after every n finished steps.
        """

    def say(self, message: str) -> None:
        """Tell the user one fact worth a line of its own."""


class SilentProgress:
    """Listens and shows nothing: for callers from Python."""

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Open a stage nobody watches."""
        del stage, total
        yield lambda _steps: None

    def say(self, message: str) -> None:
        """Drop the message."""
