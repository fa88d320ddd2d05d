"""Every attack, by a model that MLflow loads, against the sandbox with all its layers."""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.hostile_attacks import ATTACKS
from harness.hostile_models import rows, save
from harness.sandboxed import explain_in

from interp_pipeline.errors import ModelError
from mlflow_plugin.sandbox import Limits, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class _Booty:
    """What the attackers are after; it lies beside their own files and belongs to the same user."""

    folder: Path
    file: Path
    stream: socket.socket
    datagrams: socket.socket
    port: socket.socket

    def address(self, attack: str) -> dict[str, Any]:
        """What an attack is told."""
        paths = {
            "lists_folder": self.folder,
            "writes_file": self.folder / "new",
            "connects_by_name": self.stream.getsockname(),
            "sends_datagrams": self.datagrams.getsockname(),
        }
        on_file = {"reads_file", "empties_file", "truncates_file", "removes_file", "links_file", "takes_ownership"}
        if attack == "connects":
            return {"port": self.port.getsockname()[1]}
        if attack in paths:
            return {"path": str(paths[attack])}
        return {"path": str(self.file)} if attack in on_file | {"marks_file", "watches_file"} else {}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(mode="required", limits=Limits(wall_s=60)) as running:
        yield running


@pytest.fixture(scope="module")
def booty() -> Iterator[_Booty]:
    with tempfile.TemporaryDirectory() as name, socket.socket() as port:
        folder = Path(name, "home")
        folder.mkdir()
        file = folder / "credentials"
        file.write_text("aws_secret_access_key = hunter2")
        port.bind(("127.0.0.1", 0))
        port.listen()
        with socket.socket(socket.AF_UNIX) as stream, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            stream.bind(str(folder / "stream"))
            stream.listen()
            datagrams.bind(str(folder / "datagrams"))
            for each in (port, stream, datagrams):
                each.settimeout(0)
            yield _Booty(folder, file, stream, datagrams, port)


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_an_attack_is_refused(attack: str, sandbox: Sandbox, booty: _Booty, tmp_path: Path) -> None:
    model = save(tmp_path / "m", ATTACKS[attack], **booty.address(attack))
    before = sorted(path.name for path in booty.folder.iterdir())
    with pytest.raises(ModelError, match="refused: ") as caught:
        explain_in(sandbox, model, rows())
    assert "got through" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert sorted(path.name for path in booty.folder.iterdir()) == before
    assert booty.file.read_text() == "aws_secret_access_key = hunter2"
    for listening in (booty.port, booty.stream):
        with pytest.raises(BlockingIOError):
            listening.accept()
    with pytest.raises(BlockingIOError):
        booty.datagrams.recv(1)


def test_without_layers_the_same_attacks_get_through(booty: _Booty, tmp_path: Path) -> None:
    """So it is the layers that refuse them, and the attacks above are real ones."""
    with Sandbox(mode="off", limits=Limits(wall_s=60)) as open_sandbox:
        for attack in ("reads_file", "lists_folder", "runs_a_program", "listens", "shares_memory"):
            model = save(tmp_path / attack, ATTACKS[attack], **booty.address(attack))
            with pytest.raises(ModelError, match="got through: "):
                explain_in(open_sandbox, model, rows())


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
        explain_in(sandbox, save(tmp_path / "two", ATTACKS["lists_folder"], path=tempfile.gettempdir()), rows())


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
