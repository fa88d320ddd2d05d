"""The commit record: its key is the question that was asked, and it holds files to what was published."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from interp_pipeline.config import ExplainConfig
from interp_pipeline.tracking.runs import manifest
from interp_pipeline.tracking.server.registry import RegisteredVersion

_VERSION = RegisteredVersion(
    name="credit",
    version=3,
    created_ms=1_700_000_000_000,
    source="models:/m-1",
    run_id="r1",
    experiment_id="0",
    model_name="model",
)
_ASKED: dict[str, Any] = {"source": "models:/m-1", "config": ExplainConfig(), "rows": "1", "background": "2"}


def test_the_same_question_has_the_same_key() -> None:
    question = manifest.question_digest(**_ASKED)
    assert question == manifest.question_digest(**{**_ASKED, "config": ExplainConfig(rows=200)})
    key = manifest.explanation_key(_VERSION.identity, question)
    assert key == manifest.explanation_key(_VERSION.identity, question)
    for each in (key, question):
        assert len(each) == 64
        assert set(each) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "other",
    [
        {"source": "models:/m-2"},
        {"config": ExplainConfig(seed=43)},
        {"config": ExplainConfig(methods=("shap",))},
        {"config": ExplainConfig(max_seconds=1.0)},
        {"rows": "12", "background": ""},
        {"rows": "2", "background": "1"},
    ],
    ids=",".join,
)
def test_another_question_has_another_digest(other: dict[str, Any]) -> None:
    assert manifest.question_digest(**{**_ASKED, **other}) != manifest.question_digest(**_ASKED)


@pytest.mark.parametrize(
    "other",
    [
        {"name": "credit2"},
        {"version": 4},
        {"created_ms": _VERSION.created_ms + 1},  # deleted and made again
        {"source": "models:/m-2"},
    ],
    ids=",".join,
)
def test_another_version_has_another_key(other: dict[str, Any]) -> None:
    moved = dataclasses.replace(_VERSION, **other)
    assert manifest.explanation_key(moved.identity, "q") != manifest.explanation_key(_VERSION.identity, "q")


def test_each_workspace_has_its_own_key() -> None:
    assert manifest.explanation_key(_VERSION.identity, "q", "b") != manifest.explanation_key(_VERSION.identity, "q")


def test_where_it_is_written_is_no_part_of_the_question() -> None:
    moved = dataclasses.replace(_VERSION, run_id="r2", experiment_id="7")
    assert manifest.explanation_key(moved.identity, "q") == manifest.explanation_key(_VERSION.identity, "q")


def test_files_are_held_to_their_digests() -> None:
    files = {"a.parquet": b"1", "plots/b.png": b"2", "local/c.json": b""}
    record = {"files": {path: manifest.digest(content) for path, content in files.items()}}
    assert manifest.verify(record, files) == []
    assert manifest.verify(record, {**files, "manifest.json": b"{}"}) == []
    assert manifest.verify(record, {**files, "a.parquet": b"2"}) == ["a.parquet is not what was published"]
    del files["plots/b.png"]
    assert manifest.verify(record, files) == ["plots/b.png is missing"]


def test_bytes_follow_from_content_alone() -> None:
    one = manifest.to_json({"b": 1.5, "a": ["größe <b>"]})
    assert one == manifest.to_json({"a": ["größe <b>"], "b": 1.5})
    assert one.endswith(b"\n")
    assert json.loads(one) == {"a": ["größe <b>"], "b": 1.5}


def test_the_digest_is_sha256() -> None:
    assert manifest.digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_versions_of_what_the_numbers_depend_on() -> None:
    import numpy as np
    import shap

    found = manifest.library_versions()
    assert found["numpy"] == np.__version__
    assert found["shap"] == shap.__version__
