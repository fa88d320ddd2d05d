"""Which tests the two commands run: together all, the shorter one without those that are marked as long."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.__main__ import _checks

_ROOT = Path(__file__).parents[2]


def _chosen(*, everything: bool) -> list[str]:
    return [command[command.index("-m") + 1] for command in _checks(everything=everything) if command[0] == "pytest"]


def test_one_command_leaves_out_what_is_long_and_the_other_nothing() -> None:
    assert _chosen(everything=False) == ["not faults and not long", "faults and not long"]
    assert _chosen(everything=True) == ["not faults", "faults"]


def test_all_of_it_measures_coverage() -> None:
    assert [any("--cov" in command for command in _checks(everything=each)) for each in (False, True)] == [False, True]


def test_a_workflow_runs_all_of_it_weekly() -> None:
    workflow = yaml.safe_load((_ROOT / ".github/workflows/all.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert job["steps"][-1]["run"] == "python -m tests --all"
    assert {"schedule", "workflow_dispatch"} <= set(workflow[True])  # YAML 1.1 reads "on" so
