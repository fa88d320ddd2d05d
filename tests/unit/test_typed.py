"""A user's mypy sees the types of what is public: both packages say that they have some."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

_RIGHT = """\
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

import interp_pipeline
from interp_pipeline import Explanation, Interactions, InterpError
from mlflow_plugin.settings import load_settings

explanation: Explanation = interp_pipeline.explain("models:/loans/1", row=[1, 2], publish=True, replace=True)
values: npt.NDArray[np.float64] = explanation.values
figure: Figure = interp_pipeline.plots.beeswarm(explanation, top=5)
together: Interactions = interp_pipeline.find_interactions("models:/loans/1")
comparison = interp_pipeline.compare(["models:/loans/1", "models:/loans/2"])
shift: Figure = interp_pipeline.plots.shift(comparison, against="loans v2")
names: tuple[str, ...] = comparison.labels
patterns = load_settings(None).explain
try:
    interp_pipeline.load("models:/loans/1", name="one_row-3f9a1c20")
except InterpError as error:
    print(str(error), patterns)
"""
_WRONG = """\
import interp_pipeline

interp_pipeline.explain("models:/loans/1", rows="many")
interp_pipeline.load(3)
interp_pipeline.plots.shift("loans")
"""


@pytest.mark.timeout(300)
def test_a_strict_mypy_sees_what_is_right_and_what_is_wrong(tmp_path: Path) -> None:
    for name, code in (("right", _RIGHT), ("wrong", _WRONG)):
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "right.py", "wrong.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [line.split(": ")[0] for line in found] == ["wrong.py:3", "wrong.py:4", "wrong.py:5"], (
        done.stdout + done.stderr
    )
    assert all("[arg-type]" in line for line in found)


@pytest.mark.parametrize("package", ["interp_pipeline", "mlflow_plugin"])
def test_both_packages_say_that_they_are_typed(package: str) -> None:
    assert (_ROOT / package / "py.typed").is_file()
