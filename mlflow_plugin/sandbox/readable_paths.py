"""What of the file system a child may read beside the model and its task: code, and a few facts on the machine."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import interp_pipeline
import mlflow_plugin
from mlflow_plugin.sandbox.environment import library_folders

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["WRITABLE_DEVICES", "facts_of_itself", "importable_folders", "installed_code"]

_SHARED_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
_MACHINE = (
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    # How many cores and how much memory there are. Nothing else of /proc: it would show the worker's environment.
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
)
WRITABLE_DEVICES = (Path("/dev/null"),)
_OF_ITSELF = ("cmdline", "maps", "stat", "statm", "status")


def importable_folders() -> list[str]:
    """Where the fork server looks for modules: where this process does, but for its working directory."""
    return [each for each in sys.path if each and Path(each).is_absolute()]


@cache
def installed_code() -> tuple[Path, ...]:
    """Folders and files every child may read.

    Of the import path only what belongs to the installation of Python: a checkout of the user's holds more than
    code. Of this project the two packages alone.
    """
    own = [Path(next(iter(package.__path__))) for package in (interp_pipeline, mlflow_plugin)]
    named = (*_SHARED_LIBRARIES, *library_folders(), *_MACHINE)
    return tuple(dict.fromkeys([*own, *_python(), *map(Path, named)]))


def facts_of_itself() -> tuple[Path, ...]:
    """What this very process may read of itself in /proc.

    Scikit-learn asks where its libraries lie, TensorFlow how it was called, others how large they are.
    The kernel makes such files anew when nobody holds them, and a rule of Landlock's is about one file; so each is
    held open from here on, in a way that gives no access by itself.
    """
    found = []
    for path in (Path("/proc/self", name) for name in _OF_ITSELF):
        if path.exists():
            os.open(path, os.O_PATH)
            found.append(path)
    return tuple(found)


def _python() -> Iterable[Path]:
    """The standard library, installed packages, the interpreter itself and the libraries that come with it."""
    paths = sysconfig.get_paths()
    yield from (Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    yield Path(sys.executable).resolve()
    roots = [Path(prefix) for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}]
    yield from (root / "lib" for root in roots)
    for each in importable_folders():
        if Path(each).name in {"site-packages", "dist-packages"} or any(
            Path(each).is_relative_to(root / "lib") for root in roots
        ):
            yield Path(each)
