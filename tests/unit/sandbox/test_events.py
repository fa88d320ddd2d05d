from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from mlflow_plugin.sandbox.events import EventReader, EventWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Heard:
    """A progress listener that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        self.events.append(("open", stage, total))
        try:
            yield lambda steps: self.events.append(("step", stage, steps))
        except Exception:
            self.events.append(("cut off", stage))
            raise
        self.events.append(("close", stage))

    def say(self, message: str) -> None:
        self.events.append(("say", message))


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def heard() -> _Heard:
    return _Heard()


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def reader(heard: _Heard, clock: _Clock) -> EventReader:
    return EventReader(heard, clock)


def _line(**event: object) -> bytes:
    return json.dumps(event).encode() + b"\n"


def test_what_a_child_says_arrives(reader: EventReader, heard: _Heard) -> None:
    source, target = os.pipe()
    writer = EventWriter(target)
    writer.held()
    with writer.track("Explaining", 5) as advance:
        advance(2)
        writer.say("half-way")
        advance(3)
    writer.done()
    os.close(target)
    with os.fdopen(source, "rb") as file:
        reader.feed(file.read())
    assert (reader.held, reader.done, reader.refused) == (True, True, 0)
    assert heard.events[0] == ("open", "Explaining", 5)
    assert heard.events[-1] == ("close", "Explaining")
    assert ("say", "half-way") in heard.events
    assert sum(int(str(event[2])) for event in heard.events if event[0] == "step") == 5


def test_lines_may_come_in_pieces(reader: EventReader, heard: _Heard) -> None:
    for byte in _line(say="hello") + _line(say="again"):
        reader.feed(bytes([byte]))
    assert heard.events == [("say", "hello"), ("say", "again")]


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"\xff\xfe\n",
        b"[" * 2000 + b"\n",
        b"1\n",
        b"null\n",
        b'{"say": 1}\n',
        b'{"say": {"a": 1}}\n',
        b'{"open": 1}\n',
        b'{"open": 1, "stage": 2, "total": 3}\n',
        b'{"open": 1, "stage": "x", "total": -1}\n',
        b'{"open": 1, "stage": "x", "total": true}\n',
        b'{"open": 1, "stage": "x", "total": 1e9}\n',
        b'{"open": 1, "stage": "x", "total": 99999999999999999999}\n',
        b'{"step": 7, "n": 1}\n',
        b'{"close": 7}\n',
        b'{"close": [7]}\n',
        b'{"done": 1}\n',
        b'{"held": "yes"}\n',
        b'{"something": "else"}\n',
    ],
)
def test_what_is_no_event_is_counted_and_dropped(reader: EventReader, heard: _Heard, line: bytes) -> None:
    reader.feed(line)
    assert heard.events == []
    assert reader.refused == 1
    assert not reader.done
    assert not reader.held


def test_a_line_without_end_is_not_kept(reader: EventReader, heard: _Heard) -> None:
    for _ in range(1000):
        reader.feed(b"x" * 4096)
    assert len(reader._line) <= 2048
    reader.feed(b"\n" + _line(say="after it"))
    assert heard.events == [("say", "after it")]
    assert reader.refused == 1


def test_more_than_anybody_reads_is_dropped(reader: EventReader, heard: _Heard, clock: _Clock) -> None:
    for i in range(100):
        reader.feed(_line(say=str(i)) * 20)
    assert len(heard.events) == 200
    clock.now += 1.0
    reader.feed(_line(say="later") * 100)
    assert len(heard.events) == 250
    assert not reader.flooded
    reader.feed(_line(say="no end") * 10_000)
    assert reader.flooded


def test_the_end_is_heard_through_a_flood(reader: EventReader) -> None:
    reader.feed(_line(say="x") * 1000 + _line(done=True))
    assert reader.done


def test_stages_are_few_and_do_not_run_past_their_end(reader: EventReader, heard: _Heard) -> None:
    for number in range(100):
        reader.feed(_line(open=number, stage=f"s{number}", total=10))
    assert len(heard.events) == 16
    reader.feed(_line(step=3, n=8) + _line(step=3, n=8) + _line(step=3, n=8))
    assert heard.events[16:] == [("step", "s3", 8), ("step", "s3", 2)]
    reader.close()
    assert [event[0] for event in heard.events[18:]] == ["cut off"] * 16


def test_text_moves_no_cursor_and_fits_a_line(reader: EventReader, heard: _Heard) -> None:
    reader.feed(_line(say="a\x1b[2J\r\nb\u202e" + "c" * 1000))
    ((_, said),) = heard.events
    assert str(said).startswith("a [2J  b ccc")
    assert len(str(said)) == 400
