"""The process that draws for a worker: whatever happens to it, its worker gets a reason and goes on."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from interp_pipeline.errors import ModelError, TrackingError, UsageError
from mlflow_plugin.sandbox import Cancelled
from mlflow_plugin.worker.drawer import Drawer
from mlflow_plugin.worker.drawing_process import DrawerDiedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FETCHED: Any = SimpleNamespace(version=SimpleNamespace(uri="models:/m/1"))


class _Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.words: list[Any] = []

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        self.words.append((stage, total))
        yield self.words.append
        self.words.append("end")

    def say(self, message: str) -> None:
        self.words.append(message)


@pytest.fixture(scope="module")
def drawer() -> Iterator[Drawer]:
    with Drawer(0.3, "harness.drawings:obey") as held:
        yield held


def _draw(drawer: Drawer, deed: str, *, cancelled: bool = False) -> tuple[int, list[Any]]:
    heard, computed, config = _Heard(), deed, None
    files = drawer.draw(_FETCHED, computed, config, heard, cancelled=lambda: cancelled)  # type: ignore[arg-type]
    return int(files["pid"]), heard.words


def test_one_process_draws_version_after_version_and_tells_how_far_it_is(drawer: Drawer) -> None:
    first, heard = _draw(drawer, "nothing")
    assert heard == [("Drawing", 2), 1, "halfway", 1, "end"]
    assert first != os.getpid()
    with pytest.raises(UsageError, match="only LIME was computed"):
        _draw(drawer, "raise")
    assert _draw(drawer, "nothing")[0] == first


def test_what_takes_too_long_is_ended_inside_compiled_code_too(drawer: Drawer) -> None:
    before = _draw(drawer, "nothing")[0]
    with pytest.raises(ModelError, match=r"report of models:/m/1 took more than 0.3 s of processor time; register"):
        _draw(drawer, "spin")
    assert _draw(drawer, "nothing")[0] != before


def test_a_process_that_gets_no_processor_is_the_machines_matter(drawer: Drawer) -> None:
    with pytest.raises(TrackingError, match=r"draws models:/m/1 was given less than 0.3 s .* in 3 s: this machine is"):
        _draw(drawer, "sleep")


@pytest.mark.parametrize(
    ("deed", "says"),
    [
        ("die", "the process that draws models:/m/1 was ended by SIGSEGV"),
        ("leave", "ended with exit code 3"),
        ("fail", "drawing failed: KeyError: 'no such name'"),
    ],
)
def test_a_death_or_a_defect_is_said_and_the_next_version_is_drawn(drawer: Drawer, deed: str, says: str) -> None:
    with pytest.raises(DrawerDiedError, match=says):
        _draw(drawer, deed)
    assert _draw(drawer, "nothing")[0]


def test_a_worker_that_must_stop_does_not_wait(drawer: Drawer) -> None:
    with pytest.raises(Cancelled):  # and not the error of the test before, which comes when the time is over
        _draw(drawer, "sleep", cancelled=True)


def test_what_it_logs_stands_in_the_workers_log(drawer: Drawer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        _draw(drawer, "tell")
    assert [(each.name, "font" in each.message or "matplotlib" in each.message) for each in caplog.records] == [
        ("interp", True),
        ("py.warnings", True),
    ]


def test_it_ends_with_its_worker() -> None:
    with Drawer(1.0, "harness.drawings:obey") as other:
        pid = _draw(other, "nothing")[0]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
