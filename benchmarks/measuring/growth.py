"""How a cost grows with a size: the exponent of a power law."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measuring.records import Slope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["cpu_seconds", "fit_slope", "slope_record"]


def fit_slope(points: Sequence[tuple[float, float]]) -> float:
    """Least squares through the logarithms of sizes and costs."""
    sizes, costs = np.log(np.array(points, dtype=np.float64)).T
    return float(np.polyfit(sizes, costs, 1)[0])


def cpu_seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Median CPU time of the process, after one run to warm up."""
    work()
    taken = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def slope_record(
    *, case: str, over: str, cost: str, threads: int, costs: Mapping[float, float], remark: str = ""
) -> Slope:
    """Put measured costs by size into a record."""
    points = tuple((float(size), float(costs[size])) for size in sorted(costs))
    return Slope(
        case=case,
        over=over,
        cost=cost,
        threads=threads,
        points=points,
        slope=fit_slope(points),
        last_slope=fit_slope(points[-2:]),
        remark=remark,
    )
