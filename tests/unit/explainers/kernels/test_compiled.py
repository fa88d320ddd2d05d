"""Compiled code works where nothing can be kept on disk, as in a container with a read-only file system."""

from __future__ import annotations

import os
import subprocess
import sys

_NOWHERE = "/proc/nowhere"  # no file can be made there by anyone

_PROGRAM = """
from interp_pipeline.explainers.kernels.compiled import compiled, kernel
for decorate in (compiled, kernel):
    names = {}
    exec(compile("def double(x):\\n    return 2 * x", "/proc/nowhere/code.py", "exec"), names)
    print(decorate(names["double"])(21))
"""


def test_code_that_cannot_be_kept_is_compiled_all_the_same_and_said_once() -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"},
        "HOME": _NOWHERE,
        "XDG_CACHE_HOME": _NOWHERE,
    }
    done = subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["42", "42"]
    assert done.stderr.count("set NUMBA_CACHE_DIR to a folder") == 1
