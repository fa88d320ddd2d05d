"""What ends a computation is said again where it was asked for, as an error that sits on the same branch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.handover import a_question
from hypothesis import given
from hypothesis import strategies as st

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import (
    CheckError,
    DataError,
    InterpError,
    ModelError,
    ModelProcessError,
    NoDataError,
    SourceRefusedError,
    TrackingError,
    UsageError,
)
from interp_pipeline.handover import read_answer
from interp_pipeline.handover.failure import MOST_FAILURE_BYTES, failure_from_json, failure_to_json
from interp_pipeline.handover.untrusted_json import BadAnswerError

_URI = "models:/m/1"


class _SpeechlessError(Exception):
    """Of a model's code: cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError(self.args)


class _ResourceExhaustedError(Exception):
    """As TensorFlow calls it."""


def _said_again(error: BaseException) -> InterpError:
    content = failure_to_json(error, _URI)
    assert len(content) <= MOST_FAILURE_BYTES
    return failure_from_json(content)


@pytest.mark.parametrize("kind", [UsageError, DataError, ModelError, CheckError, NoDataError])
def test_errors_of_ours_are_said_again(kind: type[InterpError]) -> None:
    found = _said_again(kind("the column 'a' is not there; add it"))
    assert type(found) is kind
    assert str(found) == "the column 'a' is not there; add it"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ValueError("no such\nthing"),
            "models:/m/1: unexpected ValueError: no such; report it, or train the model again",
        ),
        (ZeroDivisionError(), "models:/m/1: unexpected ZeroDivisionError; report it, or train the model again"),
        (_SpeechlessError(1), "models:/m/1: unexpected _SpeechlessError; report it, or train the model again"),
        (TrackingError("later"), "models:/m/1: unexpected TrackingError: later; report it, or train the model again"),
        (
            SourceRefusedError("not there"),
            "models:/m/1: unexpected SourceRefusedError: not there; report it, or train the model again",
        ),
        (SystemExit(0), "models:/m/1: its code ended the process while it was explained (SystemExit); let it return"),
        (KeyboardInterrupt(), "models:/m/1: its code ended the process while it was explained (KeyboardInterrupt); "),
        (GeneratorExit(), "models:/m/1: unexpected GeneratorExit; report it, or train the model again"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_anything_else_is_the_models_fault_and_never_tried_again(error: BaseException, says: str) -> None:
    found = _said_again(error)
    assert type(found) is ModelError
    assert str(found).startswith(says)


def _wrapped(error: BaseException) -> ModelError:
    wrapped = ModelError(f"{_URI} cannot predict these rows")
    wrapped.__cause__ = error
    return wrapped


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 8. TiB"),
        _ResourceExhaustedError("failed to allocate"),
        RuntimeError("std::bad_alloc"),
    ],
    ids=repr,
)
def test_too_little_memory_is_told_from_a_model_that_fails(error: Exception) -> None:
    for each in (error, _wrapped(error), _wrapped(_wrapped(error))):
        found = _said_again(each)
        assert isinstance(found, ModelProcessError)
        assert found.kind == "out_of_memory"
        assert str(found).startswith("models:/m/1: the memory it was given was not enough (")


def test_errors_that_cause_each_other_are_followed_once() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert "unexpected ValueError: first" in str(_said_again(first))


def test_a_message_is_one_line_of_bounded_length_that_can_be_printed() -> None:
    said = str(_said_again(ModelError("a\n\tb\0\ud800\N{RIGHT-TO-LEFT OVERRIDE}" + "\N{SNOWMAN}" * 10_000)))
    assert said.startswith("a b" + 3 * "\N{REPLACEMENT CHARACTER}" + "\N{SNOWMAN}")
    assert said.isprintable()
    assert len(said) == 4000


@given(st.text(st.characters()))
def test_no_text_breaks_it(text: str) -> None:
    assert str(_said_again(ModelError(text))).isprintable()


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "TrackingError", "message": "try again without end"},
        {"kind": "ModelProcessError", "message": ""},
        {"kind": "SystemExit", "message": ""},
        {"kind": "__class__", "message": ""},
        {"kind": ["ModelError"], "message": ""},
        {"kind": "ModelError", "message": 1},
        {"kind": "ModelError"},
        {"kind": "ModelError", "message": "", "more": 1},
        [],
        None,
    ],
    ids=json.dumps,
)
def test_what_is_no_report_is_refused(content: Any) -> None:
    with pytest.raises(BadAnswerError):
        failure_from_json(json.dumps(content).encode())


def test_a_reason_counts_more_than_an_answer_beside_it(tmp_path: Any) -> None:
    import pandas as pd

    fetched = a_question(tmp_path, pd.DataFrame({"a": [1.0]}))
    (tmp_path / "answer.json").write_text("{}")
    (tmp_path / "error.json").write_bytes(failure_to_json(DataError("row 3 is odd"), _URI))
    with pytest.raises(DataError, match=r"^row 3 is odd$"):
        read_answer(tmp_path, fetched, ExplainConfig())
