"""Whatever a process leaves behind, the one that reads it says so in an error of its own: it waits for nothing,
follows nothing, executes nothing, and takes no more memory than an honest answer may.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.handover import a_question, an_answer, leave_answer
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.handover import read_answer
from interp_pipeline.handover.files import write_arrays
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.render import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from interp_pipeline.stages.fetch import Fetched

_CONFIG = ExplainConfig(methods=("shap_tree", "lime"))
_OUTPUTS = ("no", "yes")
_MOST_MEMORY = 64 * 2**20  # what an answer of a few rows may cost, whatever its files claim


class Honest:
    """An answer that is as it must be, to be spoilt."""

    def __init__(self, folder: Path) -> None:
        random = np.random.default_rng(3)
        rows = pd.DataFrame(random.normal(size=(4, 3)), columns=list("abc"))
        self.fetched: Fetched = a_question(folder, rows, outputs=_OUTPUTS)
        computed = an_answer(self.fetched, _CONFIG, random, _OUTPUTS, "shap_tree")
        answer = leave_answer(folder, self.fetched, _CONFIG, computed)
        self.files = {path.name: path.read_bytes() for path in answer.iterdir()}
        self.told = json.loads(self.files["answer.json"])

    def left_in(self, folder: Path) -> Path:
        """A fresh copy."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    return Honest(tmp_path_factory.mktemp("honest"))


def _read(answer: Path, honest: Honest) -> Any:
    """What reading gives: an answer, or the error; and never much memory."""
    found: Any
    tracemalloc.start()
    try:
        found = read_answer(answer, honest.fetched, _CONFIG)
    except ModelError as error:
        found = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < _MOST_MEMORY
    if isinstance(found, ModelError):
        assert "\n" not in str(found)
        assert str(found).startswith(("models:/m/1: ", "shap_tree: "))
    return found


def test_an_honest_answer_is_read(honest: Honest, tmp_path: Path) -> None:
    found = _read(honest.left_in(tmp_path), honest)
    assert found.shap.values.shape == (4, 3, 2)


_NAMES = st.sampled_from(
    [
        "answer.json",
        *(f"shap_{name}.npy" for name in ("values", "base_values", "predictions")),
        *(f"lime_{name}.npy" for name in ("values", "base_values", "predictions", "local_r2")),
        *(f"interactions_{name}.npy" for name in ("mean_abs", "mean", "values")),
    ]
)


@given(name=_NAMES, data=st.data())
@settings(deadline=None, max_examples=150)
def test_spoilt_bytes_are_refused_or_harmless(
    honest: Honest, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    answer, content = honest.left_in(tmp_path_factory.mktemp("spoilt")), bytearray(honest.files[name])
    spoil = data.draw(st.sampled_from(["cut", "flip", "grow", "replace"]))
    if spoil == "cut":
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    elif spoil == "flip":
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    elif spoil == "grow":
        content += data.draw(st.binary(min_size=1))
    else:
        content = bytearray(data.draw(st.binary()))
    (answer / name).write_bytes(content)
    found = _read(answer, honest)
    assert isinstance(found, ModelError) or spoil == "flip" or content == honest.files[name] or name == "answer.json"


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([-1, 10**400, 1e308, "\0", "\ud800", "x" * 20_000, "shap_exact", "../../etc/passwd"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value where another one could stand."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in _places(each, (*path, key)))]


def _with(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = _with(value[path[0]], path[1:], other)
    return changed


@given(data=st.data(), other=_JSON)
@settings(deadline=None, max_examples=200)
def test_anything_anywhere_in_the_json_is_refused_or_harmless(
    honest: Honest, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, other: Any
) -> None:
    answer = honest.left_in(tmp_path_factory.mktemp("json"))
    place = data.draw(st.sampled_from(_places(honest.told)))
    (answer / "answer.json").write_text(json.dumps(_with(honest.told, place, other)))
    found = _read(answer, honest)
    if not isinstance(found, ModelError):  # nothing that was changed can be what decides
        assert place[0] in {"words", "notes", "choices", "shap", "lime", "interactions", "interactions_why", "checks",
                            "outputs", "columns", "timings_s", "peak_memory_mb"}  # fmt: skip
        assert found.shap.method in {"shap_tree", "lime"}


def _npy(write: Callable[[Any], None]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


class _Bomb:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


_ZEROS = np.zeros((4, 3, 2))
_NOT_THE_ARRAY: dict[str, Callable[[], bytes]] = {
    "another shape": lambda: _npy(lambda file: np.save(file, _ZEROS.reshape(3, 4, 2))),
    "fewer axes": lambda: _npy(lambda file: np.save(file, _ZEROS.ravel())),
    "single precision": lambda: _npy(lambda file: np.save(file, np.zeros((4, 3, 4), dtype=np.float32))),
    "whole numbers": lambda: _npy(lambda file: np.save(file, _ZEROS.astype(np.int64))),
    "the other order of bytes": lambda: _npy(lambda file: np.save(file, _ZEROS.astype(">f8"))),
    "the other order of axes": lambda: _npy(lambda file: np.save(file, np.asfortranarray(_ZEROS))),
    "another version of the format": lambda: _npy(lambda file: np.lib.format.write_array(file, _ZEROS, (2, 0))),
    "a header of 10 MB": lambda: b"\x93NUMPY\x02\x00" + (10**7).to_bytes(4, "little") + b" " * 10**7,
    "a header that nests": lambda: b"\x93NUMPY\x01\x00" + (60_000).to_bytes(2, "little") + b"(" * 60_000,
    "a header that promises": lambda: _npy(
        lambda file: np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6, 2)}
        )
    ),
    "an archive": lambda: _npy(lambda file: np.savez(file, _ZEROS)),
    "a compressed archive": lambda: _npy(lambda file: zipfile.ZipFile(file, "w").writestr("a.npy", b"0" * 10**6)),
    "texts": lambda: _npy(lambda file: np.save(file, np.full((4, 3, 2), "x"))),
    "not a number": lambda: _npy(lambda file: np.save(file, _ZEROS * np.nan)),
    "infinity": lambda: _npy(lambda file: np.save(file, _ZEROS - np.inf)),
    "more than numbers can carry": lambda: _npy(lambda file: np.save(file, _ZEROS + 1e101)),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("what", _NOT_THE_ARRAY)
def test_what_is_not_the_array_is_refused(honest: Honest, tmp_path: Path, what: str) -> None:
    answer = honest.left_in(tmp_path)
    (answer / "lime_values.npy").write_bytes(_NOT_THE_ARRAY[what]())
    assert "lime_values.npy" in str(_read(answer, honest))


def test_nothing_is_unpickled(honest: Honest, tmp_path: Path) -> None:
    marker, answer = tmp_path / "exploded", tmp_path / "answer"
    answer.mkdir()
    honest.left_in(answer)
    objects = np.empty((4, 3, 2), dtype=object)
    objects[:] = _Bomb(marker)
    for content in (
        _npy(lambda file: np.save(file, objects, allow_pickle=True)),
        pickle.dumps(_Bomb(marker)),
    ):
        (answer / "lime_values.npy").write_bytes(content)
        assert "is no array of doubles of shape (4, 3, 2)" in str(_read(answer, honest))
        (answer / "answer.json").write_bytes(content)
        assert "answer.json is no JSON" in str(_read(answer, honest))
        honest.left_in(answer)
    assert not marker.exists()


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


_NO_FILE: dict[str, Callable[[Path], object]] = {
    "a link to a file": lambda path: path.symlink_to(path.with_name("copy")),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a pipe": os.mkfifo,
    "a folder": lambda path: path.mkdir(),
    "a terabyte of nothing": _sparse,
    "gone": lambda _path: None,
}


@pytest.mark.parametrize("what", _NO_FILE)
@pytest.mark.parametrize("name", ["answer.json", "shap_values.npy", "interactions_mean.npy"])
def test_what_is_no_plain_file_is_refused(honest: Honest, tmp_path: Path, name: str, what: str) -> None:
    answer = honest.left_in(tmp_path)
    (answer / name).rename(answer / "copy")
    _NO_FILE[what](answer / name)
    error = _read(answer, honest)
    assert isinstance(error, ModelError)
    assert name in str(error) or "it ended without one" in str(error)


@pytest.mark.parametrize("what", [name for name in _NO_FILE if name != "gone"])
def test_a_reason_that_is_no_plain_file_is_refused(honest: Honest, tmp_path: Path, what: str) -> None:
    answer = honest.left_in(tmp_path)
    (answer / "copy").write_text(json.dumps({"kind": "ModelError", "message": "a secret of the parent's"}))
    _NO_FILE[what](answer / "error.json")
    assert "error.json is" in str(_read(answer, honest))


def test_a_folder_in_place_of_the_folder_is_not_followed(honest: Honest, tmp_path: Path) -> None:
    from interp_pipeline.errors import TrackingError

    (tmp_path / "real").mkdir()
    honest.left_in(tmp_path / "real")
    (tmp_path / "answer").symlink_to("real")
    with pytest.raises(TrackingError, match="answer cannot be read"):
        read_answer(tmp_path / "answer", honest.fetched, _CONFIG)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 1_000_000,
        b'{"key":' * 200_000,
        b"[" * 500 + b"]" * 500,
        b"1" * 1_000_000,
        b'"' + b"x" * 2_000_000 + b'"',
        b"[" + b"[]," * 600_000 + b"[]]",
        b" " * 3_000_000,
        b"\xff\xfe",
        b"NaN",
        b'{"key": Infinity}',
        b"",
    ],
    ids=lambda content: repr(content[:8]),
)
def test_json_of_all_kinds_is_refused_at_little_cost(honest: Honest, tmp_path: Path, content: bytes) -> None:
    answer = honest.left_in(tmp_path)
    for name in ("answer.json", "error.json"):
        (answer / name).write_bytes(content)
        assert name in str(_read(answer, honest))


def test_files_nobody_asked_for_are_not_looked_at(honest: Honest, tmp_path: Path) -> None:
    answer = honest.left_in(tmp_path)
    os.mkfifo(answer / "shap_std_errors.npy")
    (answer / "report.html").write_text("<script>alert(1)</script>")
    (answer / "x").symlink_to("/etc/passwd")
    assert _read(answer, honest).shap.std_errors is None


def test_outputs_without_end_are_refused_before_any_array_is_read(honest: Honest, tmp_path: Path) -> None:
    answer = honest.left_in(tmp_path)
    names = [f"class {i}" for i in range(1001)]
    told = _with(honest.told, ("outputs",), {"names": names, "unit": "probability", "positive": None})
    (answer / "answer.json").write_text(json.dumps(told))
    assert "outputs, names is no list of at most 1000 values" in str(_read(answer, honest))


def test_arrays_that_would_not_fit_are_refused_before_any_is_read(
    honest: Honest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = honest.left_in(tmp_path)
    monkeypatch.setattr("interp_pipeline.handover.answer.MOST_BYTES", 1000)
    (answer / "shap_values.npy").unlink()
    says = "its explanation takes 1,184 bytes and at most 1,000 can be handed over; explain fewer rows"
    assert says in str(_read(answer, honest))


@pytest.mark.parametrize("size", [1e100, 1e-320])
def test_numbers_at_the_edge_can_be_drawn(honest: Honest, tmp_path: Path, size: float) -> None:
    """What is accepted must not be the end of the process that accepted it."""
    answer = honest.left_in(tmp_path)
    shap = {name: np.zeros((4, 2)) for name in ("shap_base_values", "shap_predictions")}
    values = np.zeros((4, 3, 2))
    values[:, 0], values[:, 1] = size, -size
    square = np.zeros((3, 3, 2))
    square[0, 0], square[1, 1] = size, -size
    interactions = {"interactions_mean": square, "interactions_mean_abs": np.abs(square)}
    write_arrays(answer, {**shap, **interactions, "shap_values": values, "interactions_values": np.zeros((4, 0, 2))})
    (answer / "answer.json").write_text(json.dumps(_with(honest.told, ("interactions", "n_pairs"), 0)))
    found = _read(answer, honest)
    assert found.shap.values[0, 0, 0] == size
    with np.errstate(all="ignore"):
        assert render(honest.fetched, found, _CONFIG, SilentProgress())["report.html"]
