"""Temporary files of a worker lie in one folder, which goes with it or with the next one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interp_pipeline.errors import UsageError
from mlflow_plugin.worker.workplace import workplace

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAM = """
import pathlib, sys, tempfile
from mlflow_plugin.worker.workplace import workplace
with workplace():
    deep = pathlib.Path(tempfile.mkdtemp()) / "deep"
    deep.mkdir()
    (deep / "model.bin").write_bytes(b"0" * 1000)
    deep.chmod(0)
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@contextmanager
def _other_worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process in its workplace, with a file in a folder without rights."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"TMPDIR": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def test_everything_temporary_is_there_and_goes_with_it(tmp_path: Path) -> None:
    with workplace() as folder:
        assert folder.parent == tmp_path
        with tempfile.TemporaryDirectory() as below, tempfile.NamedTemporaryFile() as file:
            assert Path(below).parent == Path(file.name).parent == folder
        tempfile.mkdtemp()
    assert tempfile.gettempdir() == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_worker_left_is_removed(tmp_path: Path) -> None:
    with _other_worker(tmp_path) as other:
        (left,) = tmp_path.iterdir()
        other.kill()
        other.wait()
        assert left.exists()
    with workplace() as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_what_a_living_worker_has_is_left_alone(tmp_path: Path) -> None:
    with _other_worker(tmp_path) as other:
        (theirs,) = tmp_path.iterdir()
        with workplace() as folder:
            assert set(tmp_path.iterdir()) == {folder, theirs}
        assert [path.name for path in theirs.iterdir()] != []
        assert other.poll() is None


def test_what_is_not_a_workers_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_text("kept")
    (tmp_path / "interp-worker-link").symlink_to(precious)
    (tmp_path / "interp-worker-file").write_text("kept")
    (tmp_path / "interp-worker-mine").mkdir()
    (tmp_path / "interp-worker-mine" / "notes").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    with workplace():
        pass
    assert sorted(tmp_path.rglob("*")) == before
    assert (precious / "data").read_text() == "kept"


@pytest.mark.parametrize("what", ["missing", "file"])
def test_a_folder_that_cannot_be_used_is_refused(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TMPDIR", str(tmp_path / what))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(UsageError, match=rf"TMPDIR names .*/{what}, where no file can be written: "), workplace():
        pass
