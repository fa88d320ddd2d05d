"""The environment the fork server starts in: an allow-list, so that no credential can slip through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["bare_environment", "of_its_own"]

_PASSED = (
    "PATH",
    "LD_LIBRARY_PATH",  # where libraries lie is no secret, and some installations need it
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "KERAS_BACKEND",
    "NUMBA_CACHE_DIR",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)

_FIXED = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # oneDNN sums in an order that depends on the machine
    "CUDA_VISIBLE_DEVICES": "-1",  # a child may open no device
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # its others reserve a GiB at once, which counts as private memory
    "PYTHONHASHSEED": "0",  # a second attempt walks through sets as the first did
}


def bare_environment(variables: Mapping[str, str], home: Path) -> dict[str, str]:
    """The complete environment of the fork server.

    Args:
        variables: of the worker, credentials and all.
        home: an empty folder that stands for the home folder.
    """
    passed = {name: variables[name] for name in _PASSED if name in variables}
    return passed | _FIXED | of_its_own(home)


def of_its_own(home: Path) -> dict[str, str]:
    """Variables that name folders where a process writes on its own account, all in one."""
    names = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR", "KERAS_HOME")
    return dict.fromkeys(names, str(home))
