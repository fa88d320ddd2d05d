"""The matrix of versions, the workflow that runs it, and what pyproject.toml says of Python."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from version_matrix import ROWS, Outcome, chosen, counted, table

_ROOT = Path(__file__).parents[2]
_NAMES = [row.name for row in ROWS]
_REPORT = '<testsuites><testsuite tests="{tests}" failures="{failures}" errors="{errors}" skipped="1"/></testsuites>'


def _project() -> dict[str, Any]:
    return tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_rows_are_chosen_by_name_and_all_without_one() -> None:
    assert [row.name for row in chosen([])] == _NAMES
    assert [row.name for row in chosen(["lowest", "3.12"])] == ["lowest", "3.12"]
    with pytest.raises(SystemExit, match=r"no row 3\.10: choose from 3\.11, 3\.12, 3\.13, lowest"):
        chosen(["3.13", "3.10"])


@pytest.mark.parametrize(
    ("tests", "failures", "errors", "code", "expected"),
    [
        (9, 0, 0, 0, (8, 1, 0)),
        (9, 2, 1, 1, (5, 1, 3)),
        (9, 0, 0, 3, (8, 1, 1)),  # the session broke: no test says so
    ],
)
def test_outcomes_are_counted(
    tests: int, failures: int, errors: int, code: int, expected: tuple[int, int, int], tmp_path: Path
) -> None:
    report = tmp_path / "report.xml"
    report.write_text(_REPORT.format(tests=tests, failures=failures, errors=errors))
    found = Outcome(row=ROWS[0], **counted(report, code))
    assert (found.passed, found.skipped, found.failed) == expected
    assert found.is_good == (found.failed == 0)


def test_a_row_without_tests_or_without_an_environment_is_not_good() -> None:
    assert not Outcome(row=ROWS[0]).is_good
    assert not Outcome(row=ROWS[0], passed=5, fault="not installable").is_good


def test_the_table_has_a_column_a_row() -> None:
    good = Outcome(row=ROWS[0], versions={"python": "3.11.7", "numpy": "2.1.0"}, passed=5, seconds=61.4)
    bad = Outcome(row=ROWS[3], fault="not installable")
    cells = [re.split(" {2,}", line.strip()) for line in table([good, bad]).splitlines()]
    shown = {name: found for name, *found in cells}
    assert shown["python"] == ["3.11.7", "3.11"]
    assert shown["numpy"] == ["2.1.0", "-"]
    assert shown["seconds"] == ["61", "0"]
    assert shown["result"] == ["passed", "not installable"]


def test_the_workflow_runs_every_row_weekly_and_by_hand() -> None:
    text = (_ROOT / ".github/workflows/versions.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    when = workflow[True]  # YAML 1.1 reads "on" so
    minute, hour, *_, weekday = when["schedule"][0]["cron"].split()
    assert (minute.isdigit(), hour.isdigit(), weekday.isdigit()) == (True, True, True)
    assert "workflow_dispatch" in when
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["row"] == _NAMES
    assert job["strategy"]["fail-fast"] is False
    assert job["steps"][-1]["run"] == 'python -m tests --matrix "${{ matrix.row }}"'
    assert "://" not in text  # no host, of a registry or other


def test_pyproject_promises_the_pythons_of_the_matrix() -> None:
    """One oldest Python for the promise, the linter, the types and the lowest versions."""
    project, tools = _project()["project"], _project()["tool"]
    pythons = sorted({row.python for row in ROWS})
    classifier = "Programming Language :: Python :: "
    assert [each.removeprefix(classifier) for each in project["classifiers"] if classifier in each] == pythons
    assert project["requires-python"] == f">={pythons[0]}"
    assert tools["ruff"]["target-version"] == f"py{pythons[0].replace('.', '')}"
    assert tools["mypy"]["python_version"] == pythons[0]
    assert next(row.python for row in ROWS if row.resolution == "lowest-direct") == pythons[0]
