"""What the figures were measured on and with."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["LIBRARIES", "describe_machine", "library_versions"]

LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "shap",
    "lime",
    "mlflow",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "xgboost",
    "xgboost-cpu",
    "lightgbm",
    "pandas",
)


def library_versions() -> dict[str, str]:
    """Version by distribution, of those that are installed."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # an optional peer, whose cases say that it is missing
    return found


def describe_machine() -> str:
    """Processor, cores this process may use, memory and system in one line."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{_processor()}, {cores} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"


def _processor() -> str:
    """The processor's name where the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
