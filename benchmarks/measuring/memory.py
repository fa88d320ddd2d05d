"""The most memory a process held while something ran."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Peak", "peak_memory", "process_peak_mb"]

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")  # of Linux
_KIB_PER_MB = 1000**2 / 1024


@dataclass
class Peak:
    """Filled in when the block ends."""

    added_mb: float | None = None  # above what the process held before; None where the system cannot tell


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure how far the block raises the process's resident memory above what it was."""
    peak = Peak()
    if not (_RESET.exists() and _STATUS.exists()):
        yield peak
        return
    _RESET.write_text("5", encoding="ascii")  # the peak is counted anew from here on
    before = _kib("VmRSS")
    yield peak
    peak.added_mb = max(0.0, (_kib("VmHWM") - before) / _KIB_PER_MB)


def _kib(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    if found is None:
        msg = f"{_STATUS} does not say {name}"
        raise OSError(msg)
    return int(found.group(1))


def process_peak_mb() -> float:
    """The most memory this process ever held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB_PER_MB  # KiB on Linux
