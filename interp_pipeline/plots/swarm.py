"""Where the dots of a swarm go so that they lie beside each other: density drawn as width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["swarm_offsets"]

_BINS_PER_UNIT = 60  # dots closer than this along the axis would overlap
_GOLDEN = (5**0.5 - 1) / 2  # its multiples modulo 1 are evenly spread
_COMFORTABLE = 8  # dots side by side at their natural distance; denser bins are squeezed


def swarm_offsets(positions: FloatArray) -> FloatArray:
    """Offsets across the axis for dots along it.

    Dots are counted in narrow bins and stacked from the middle outwards, alternating sides. No
    random number is involved: equal input gives equal output. Cost O(n log n).

    Args:
        positions: along the axis, scaled so that 1 is the axis' half length, shape (n,).

    Returns:
        Offsets from -1 to 1, shape (n,).
    """
    if positions.size == 0:
        return np.zeros(0)
    bins = np.round(positions * _BINS_PER_UNIT).astype(np.int64)
    shuffled = np.arange(len(bins)) * _GOLDEN % 1  # sorted by position, dots would line up in chevrons
    order = np.lexsort((shuffled, bins))
    _, first, counts = np.unique(bins[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, counts)
    step = np.where(place % 2 == 0, -(place // 2), (place + 1) // 2)
    half = max(int(counts.max()) // 2, _COMFORTABLE // 2)
    offsets = np.empty(len(order))
    offsets[order] = step / half
    return np.clip(offsets, -1, 1)
