"""shapiq as a peer: a process of its own, because it needs Python 3.12 or later.

The interpreter is the one ``SHAPIQ_PYTHON`` names, which must have shapiq; else the first Python from
3.12 on that is found, for which an environment with shapiq is made once and kept in the user's cache.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases.tree_sides import Attribution
from benchmarks.measuring.contest import Side, Turn
from benchmarks.measuring.records import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases.tree_sides import TreeWork

__all__ = ["ShapiqPeer", "find_python"]

_SHAPIQ = "shapiq>=1.8,<2"
_CHILD = Path(__file__).with_name("shapiq_child.py")
_OLDEST = (3, 12)
_INSTALL_LIMIT_S = 600


class ShapiqPeer:
    """A running process that explains rows of one model with shapiq."""

    def __init__(self, python: Path, work: TreeWork) -> None:
        """Start it and wait until it has loaded the model."""
        folder = work.settings.folder
        self._answer = folder / "shapiq-answer.npz"
        (folder / "shapiq-model.pickle").write_bytes(pickle.dumps(work.model.trees))
        np.save(folder / "shapiq-rows.npy", work.rows)
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [str(python), str(_CHILD), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.version = str(self._read()["version"])

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            msg = f"shapiq's process ended with exit code {self._process.wait()}"
            raise RuntimeError(msg)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def explain(self, n_rows: int) -> Turn:
        """The first rows; timed over there, so that passing the answer costs nothing."""
        if self._process.stdin is None:
            msg = "shapiq's process has no input"
            raise RuntimeError(msg)
        self._process.stdin.write(f"{n_rows}\n")
        self._process.stdin.flush()
        taken = self._read()
        with np.load(self._answer) as answer:
            attribution = Attribution(answer["values"], float(answer["base"]))
        return Turn(answer=attribution, wall_s=taken["wall_s"], cpu_s=taken["cpu_s"])

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    @classmethod
    @contextmanager
    def start(cls, work: TreeWork, case: str) -> Iterator[Side | Figure]:
        """The peer as a side, or why there is none."""
        python, reason = (None, "left out of the smallest run") if work.settings.tiny else find_python()
        if python is None:
            yield Figure(case=case, what="shapiq", value=None, unit="rows/s", remark=reason)
            return
        peer = cls(python, work)
        try:
            name = f"shapiq {peer.version}"
            yield Side(name=name, explain=peer.explain, error=work.error, max_rows=len(work.rows))
        finally:
            peer.close()


def find_python() -> tuple[Path | None, str]:
    """An interpreter that has shapiq, or None and the reason."""
    named = os.environ.get("SHAPIQ_PYTHON")
    if named:
        return Path(named), ""
    place = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "interp-pipeline", "shapiq")
    made = place / "bin" / "python"
    wanted = [_SHAPIQ, *(f"{name}=={version(name)}" for name in ("scikit-learn", "numpy"))]  # the model is pickled
    complete = place / "complete.txt"
    if complete.exists() and complete.read_text(encoding="utf-8") == " ".join(wanted):
        return made, ""
    interpreters = [path for path in _candidates() if _version_of(path) >= _OLDEST]
    if not interpreters:
        return None, "shapiq needs Python 3.12 or later, and none was found; name one in SHAPIQ_PYTHON"
    for command in (
        [str(interpreters[0]), "-m", "venv", "--clear", str(place)],
        [str(made), "-m", "pip", "install", "--quiet", *wanted],
    ):
        done = subprocess.run(  # noqa: S603 - an interpreter of this machine
            command, capture_output=True, text=True, timeout=_INSTALL_LIMIT_S, check=False
        )
        if done.returncode:
            return None, f"shapiq could not be installed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
    complete.write_text(" ".join(wanted), encoding="utf-8")
    return made, ""


def _candidates() -> list[Path]:
    """Interpreters on the path and of pyenv."""
    names = [f"python3.{minor}" for minor in range(_OLDEST[1], 20)]
    on_path = [Path(found) for name in names if (found := shutil.which(name))]
    return on_path + sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python"))


def _version_of(python: Path) -> tuple[int, ...]:
    """Its version; (0,) where it does not start, as a shim without an interpreter."""
    code = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - likewise
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else (0,)
