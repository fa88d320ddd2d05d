"""A worker that is told to stop, or in which a call hangs, by a clock that the test moves: 25 s are 25 s, at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from harness.worker_parts import NAME, Crashed, HostOfTest

from interp_pipeline.errors import TrackingError
from interp_pipeline.tracking import layout
from mlflow_plugin.worker.loop import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.worker_parts import Parts

_FETCH, _UPLOAD = "get_model_version_download_uri", "log_artifacts"
_CANCELS_S, _GIVES_UP_S = 20.0, 24.0  # of 25 s that it may take by default


class Stage:
    """A worker on a host of a test's, and what is to happen when it comes to a place."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.host = HostOfTest()
        self.worker = Worker(parts.tools, self.host)

    def at(self, place: str, happens: Callable[[], None]) -> None:
        """Let something happen once, as soon as the worker is there: ``compute``, ``draw``, or a call to the server."""
        waiting = [happens]

        def come(name: str = place) -> None:
            if name == place and waiting:
                waiting.pop()()

        if place == "compute":
            self.parts.sandbox.computing = come
        elif place == "draw":
            self.parts.drawer.drawing = come
        else:
            self.parts.server.before = come

    def told(self, then_s: float) -> Callable[[], None]:
        """Tell the worker to stop; what it is at takes so long after that."""

        def tell() -> None:
            self.worker.stop()
            self.host.pass_time(then_s)

        return tell

    def status(self) -> str | None:
        found: str | None = self.parts.server.version(NAME).tags.get(layout.TAG_STATUS)
        return found

    def check_given_back(self) -> None:
        """Nobody has the job, anybody may claim it now, and the attempt counts for nothing."""
        job = self.parts.job()
        assert (job.state, job.owner, job.crashes, job.lapses, job.failures) == ("pending", None, 0, 0, 0)
        assert self.parts.claim("heir").key == job.key


@pytest.fixture
def stage(parts: Parts, caplog: pytest.LogCaptureFixture) -> Stage:
    caplog.set_level(logging.INFO, "interp.worker")
    return Stage(parts)


def test_idle_it_begins_nothing_and_ends(stage: Stage) -> None:
    stage.worker.stop()
    stage.worker.run()
    assert (stage.parts.job().state, stage.parts.job().attempt) == ("pending", 0)
    assert stage.worker.not_ready() == "the worker is stopping"
    assert stage.host.ended == []


@pytest.mark.parametrize("place", [_FETCH, "compute", "draw", _UPLOAD])
def test_what_can_be_finished_in_time_is_and_nothing_else_is_begun(stage: Stage, place: str) -> None:
    stage.parts.register()
    stage.at(place, stage.told(_CANCELS_S))
    stage.worker.run()
    assert stage.parts.table.counts() == {**stage.parts.table.counts(), "published": 1, "pending": 1, "running": 0}
    assert stage.parts.sandbox.runs == 1
    assert stage.host.ended == []


@pytest.mark.parametrize("place", [_FETCH, "compute", "draw"])
def test_where_the_time_is_short_it_is_given_back_and_says_so(
    stage: Stage, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.at(place, stage.told(_CANCELS_S + 0.1))
    stage.worker.run()
    assert stage.parts.artifacts() == {}
    assert stage.status() == "pending"
    assert "given back unfinished" in caplog.text
    assert stage.host.ended == []
    stage.check_given_back()


def test_an_upload_that_has_begun_goes_on_as_long_as_there_is_time(stage: Stage) -> None:
    stage.at(_UPLOAD, stage.told(_GIVES_UP_S - 0.1))
    stage.worker.run()
    assert (stage.parts.job().state, stage.status()) == ("published", "done")


@pytest.mark.parametrize("place", [_FETCH, "compute", "draw", _UPLOAD])
def test_a_call_that_does_not_return_ends_the_process_in_time(
    stage: Stage, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.at(place, stage.told(_GIVES_UP_S))
    with pytest.raises(Crashed):
        stage.worker.run()
    assert stage.host.ended == [0]
    assert "stopped in the middle of a call that did not return" in caplog.text
    assert stage.parts.artifacts() == {}
    stage.check_given_back()


def test_it_ends_in_time_though_the_table_does_not_answer_either(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(name: str) -> None:
        if name == "release":
            msg = "the job table does not answer"
            raise TrackingError(msg)

    stage.parts.table.before = fail
    stage.at(_FETCH, stage.told(_GIVES_UP_S))
    with pytest.raises(Crashed):
        stage.worker.run()
    assert stage.host.ended == [0]
    assert "it is taken over when its lease ends" in caplog.text
    assert stage.parts.job().state == "running"


def test_told_twice_it_does_not_take_longer(stage: Stage) -> None:
    stage.worker.stop()
    stage.host.pass_time(10)
    stage.worker.stop()
    assert [alarm.at for alarm in stage.host.alarms] == [1000.0 + _GIVES_UP_S]


@pytest.mark.parametrize(
    ("place", "doing"),
    [
        ("get_experiment", "looked at what is there"),
        (_FETCH, "fetched the model and its data"),
        ("compute", "computed"),
        ("draw", "drew"),
        (_UPLOAD, "wrote the explanation"),
    ],
)
def test_a_call_that_never_returns_counts_and_ends_the_worker(stage: Stage, place: str, doing: str) -> None:
    limit_s = 2700 + 900
    stage.at(place, lambda: stage.host.pass_time(limit_s))
    with pytest.raises(Crashed):
        stage.worker.run()
    job = stage.parts.job()
    assert stage.host.ended == [1]
    assert (job.state, job.owner, job.crashes, job.error_class) == ("pending", None, 1, "stuck")
    assert job.error == f"its worker was not done with it after {limit_s} s, while it {doing}"
    assert stage.status() == "pending"


def test_of_an_attempt_that_ended_no_alarm_is_left(stage: Stage) -> None:
    stage.at(_UPLOAD, lambda: stage.host.pass_time(2700 + 900 - 1))
    stage.worker.run(until_idle=True)
    stage.host.pass_time(10_000)
    assert stage.host.ended == []
    assert stage.parts.job().state == "published"
