"""Who listens to nothing still lets the work run."""

from __future__ import annotations

import logging

import pytest

from interp_pipeline.progress import LoggedProgress, NamedProgress, SilentProgress


def test_it_lets_the_work_run(capfd: pytest.CaptureFixture[str]) -> None:
    progress = SilentProgress()
    steps = 0
    with progress.track("Explaining", 3) as advance:
        for _ in range(3):
            steps += 1
            advance(1)
    progress.say("done")
    assert steps == 3
    assert capfd.readouterr() == ("", "")


def test_it_lets_errors_through() -> None:
    with pytest.raises(ZeroDivisionError), SilentProgress().track("Explaining", 1):
        _ = 1 / 0


def test_lines_reach_whoever_listens_to_the_logger_and_nobody_else(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger("interp"), "handlers", [])
    with caplog.at_level(logging.INFO, logger="interp"):
        with NamedProgress("loans v3", LoggedProgress()).track("Explaining", 2) as advance:
            advance(2)
        NamedProgress("loans v3", LoggedProgress()).say("done")
    assert [record.getMessage().partition(" in ")[0] for record in caplog.records] == [
        "loans v3: Explaining: done",
        "loans v3: done",
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="interp"):
        LoggedProgress().say("done")
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_the_time_left_is_that_of_the_steps_after_the_first(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("interp"), "handlers", [])
    clock = [0.0, *(30, 32, 34, 36), *(37, 38, 40), 40]  # seconds; the first step waits for a library
    monkeypatch.setattr("interp_pipeline.progress.time.monotonic", iter(clock).__next__)
    with caplog.at_level(logging.INFO, logger="interp"), LoggedProgress().track("Drawing", 12) as advance:
        for steps in (1, 1, 1, 1, 2, 2, 4):
            advance(steps)
    assert [record.getMessage() for record in caplog.records] == [
        "Drawing: 1 of 12",
        "Drawing: 4 of 12, about 16 s left",
        "Drawing: done in 40.0 s",
    ]
