"""A manifest in a run may have been written by anybody who may write to the run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from interp_pipeline.errors import ModelError
from interp_pipeline.tracking.runs import manifest
from interp_pipeline.tracking.runs.artifacts import _announced
from interp_pipeline.tracking.runs.run_reader import _manifest

_VERSION = cast("Any", SimpleNamespace(uri="models:/m/1"))
_WHOLE: dict[str, Any] = {
    "format": manifest.FORMAT,
    "files": {"a.json": "00"},
    "model": {"source": "models:/m-1"},
    "question": "q",
    "asked": False,
    "announcement": {"metrics": {"a": 1.5}, "images": {"a": "a.json"}, "tables": ["a.json"], "description": ""},
}


def test_a_whole_manifest_is_read() -> None:
    assert _manifest(manifest.to_json(_WHOLE), _VERSION) == _WHOLE


@pytest.mark.parametrize(
    "changed",
    [
        {"files": ["a.json"]},
        {"files": {}},  # the picture that it announces is not among them
        {"model": "models:/m-1"},
        {"model": {"source": 3}},
        {"question": None},
        {"announcement": {}},
        {"announcement": {**_WHOLE["announcement"], "metrics": {"a": "high"}}},
        {"announcement": {**_WHOLE["announcement"], "tables": [3]}},
        {"announcement": {**_WHOLE["announcement"], "images": ["a.json"]}},
    ],
)
def test_one_of_another_form_is_damaged(changed: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"the manifest of models:/m/1 is damaged; explain it again"):
        _manifest(manifest.to_json({**_WHOLE, **changed}), _VERSION)


def test_one_that_cannot_be_parsed_is_damaged() -> None:
    for content in (b"[" * 100_000, b"\xff\xfe", b"3", b""):
        with pytest.raises(ModelError, match=r"the manifest of models:/m/1 is damaged"):
            _manifest(content, _VERSION)


def test_a_list_of_tables_that_is_none_is_begun_anew() -> None:
    assert _announced('[{"path": "a.json", "type": "table"}]') == [{"path": "a.json", "type": "table"}]
    for text in ("[" * 100_000, "{}", "3", '[{"type": "table"}]', '["a.json"]', "no json"):
        assert _announced(text) == []
