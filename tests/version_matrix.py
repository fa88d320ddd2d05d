"""Unit and contract tests under every Python and library version the project promises: ``python -m tests --matrix``.

Each row is an environment of its own, made by uv in a temporary folder. It needs nothing but uv and a Python: the
project is installed into the row's environment alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

__all__ = ["ROWS", "Outcome", "Row", "chosen", "counted", "run_rows", "table"]

_ROOT = Path(__file__).parents[1]
_EXTRAS = "keras,postgresql,test"
_TESTS = ["tests/unit", "tests/contract", "-n", "2", "--dist", "loadscope"]
_SHOWN = (
    *("mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "matplotlib", "numba", "sqlalchemy"),
    *("keras", "tensorflow-cpu", "tensorflow", "xgboost-cpu", "lightgbm", "shap"),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """An environment to test."""

    name: str  # what --matrix chooses it by
    python: str
    resolution: str  # of uv: highest, or lowest-direct (of what pyproject.toml names; what that needs is the newest)


ROWS = (
    Row(name="3.11", python="3.11", resolution="highest"),
    Row(name="3.12", python="3.12", resolution="highest"),
    Row(name="3.13", python="3.13", resolution="highest"),
    Row(name="lowest", python="3.11", resolution="lowest-direct"),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a row went."""

    row: Row
    fault: str = ""  # why the tests say nothing; empty where they do
    versions: dict[str, str] = field(default_factory=dict)  # of the libraries shown, and of python
    passed: int = 0
    skipped: int = 0
    failed: int = 0  # and what could not start
    seconds: float = 0

    @property
    def is_good(self) -> bool:
        """Whether every test that ran passed, and some did."""
        return not self.fault and self.failed == 0 and self.passed > 0


def chosen(names: list[str]) -> list[Row]:
    """Rows by name, in the order given; all for no name.

    Raises:
        SystemExit: for a name that no row has.
    """
    known = {row.name: row for row in ROWS}
    unknown = [name for name in names if name not in known]
    if unknown:
        msg = f"--matrix knows no row {', '.join(unknown)}: choose from {', '.join(known)}"
        raise SystemExit(msg)
    return [known[name] for name in names] or list(ROWS)


def run_rows(rows: list[Row], tests: list[str], path: str) -> list[Outcome]:
    """Run rows one after another.

    Args:
        rows: environments to make.
        tests: arguments for pytest instead of unit and contract tests on two processes; none for those.
        path: folders in which uv is looked for, and a row's own programs after those of its environment.

    Returns:
        One outcome a row.
    """
    outcomes = []
    for row in rows:
        print(f"\n== {row.name}: Python {row.python}, {row.resolution}", flush=True)
        with tempfile.TemporaryDirectory(prefix="interp-matrix-") as folder:
            outcome = _run(row, Path(folder), tests or _TESTS, path)
        outcomes.append(outcome)
        print(f"== {row.name}: {_verdict(outcome)}", flush=True)
    return outcomes


def _run(row: Row, folder: Path, tests: list[str], path: str) -> Outcome:
    programs = folder / "environment" / "bin"
    python, report, started = str(programs / "python"), folder / "report.xml", time.monotonic()

    def ended(**found: Any) -> Outcome:
        return Outcome(row=row, seconds=time.monotonic() - started, **found)

    if _code(["uv", "venv", "--python", row.python, str(programs.parent)], path):
        return ended(fault=f"no Python {row.python}")
    install = ["uv", "pip", "install", "--python", python, "--resolution", row.resolution, "-e", f".[{_EXTRAS}]"]
    if _code(install, path):
        return ended(fault="not installable")
    versions = _versions(python)
    command = [python, "-m", "pytest", *tests, f"--junitxml={report}", "-o", f"cache_dir={folder / 'cache'}"]
    code = _code(command, os.pathsep.join([str(programs), path]))
    if not report.exists():
        return ended(fault=f"pytest ended with {code}", versions=versions)
    return ended(versions=versions, **counted(report, code))


def _code(command: list[str], path: str) -> int:
    """The exit code of a program that is looked for on a path."""
    program = shutil.which(command[0], path=path)
    if program is None:
        msg = f"--matrix needs {command[0]}: pip install {command[0]}"
        raise SystemExit(msg)
    return subprocess.run([program, *command[1:]], cwd=_ROOT, env={**os.environ, "PATH": path}, check=False).returncode


def _versions(python: str) -> dict[str, str]:
    code = "import platform, importlib.metadata as m; print('python', platform.python_version())\n"
    code += "for each in m.distributions(): print(each.name, each.version)"
    lines = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    found = {name.lower(): version for name, version in (line.split(" ", 1) for line in lines)}
    return {name: found[name] for name in ("python", *_SHOWN) if name in found}


def counted(report: Path, code: int) -> dict[str, int]:
    """Tests by outcome; an exit code that no test explains, as of a broken session, counts as one that failed."""
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - written by our own pytest

    def total(name: str) -> int:
        return sum(int(suite.get(name, "0")) for suite in suites)

    failed, skipped = total("failures") + total("errors"), total("skipped")
    passed = total("tests") - failed - skipped
    return {"passed": passed, "skipped": skipped, "failed": failed or int(code != 0)}


def table(outcomes: list[Outcome]) -> str:
    """What was found, a column a row of the matrix."""
    names = [name for name in _SHOWN if any(name in outcome.versions for outcome in outcomes)]
    lines = [
        ["row", *(each.row.name for each in outcomes)],
        ["python", *(each.versions.get("python", each.row.python) for each in outcomes)],
        ["resolution", *(each.row.resolution for each in outcomes)],
        *([name, *(each.versions.get(name, "-") for each in outcomes)] for name in names),
        *([what, *(str(getattr(each, what)) for each in outcomes)] for what in ("passed", "skipped", "failed")),
        ["seconds", *(f"{each.seconds:.0f}" for each in outcomes)],
        ["result", *(_verdict(each) for each in outcomes)],
    ]
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _verdict(outcome: Outcome) -> str:
    return "passed" if outcome.is_good else outcome.fault or "FAILED"
