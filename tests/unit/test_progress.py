"""Who listens to nothing still lets the work run."""

from __future__ import annotations

import pytest

from interp_pipeline.progress import SilentProgress


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
