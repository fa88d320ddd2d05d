"""Us and our peers on the same work, taking turns, because the machine is never quite the same.

Every side is warmed up (compiled, caches filled), then its number of rows is chosen so that one turn
takes about the budget; then all sides take turns. A ratio is formed within one round of turns, and
its spread over the rounds is reported beside its median.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.measuring.memory import peak_memory
from benchmarks.measuring.records import Speed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Contest", "Side", "Turn"]

_SLOW = 4  # a side whose turn takes this many times the budget has one turn
_GROW = 4  # times more rows while the right number is searched for


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One side's answer and what it took."""

    answer: Any
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, kw_only=True)
class Side:
    """One that explains: us with a number of threads, or a peer."""

    name: str
    explain: Callable[[int], Any]  # the first so many rows; a ``Turn`` where it was timed elsewhere
    error: Callable[[Any], float]  # largest error of such an answer
    max_rows: int
    threads: int = 1
    min_rows: int = 1  # fewer are not what anybody explains at once, and what is paid once would weigh too much
    fixed_rows: int | None = None  # always so many, where a side's cost is not per row
    warm: bool = False  # its code has run in this process before, with nothing left to compile

    def turn(self, rows: int) -> Turn:
        """Explain and time it."""
        cpu, wall = time.process_time(), time.perf_counter()
        answer = self.explain(rows)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return answer if isinstance(answer, Turn) else Turn(answer=answer, wall_s=wall, cpu_s=cpu)


@dataclass
class _Measured:
    """A side's turns so far."""

    side: Side
    rows: int
    turns: list[Turn]
    memory_mb: float | None = None

    def rate(self, turn: int) -> float:
        """Rows per second; a side with a single turn is compared in every round by that one."""
        return self.rows / self.turns[min(turn, len(self.turns) - 1)].wall_s

    @property
    def rows_per_s(self) -> float:
        return self.rows / statistics.median(turn.wall_s for turn in self.turns)

    @property
    def rows_per_cpu_s(self) -> float:
        return self.rows / max(statistics.median(turn.cpu_s for turn in self.turns), 1e-9)

    @property
    def error(self) -> float:
        return self.side.error(self.turns[0].answer)


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The same work for several sides."""

    case: str
    error_is: str
    ours: Sequence[Side]
    peers: Sequence[Side]
    repeats: int
    budget_s: float  # of one turn
    bars: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    # by our side's and the peer's name: the ratio that is good enough, and where optimising stops
    apart: Callable[[Any, Any], float] | None = None  # how far two answers are from each other
    remark: str = ""

    def run(self) -> list[Speed]:
        """Measure.

        Returns:
            One record per pair of one of us and one peer.
        """
        measured = {side.name: self._prepare(side) for side in (*self.ours, *self.peers)}
        for _ in range(self.repeats):
            for each in measured.values():
                if not (each.turns and each.turns[0].wall_s > _SLOW * self.budget_s):
                    each.turns.append(each.side.turn(each.rows))
        return [self._record(measured[our.name], measured[peer.name]) for our in self.ours for peer in self.peers]

    def _prepare(self, side: Side) -> _Measured:
        """Warm a side up and find how many rows make a turn."""
        rows = side.fixed_rows or min(side.min_rows, side.max_rows)
        if not side.warm:
            side.turn(rows)
        with peak_memory() as peak:
            first = side.turn(rows)
        if first.wall_s > _SLOW * self.budget_s:
            return _Measured(side, rows, [first], peak.added_mb)
        if side.fixed_rows is not None:
            return _Measured(side, rows, [], peak.added_mb)
        taken = first.wall_s
        while taken < self.budget_s / 2 and rows < side.max_rows:
            wanted = int(rows * self.budget_s / max(taken, 1e-6))
            rows = min(side.max_rows, max(rows + 1, min(wanted, rows * _GROW)))
            with peak_memory() as peak:
                taken = side.turn(rows).wall_s
        return _Measured(side, rows, [], peak.added_mb)

    def _record(self, our: _Measured, peer: _Measured) -> Speed:
        must, aim = self.bars.get((our.side.name, peer.side.name), (None, None))
        rounds = max(len(our.turns), len(peer.turns))
        ratios = [our.rate(i) / peer.rate(i) for i in range(rounds)]
        return Speed(
            case=self.case,
            peer=peer.side.name,
            threads=our.side.threads,
            repeats=rounds,
            rows=our.rows,
            rows_per_s=our.rows_per_s,
            rows_per_cpu_s=our.rows_per_cpu_s,
            error=our.error,
            error_is=self.error_is,
            memory_mb=our.memory_mb,
            peer_rows=peer.rows,
            peer_rows_per_s=peer.rows_per_s,
            peer_error=peer.error,
            apart=self.apart(our.turns[0].answer, peer.turns[0].answer) if self.apart else None,
            ratio=statistics.median(ratios),
            ratio_low=min(ratios),
            ratio_high=max(ratios),
            ratio_cpu=our.rows_per_cpu_s / peer.rows_per_cpu_s,
            must=must,
            aim=aim,
            remark=self.remark,
        )
