"""The environment of fork server and children: an allow-list, so that no credential can slip through.

This is no setting: what these processes are given of the worker's own environment, and nothing else of it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["bare_environment", "library_folders", "move_home"]

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


# Folders where libraries write on their own account.
_OWN_FOLDERS = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR", "KERAS_HOME")


def bare_environment(home: Path, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The complete environment of the fork server.

    Args:
        home: an empty folder that stands for the home folder.
        variables: of the worker, credentials and all; None for those of this process.
    """
    given = os.environ if variables is None else variables
    passed = {name: given[name] for name in _PASSED if name in given}
    return passed | _FIXED | dict.fromkeys(_OWN_FOLDERS, str(home))


def move_home(home: Path) -> None:
    """Give this process, which has a bare environment, another home folder."""
    os.environ.update(dict.fromkeys(_OWN_FOLDERS, str(home)))


def library_folders() -> list[str]:
    """Where this process was told to look for shared libraries; relative ones left out."""
    return [each for each in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if each.startswith("/")]
