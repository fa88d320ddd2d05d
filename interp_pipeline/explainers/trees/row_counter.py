"""Progress in rows, where every row is visited several times."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RowCounter"]


class RowCounter:
    """Turns visits of rows into rows finished."""

    def __init__(self, n_visits: int, advance: Callable[[int], None]) -> None:
        """Begin at none.

        Args:
            n_visits: of every row, after which it is finished.
            advance: called with the number of newly finished rows.
        """
        self._n_visits = n_visits
        self._advance = advance
        self._visited = self._told = 0

    def add(self, n_rows: int) -> None:
        """So many more rows were visited once."""
        self._visited += n_rows
        finished = self._visited // self._n_visits - self._told
        if finished:
            self._told += finished
            self._advance(finished)
