"""Files that are small and would take minutes, or all memory, to parse."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from interp_pipeline.tracking import bounded_parsing
from interp_pipeline.tracking.bounded_parsing import parse_json, parse_yaml

_ALIASES = "\n".join(["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)])
_BOMBS = {
    "brackets": ("[" * 400_000, "nested more than 32 deep"),
    "closed brackets": ("a: " + "[" * 50_000 + "]" * 50_000, "nested more than 32 deep"),
    "braces": ("{a: " * 100_000, "nested more than 32 deep"),
    "dashes": ("- " * 100_000, "nested more than 32 deep"),
    "question marks": ("? " * 100_000, "nested more than 32 deep"),
    "aliases": (_ALIASES, "more than 20,000 values"),
    "a list": ("a: [" + "x," * 1_000_000 + "]", "more than 20,000 values"),
    "documents": ("a: b\n---\n" * 30_000, "more than 20,000 values"),
    "a loop": ("a: &a [*a]", "stands for nothing, or for what holds it"),
    "merges": ("a: &a {x: 1}\nb: {<<: *a}", "merges sections by <<"),
    "a number of base 60": ("a: 1" + ":1" * 1_000_000, "a number of more than 100 characters"),
    "a long number": ("a: " + "1" * 1_000_000, "a number of more than 100 characters"),
    "a named number": ("a: !!int '1" + ":1" * 1_000_000 + "'", "a number of more than 100 characters"),
}


@pytest.mark.parametrize("bomb", _BOMBS)
def test_no_small_file_takes_long(bomb: str) -> None:
    text, says = _BOMBS[bomb]
    started = time.process_time()
    with pytest.raises(ValueError, match=says):
        parse_yaml(text)
    assert time.process_time() - started < 3.0


def test_the_loader_in_python_has_the_same_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    bounded_parsing._loader.cache_clear()
    try:
        for bomb in ("brackets", "dashes", "aliases", "a number of base 60"):
            with pytest.raises(ValueError, match=_BOMBS[bomb][1]):
                parse_yaml(_BOMBS[bomb][0])
    finally:
        bounded_parsing._loader.cache_clear()


@pytest.mark.parametrize(
    "value",
    [
        {"flavors": {"sklearn": {"code": None, "ok": True, "share": 0.25, "count": -3}}, "text": "a: [b], " * 5000},
        [["deep"] * 3] * 30,
        {"names": [f"c{i}" for i in range(5000)]},
    ],
)
def test_what_mlflow_would_write_comes_back(value: Any) -> None:
    assert parse_yaml(yaml.safe_dump(value)) == value


def test_json_that_is_too_deep_is_damaged_json() -> None:
    assert parse_json(b'{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    for text in ("[" * 200_000, "{" + '"a":{' * 200_000, "9" * 10_000, "{"):
        with pytest.raises(ValueError, match=r"."):
            parse_json(text)
