"""The commit record: its key is the question that was asked, and it holds files to what was published."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from interp_pipeline.config import ExplainConfig
from interp_pipeline.tracking import manifest
from interp_pipeline.tracking.registry import RegisteredVersion

_VERSION = RegisteredVersion(
    name="credit",
    version=3,
    created_ms=1_700_000_000_000,
    source="models:/m-1",
    run_id="r1",
    experiment_id="0",
    model_name="model",
)
_ASKED: dict[str, Any] = {
    "identity": _VERSION.identity,
    "config": ExplainConfig(),
    "rows": "1",
    "background": "2",
}


def test_the_same_question_has_the_same_key() -> None:
    key = manifest.explanation_key(**_ASKED)
    assert key == manifest.explanation_key(**{**_ASKED, "config": ExplainConfig(rows=200)})
    assert len(key) == 64
    assert set(key) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "other",
    [
        {"workspace": "b"},
        {"identity": dataclasses.replace(_VERSION, name="credit2").identity},
        {"identity": dataclasses.replace(_VERSION, version=4).identity},
        {
            "identity": dataclasses.replace(_VERSION, created_ms=_VERSION.created_ms + 1).identity
        },  # deleted and made again
        {"identity": dataclasses.replace(_VERSION, source="models:/m-2").identity},
        {"config": ExplainConfig(seed=43)},
        {"config": ExplainConfig(methods=("shap",))},
        {"config": ExplainConfig(max_seconds=1.0)},
        {"rows": "12", "background": ""},
        {"rows": "2", "background": "1"},
    ],
    ids=",".join,
)
def test_another_question_has_another_key(other: dict[str, Any]) -> None:
    assert manifest.explanation_key(**{**_ASKED, **other}) != manifest.explanation_key(**_ASKED)


def test_where_it_is_written_is_no_part_of_the_question() -> None:
    moved = dataclasses.replace(_VERSION, run_id="r2", experiment_id="7")
    assert manifest.explanation_key(**{**_ASKED, "identity": moved.identity}) == manifest.explanation_key(**_ASKED)


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
