"""Every check of the project, one after another: ``python -m tests``.

``python -m tests --all`` also runs the tests that are marked as long, and measures coverage, which slows every process.
Further arguments go to pytest alone: ``python -m tests tests/unit -k plots``.
``python -m tests --changed`` runs what a change can break, in seconds; ``--changed REF`` what changed since a commit.
``python -m tests --matrix`` runs unit and contract tests under every Python and library version that is promised;
``--matrix 3.13 lowest`` under these, ``--matrix lowest -- tests/unit -k plots`` with arguments for pytest.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from tests.changed import affected_tests, changed_files
from tests.version_matrix import chosen, run_rows, table

_ROOT = Path(__file__).parents[1]
_CODE = ["interp_pipeline", "mlflow_plugin", "projects", "benchmarks", "tests"]
_LINTERS = [["ruff", "check", *_CODE], ["ruff", "format", "--check", *_CODE], ["mypy"], ["lint-imports"]]
# Files come in the order that their conftest gives: by their number of tests, the longest would come last.
_PYTEST = ["pytest", "--dist", "loadscope", "--no-loadscope-reorder", "--durations=10"]
# Two processes: more would only share the two cores of a small machine with the servers under test.
_MOST = [*_PYTEST, "-n", "2", "-m"]
_COVERAGE = ["--cov", "--cov-report=term:skip-covered"]
# These wait more than they compute. Without coverage, which a process that is killed never writes.
_FAULTS = [*_PYTEST, "-n", "3", "-m"]


def main() -> int:
    """Run all checks, also after one has failed.

    Returns:
        0 if all passed, else 1.
    """
    # What the environment holds is found before what the machine has.
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    given = sys.argv[1:]
    if given[:1] == ["--matrix"]:
        return _matrix(given[1:], path)
    if given[:1] == ["--changed"]:
        checks = _checks_of_change(given[1:])
    elif given and given != ["--all"]:
        checks = [["pytest", *given]]
    else:
        checks = _checks(everything=bool(given))
    failed = []
    for command in checks:
        print(f"\n== {' '.join(command)}", flush=True)
        started = time.monotonic()
        code = subprocess.run(command, cwd=_ROOT, env={**os.environ, "PATH": path}, check=False).returncode
        print(f"== {'passed' if code == 0 else f'FAILED ({code})'} in {time.monotonic() - started:.0f} s", flush=True)
        if code:
            failed.append(command[0])
    if failed:
        print(f"\nfailed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def _matrix(given: list[str], path: str) -> int:
    names = list(itertools.takewhile(lambda word: word != "--", given))
    outcomes = run_rows(chosen(names), given[len(names) + 1 :], path)
    print(f"\n{table(outcomes)}", flush=True)
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


def _checks(*, everything: bool) -> list[list[str]]:
    if everything:
        tests = [[*_MOST, "not faults", *_COVERAGE], [*_FAULTS, "faults"]]
    else:
        tests = [[*_MOST, "not faults and not long"], [*_FAULTS, "faults and not long"]]
    return [*_LINTERS, *tests]


def _checks_of_change(given: list[str]) -> list[list[str]]:
    """The linters, which remember what they have seen, and the tests that the change can break."""
    files = affected_tests(changed_files(given[0] if given else None))
    if not files:
        print("no test of the layers unit and contract knows what was changed", flush=True)
    return [*_LINTERS, *([["pytest", "-q", *files]] if files else [])]


if __name__ == "__main__":
    sys.exit(main())
