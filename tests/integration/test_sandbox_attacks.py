"""Every attack, by a model that MLflow loads, against the sandbox with all its layers, on kernels old and new."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.hostile_attacks import ATTACKS
from harness.hostile_models import copies_its_files, rows, save, save_attacks
from harness.sandboxed import explain_in

from interp_pipeline.errors import ModelError
from mlflow_plugin.sandbox import Limits, Sandbox
from mlflow_plugin.sandbox.landlock import abi_version

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECRET = "aws_secret_access_key = hunter2"
_GET_VERSION = 0x80087601  # FS_IOC_GETVERSION


@dataclass(frozen=True)
class _Booty:
    """What the attackers are after; it lies beside their own files and belongs to the same user."""

    code: Path  # may be read by all
    folder: Path
    file: Path
    stream: socket.socket
    datagrams: socket.socket
    port: socket.socket
    victim: subprocess.Popen[bytes]

    def addresses(self) -> dict[str, Any]:
        """What attackers are told."""
        return {
            "code": str(self.code),
            "folder": str(self.folder),
            "file": str(self.file),
            "new_file": str(self.folder / "new"),
            "stream": self.stream.getsockname(),
            "datagrams": self.datagrams.getsockname(),
            "port": self.port.getsockname()[1],
            "victim": self.victim.pid,
        }

    def state(self) -> dict[str, Any]:
        """All that an attacker could change from outside the sandbox."""
        return {
            "lives": self.victim.poll() is None,
            "cores": os.sched_getaffinity(self.victim.pid),
            "priority": os.getpriority(os.PRIO_PROCESS, self.victim.pid),
            "files": sorted(path.name for path in self.folder.iterdir()),
            "content": self.file.read_text(),
            "mode": self.file.stat().st_mode,
            "changed": self.file.stat().st_mtime_ns,
            "version": _version(self.file),
            "code's version": _version(self.code),
        }

    def require_untouched_by(self, before: dict[str, Any]) -> None:
        """Nothing has changed, and nobody has called."""
        assert self.state() == before
        for listening in (self.port, self.stream):
            with pytest.raises(BlockingIOError):
                listening.accept()
        with pytest.raises(BlockingIOError):
            self.datagrams.recv(1)


def _version(file: Path) -> bytes | None:
    """What only a command of its file system shows; None where that has no such command."""
    with file.open("rb") as opened:
        try:
            return fcntl.ioctl(opened, _GET_VERSION, bytes(8))
        except OSError:
            return None


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for a library of the machine's: models may read it."""
    file = tmp_path_factory.mktemp("library") / "code.py"
    file.write_text("answer = 42")
    return file


@pytest.fixture(scope="module")
def sandbox(code: Path) -> Iterator[Sandbox]:
    with Sandbox(mode="required", limits=Limits(wall_s=60), readable=(code.parent,)) as running:
        yield running


@pytest.fixture
def booty(code: Path) -> Iterator[_Booty]:
    with (
        tempfile.TemporaryDirectory() as name,
        socket.socket() as port,
        socket.socket(socket.AF_UNIX) as stream,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
        subprocess.Popen(["sleep", "600"]) as victim,
    ):
        folder = Path(name, "home")
        folder.mkdir()
        file = folder / "credentials"
        file.write_text(_SECRET)
        os.setxattr(file, "user.token", b"hunter2")
        port.bind(("127.0.0.1", 0))
        port.listen()
        stream.bind(str(folder / "stream"))
        stream.listen()
        datagrams.bind(str(folder / "datagrams"))
        for each in (port, stream, datagrams):
            each.settimeout(0)
        yield _Booty(code, folder, file, stream, datagrams, port, victim)
        victim.kill()


@pytest.mark.parametrize("abi", [1, 2, 4, 5, None])
def test_every_attack_is_refused(
    abi: int | None, sandbox: Sandbox, booty: _Booty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever version of Landlock there is: of an older one, no more is asked for than it had."""
    assert sandbox.landlock_abi == abi_version()
    monkeypatch.setattr(sandbox, "landlock_abi", min(abi or abi_version(), abi_version()))
    model = save_attacks(tmp_path / "m", list(ATTACKS.values()), **booty.addresses())
    before = booty.state()
    with pytest.raises(ModelError) as caught:
        explain_in(sandbox, model, rows())
    assert f"refused: all {len(ATTACKS)}" in str(caught.value)
    booty.require_untouched_by(before)


def test_a_decent_model_is_explained_on_the_oldest_kernel(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "landlock_abi", 1)
    assert explain_in(sandbox, save(tmp_path / "m", copies_its_files), rows()).shap is not None


def test_without_layers_the_same_attacks_get_through(booty: _Booty, tmp_path: Path) -> None:
    """So it is the layers that refuse them, and the attacks above are real ones."""
    names = (
        "reads_file",
        "reads_attribute",
        "lists_folder",
        "runs_a_program",
        "listens",
        "shares_memory",
        "locks_code",
        "kills_by_a_pipe",
        "empties_file_by_mode_three",
        "leases_file",
    )
    model = save_attacks(tmp_path / "m", [ATTACKS[name] for name in names], **booty.addresses())
    with (
        Sandbox(mode="off", limits=Limits(wall_s=60)) as open_sandbox,
        pytest.raises(ModelError, match="got through: ") as caught,
    ):
        explain_in(open_sandbox, model, rows())
    assert ", ".join(names) in str(caught.value)
    assert booty.victim.wait(10) == -9
    assert booty.file.read_text() == ""


def test_the_mode_of_a_file_is_not_changed(sandbox: Sandbox, booty: _Booty, tmp_path: Path) -> None:
    """Changing it is passed over in silence, so that copying a file does not fail; so look at the file."""
    before = booty.file.stat()
    model = save(tmp_path / "m", changes_mode, path=str(booty.file))
    explain_in(sandbox, model, rows())
    after = booty.file.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def changes_mode(rows: Any, path: str) -> Any:
    import os

    os.chmod(path, 0o777)  # noqa: PTH101, S103 - as an attacker does
    os.utime(path, (1, 1))
    return rows["a"]


def test_a_child_cannot_read_what_another_left(sandbox: Sandbox, tmp_path: Path) -> None:
    explain_in(sandbox, save(tmp_path / "one", leaves_a_note), rows())
    with pytest.raises(ModelError, match="refused: "):
        explain_in(sandbox, save(tmp_path / "two", ATTACKS["lists_folder"], folder=tempfile.gettempdir()), rows())


def leaves_a_note(rows: Any) -> Any:
    with open("note", "w", encoding="utf-8") as file:  # noqa: PTH123 - goes alone into a model's file
        file.write("for the next one")
    return rows["a"]


def test_attackers_run_as_the_user_of_the_worker(sandbox: Sandbox, tmp_path: Path) -> None:
    """No other user is needed for any of this; it is the same one who could read everything outside."""
    answered = explain_in(sandbox, save(tmp_path / "m", answers_its_user), rows())
    assert answered.shap is not None
    assert set(answered.shap.predictions[:, 0]) == {float(os.getuid())}


def answers_its_user(rows: Any) -> Any:
    import os

    return rows["a"] * 0 + os.getuid()
