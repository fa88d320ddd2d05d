from __future__ import annotations

import re
from pathlib import Path

import yaml

_ROOT = Path(__file__).parents[2]


def _pins(lines: list[str]) -> dict[str, str]:
    found = [re.match(r"([A-Za-z0-9._-]+)==([^;\s]+)", line.strip()) for line in lines]
    return {match[1].lower(): match[2] for match in found if match}


def test_the_project_environment_and_the_tests_run_the_same_versions() -> None:
    conda = yaml.safe_load((_ROOT / "conda.yaml").read_text(encoding="utf-8"))
    projects = _pins(next(entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)))
    tests = _pins((_ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines())
    assert len(projects) > 100
    assert {name: tests.get(name) for name in projects} == projects


def test_mlflow_in_the_readme_is_the_pinned_one() -> None:
    tests = _pins((_ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines())
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"mlflow==([\d.]+)", readme)) == {tests["mlflow"]}
