"""The benchmark program: what it says is what was measured. How fast anything is, is no test."""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks import run as program
from benchmarks.catalogue import CASES, chosen_cases
from benchmarks.measuring.children import ChildError, ChildTimeoutError, call_in_child
from benchmarks.measuring.contest import Contest, Side, Turn
from benchmarks.measuring.growth import fit_slope, slope_record
from benchmarks.measuring.memory import peak_memory
from benchmarks.measuring.records import Figure, Slope, Speed, record_from_json, to_json
from benchmarks.reference import exact_values, sampled_values
from benchmarks.tables import markdown, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Actor:
    """A side that says itself how long it took: so many seconds per row, times the next of its moods."""

    wall_s: float
    cpu_s: float
    answer: float
    moods: Sequence[float] = (1.0,)

    def __post_init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, rows: int) -> Turn:
        mood = self.moods[len(self.asked) % len(self.moods)]
        self.asked.append(rows)
        return Turn(answer=self.answer, wall_s=self.wall_s * rows * mood, cpu_s=self.cpu_s * rows)

    def side(self, name: str, max_rows: int = 1000) -> Side:
        return Side(name=name, explain=self, error=lambda answer: abs(answer - 5.0), max_rows=max_rows)


def contest(ours: Actor, peer: Actor) -> Speed:
    (record,) = Contest(
        case="case",
        error_is="distance to 5",
        ours=[ours.side("ours 1")],
        peers=[peer.side("peer")],
        repeats=3,
        budget_s=1.0,
        bars={("ours 1", "peer"): (7.0, 9.0)},
        apart=lambda one, other: abs(one - other),
    ).run()
    return record


def test_a_contest_says_who_was_how_fast_and_how_wrong() -> None:
    ours, peer = Actor(0.01, 0.02, 5.25), Actor(0.1, 0.1, 4.0)
    record = contest(ours, peer)
    assert record.rows_per_s == pytest.approx(100)
    assert record.rows_per_cpu_s == pytest.approx(50)
    assert record.peer_rows_per_s == pytest.approx(10)
    assert (record.ratio, record.ratio_cpu) == (pytest.approx(10), pytest.approx(5))
    assert (record.error, record.peer_error, record.apart) == (0.25, 1.0, 1.25)
    assert (record.must, record.aim, record.repeats) == (7.0, 9.0, 3)
    assert record.rows == 64  # four times more until a turn takes at least half the budget of one second
    assert record.peer_rows == 10
    assert ours.asked[-3:] == [64] * 3


def test_the_ratio_is_the_median_of_rounds_and_its_spread_is_said() -> None:
    record = contest(Actor(0.5, 0.5, 5), Actor(1.0, 1.0, 5, moods=(1.0, 1.0, 1.0, 3.0, 2.0)))
    assert (record.ratio_low, record.ratio, record.ratio_high) == (2, 4, 6)


def test_a_slow_peer_has_one_turn() -> None:
    peer = Actor(60.0, 60.0, 5)
    record = contest(Actor(0.01, 0.01, 5), peer)
    assert peer.asked == [1, 1]  # one to warm up
    assert record.ratio == pytest.approx(6000)


def test_the_power_law_of_a_growth() -> None:
    record = slope_record(case="c", over="rows", cost="s", threads=1, costs={10: 3.0, 100: 30.0, 1000: 3000.0})
    assert record.points == ((10, 3), (100, 30), (1000, 3000))
    assert record.last_slope == pytest.approx(2)
    assert record.slope == pytest.approx(1.5)
    assert fit_slope([(1, 2), (2, 8), (4, 32)]) == pytest.approx(2)


def test_the_references_are_shapley_values() -> None:
    random = np.random.default_rng(0)
    rows, background, weights = random.normal(size=(2, 5)), random.normal(size=(7, 5)), random.normal(size=5)
    linear = weights * (rows - background.mean(axis=0))
    np.testing.assert_allclose(exact_values(lambda x: x @ weights[:, np.newaxis], rows, background), linear, atol=1e-12)
    product = exact_values(lambda x: x[:, :1] * x[:, 1:2], np.array([[2.0, 3.0, 1.0]]), np.zeros((1, 3)))
    np.testing.assert_allclose(product, [[3, 3, 0]], atol=1e-12)

    def bent(x: np.ndarray) -> np.ndarray:
        return np.tanh(x @ weights)[:, np.newaxis]

    exact, sampled = (f(bent, rows, background, *n) for f, n in ((exact_values, ()), (sampled_values, (200,))))
    assert 0 < np.abs(exact - sampled).max() < 0.05 * np.abs(exact).max()


def test_memory_is_seen_though_it_is_given_back() -> None:
    with peak_memory() as small:
        pass
    with peak_memory() as large, mmap.mmap(-1, 80_000_000) as fresh:  # an array may lie where one lay before
        for _ in range(80):
            fresh.write(b"1" * 1_000_000)
    if large.added_mb is None:  # a system that does not tell
        assert small.added_mb is None
    else:
        assert small.added_mb is not None
        assert 75 < large.added_mb - small.added_mb < 90


def test_a_child_answers_fails_or_is_late() -> None:
    assert call_in_child("benchmarks.catalogue:chosen_cases", {"patterns": ["memory"]}, limit_s=60) == ["memory"]
    with pytest.raises(ChildError, match="there is no case 'nonsense'"):
        call_in_child("benchmarks.catalogue:chosen_cases", {"patterns": ["nonsense"]}, limit_s=60)
    with pytest.raises(ChildTimeoutError, match="not finished after 0 s"):
        call_in_child("benchmarks.catalogue:chosen_cases", {"patterns": []}, limit_s=0.01)


def test_every_case_exists() -> None:
    for case in CASES.values():
        module, _, function = case.target.partition(":")
        assert callable(getattr(import_module(f"benchmarks.cases.{module}"), function))
    assert chosen_cases([]) == list(CASES)
    assert set(chosen_cases([], quick=True)) < set(CASES)
    assert chosen_cases(["path-*", "memory"]) == [n for n in CASES if n.startswith("path-") or n == "memory"]


def test_records_survive_json() -> None:
    speed = contest(Actor(0.01, 0.01, 5), Actor(0.1, 0.1, 5))
    slope = slope_record(case="c", over="rows", cost="s", threads=1, costs={1: 1.0, 2: 2.0})
    for record in (speed, slope, Figure(case="c", what="w", value=None, unit="s", remark="why")):
        assert record_from_json({**json.loads(json.dumps(to_json(record))), "machine": "any"}) == record


def test_the_program_measures_checks_and_writes_a_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "records.json"
    assert program.main(["--tiny", "--case", "lime-forest", "--json", str(file), "--markdown"]) == 0
    (record,) = json.loads(file.read_text(encoding="utf-8"))
    assert record["kind"] == "speed"
    assert {field.name for field in fields(Speed)} <= set(record)
    assert record["error"] == record["apart"] == record["peer_error"] == 0  # LIME's bits
    assert record["rows_per_s"] > 0
    assert record["ratio_low"] <= record["ratio"] <= record["ratio_high"]
    assert record["threads"] == 1
    assert record["machine"]
    assert {"python", "numpy", "lime"} <= set(record["versions"])
    printed = capsys.readouterr().out
    assert f"lime {record['versions']['lime']}" in printed
    assert "500 training rows" in printed
    assert "| LIME, forest, 10 rows at once | lime |" in printed


def test_a_case_that_fails_is_said_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CASES, "broken", CASES["memory"])  # known here, unknown in the child
    assert program.main(["--tiny", "--case", "broken"]) == 1
    output = capsys.readouterr()
    assert "failed: not measured (KeyError: 'broken')" in output.out
    assert "failed: broken" in output.err
    with pytest.raises(SystemExit):
        program.main(["--case", "nonsense"])


def test_tables_say_everything() -> None:
    speed = contest(Actor(0.01, 0.01, 5), Actor(0.1, 0.1, 5))
    slope = Slope(case="g", over="rows", cost="s", threads=1, points=((1, 2), (2, 4)), slope=1.0, last_slope=1.0)
    missing = Figure(case="g", what="shapiq", value=None, unit="s", remark="no Python")
    printed = "\n".join(text([speed, slope, missing]))
    assert "10.0x" in printed
    assert "s grow with rows to the power 1.00" in printed
    assert "shapiq: not measured (no Python)" in printed
    assert list(markdown([speed, slope]))[2] == "| case | peer | 10 | 100 (10x) | 0e+00 / 0e+00 |"
    stopped = replace(speed, case="mean |value|", peer_stopped_s=30.0, peer_error=None)
    assert "(> 30 s)" in "\n".join(text([stopped]))
    assert list(markdown([stopped]))[2] == r"| mean \|value\| | peer | > 30 s | 100 (> 10x) | 0e+00 / - |"
