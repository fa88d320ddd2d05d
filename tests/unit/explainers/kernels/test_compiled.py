"""Compiled code works where nothing can be kept on disk, and what is kept is that of the code as it stands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from interp_pipeline.explainers.kernels import compiled

if TYPE_CHECKING:
    from pathlib import Path

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


def test_kept_code_is_thrown_away_when_a_function_it_calls_changes_in_another_file(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    shutil.copy(str(compiled.__file__), room / "compiled.py")
    caller = "from compiled import kernel\nfrom called import add\n@kernel\ndef call(x):\n    return add(x)\n"
    (room / "caller.py").write_text(caller, encoding="utf-8")
    code = "import caller; print(caller.call(1), sum(caller.call.stats.cache_hits.values()))"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    answers = []
    for added in (1, 1, 5):
        called = f"from compiled import kernel\n@kernel\ndef add(x):\n    return x + {added}\n"
        (room / "called.py").write_text(called, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=room, capture_output=True, text=True, check=True
        )
        answers.append(done.stdout.split())
    assert answers == [["2", "0"], ["2", "1"], ["6", "0"]]
