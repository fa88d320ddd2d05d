"""The fork server: what it holds, what it does not, and when it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.hostile_endings import ENDINGS
from harness.hostile_models import answers_a_table, rows, save
from harness.process import bare_environment
from harness.sandboxed import explain_in, processes_of_session, wait_until

from interp_pipeline.errors import TrackingError
from interp_pipeline.progress import SilentProgress
from mlflow_plugin.sandbox import Cancelled, Sandbox, SandboxNotReadyError, server_process

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]
_SECRET = "hunter2-" + "correct-horse"  # built, so that the code alone does not hold it
_PIECE = 1 << 24  # bytes of memory looked at in one go


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Of a worker with credentials in its environment, its memory and its descriptors."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "INTERP_WEBHOOK_SECRET", "PGPASSWORD"):
            patch.setenv(name, _SECRET)
        with Sandbox(mode="required") as running:
            yield running


@pytest.fixture
def server(sandbox: Sandbox, tmp_path: Path) -> int:
    """Process id of a fork server that has run a task."""
    explain_in(sandbox, save(tmp_path / "m", answers_a_table), rows(), libraries=["sklearn"])
    assert sandbox.server_pid is not None
    return sandbox.server_pid


def _memory(pid: int) -> Iterator[bytes]:
    """Everything a process has written to its memory, in pieces that overlap."""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps:  # noqa: PTH123 - no plain file
        places = [line.split()[:2] for line in maps if "[v" not in line]
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:  # noqa: PTH123 - likewise
        for place, rights in places:
            if not rights.startswith("rw"):
                continue
            begin, end = (int(each, 16) for each in place.split("-"))
            for at in range(begin, end, _PIECE):
                memory.seek(at)
                yield memory.read(min(_PIECE + len(_SECRET), end - at))


def _holds_secret(pid: int) -> bool:
    return any(_SECRET.encode() in piece for piece in _memory(pid))


def test_there_is_no_credential_in_its_environment(server: int) -> None:
    variables = Path(f"/proc/{server}/environ").read_bytes()
    assert _SECRET.encode() not in variables
    names = {each.partition(b"=")[0].decode() for each in variables.split(b"\0") if each}
    assert not [name for name in names if re.match(r"AWS_|INTERP_|PG|MLFLOW_TRACKING|PYTHONPATH", name)]
    assert _SECRET not in Path(f"/proc/{server}/cmdline").read_text(encoding="utf-8")


def test_there_is_no_credential_in_its_memory(server: int) -> None:
    os.environ["INTERP_TEST_SECRET"] = _SECRET  # this process holds one, so the search can find one
    assert _holds_secret(os.getpid())
    assert not _holds_secret(server)


def test_it_has_no_descriptor_of_the_workers(server: int, tmp_path: Path) -> None:
    held = tmp_path / "held"
    with held.open("w") as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 - its own signature
        opened = [str(link.readlink()) for link in Path(f"/proc/{server}/fd").iterdir()]
    assert not [name for name in opened if str(held) in name or name.endswith((".db", ".sock"))]
    kinds = {name.partition(":")[0] for name in opened if not name.startswith("/")}
    assert kinds <= {"pipe", "socket", "anon_inode"}
    assert sum(name.startswith("socket:") for name in opened) == 1  # to its worker
    files = {name for name in opened if name.startswith("/")}
    assert all(name == "/dev/null" or "(deleted)" in name for name in files), files


def test_it_serves_from_a_session_of_its_own(server: int) -> None:
    assert os.getsid(server) == server != os.getsid(0)


def test_an_order_to_kill_that_comes_too_late_does_no_harm(sandbox: Sandbox, server: int, tmp_path: Path) -> None:
    assert sandbox._server is not None
    sandbox._server.kill_child()  # its last child has ended
    explain_in(sandbox, save(tmp_path / "n", answers_a_table), rows())
    assert sandbox.server_pid == server


def test_one_that_died_is_replaced(sandbox: Sandbox, server: int, tmp_path: Path) -> None:
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: sandbox.server_pid is None)
    explained = explain_in(sandbox, save(tmp_path / "n", answers_a_table), rows())
    assert explained.shap is not None
    assert sandbox.server_pid not in {None, server}


def test_waiting_for_its_start_can_be_cancelled(tmp_path: Path) -> None:
    with Sandbox(mode="required") as sandbox:
        with pytest.raises(Cancelled):
            explain_in(sandbox, save(tmp_path / "m", answers_a_table), rows(), cancelled=lambda: True)
        assert sandbox.server_pid is None


_WORKER = """
import sys
from pathlib import Path
from harness.sandboxed import explain_in
from harness.hostile_models import rows
from mlflow_plugin.sandbox import Sandbox

class Shown:
    def track(self, stage, total):
        if sandbox.server_pid is not None:  # it has started: the child says this
            print(sandbox.server_pid, sandbox._home, flush=True)
        from contextlib import nullcontext
        return nullcontext(lambda steps: None)
    def say(self, message):
        pass

with Sandbox(mode=sys.argv[2]) as sandbox:
    explain_in(sandbox, Path(sys.argv[1]), rows(), progress=Shown())
"""


@pytest.mark.parametrize("mode", ["required", "off"])
def test_it_dies_with_its_worker_and_takes_its_child_along(mode: str, tmp_path: Path) -> None:
    model = save(tmp_path / "m", ENDINGS["ignores_sigterm"])
    paths = os.pathsep.join([str(_ROOT), str(_ROOT / "tests")])
    with subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(model), mode],
        env=bare_environment({"PYTHONPATH": paths}),
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        number, home = worker.stdout.readline().split()
        server = int(number)
        family = {server, *processes_of_session(server)}
        assert len(family) == 2
        assert len(list(Path(home).iterdir())) == 2
        worker.kill()
    wait_until(lambda: not [pid for pid in family if _is_running(pid)])
    assert not Path(home).exists()


def _is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"  # dead, and only its name is left


@pytest.mark.parametrize(
    ("function", "within_s", "says"),
    [
        ("interp_pipeline.handover:run_task", 0.1, r"did not start within 0 s"),
        ("no_such_module:run", 300.0, r"ended before it could start, .*No module named 'no_such_module'"),
    ],
    ids=["slow", "broken"],
)
def test_a_sandbox_that_does_not_start_is_the_machines_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, within_s: float, says: str
) -> None:
    monkeypatch.setattr(server_process, "_START_S", within_s)
    for place in ("task", "answer", "model"):
        (tmp_path / place).mkdir()
    with Sandbox(mode="off", function=function) as sandbox, pytest.raises(SandboxNotReadyError, match=says) as caught:
        sandbox.run(
            *(tmp_path / place for place in ("task", "answer", "model")),
            [],
            cancelled=lambda: False,
            progress=SilentProgress(),
        )
    assert isinstance(caught.value, TrackingError)  # tried again without end, and no attempt is counted
    assert re.search(r"on a machine with a load of \d+\.\d on \d+ cores", str(caught.value))
