"""The worker's handle on its fork server: start it, give it orders, end it."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from mlflow_plugin.sandbox.channel import Channel
from mlflow_plugin.sandbox.end_of_child import SandboxNotReadyError
from mlflow_plugin.sandbox.environment import bare_environment
from mlflow_plugin.sandbox.fork_server import LIBRARIES
from mlflow_plugin.sandbox.readable_paths import importable_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlflow_plugin.sandbox.order import Order

__all__ = ["ServerProcess"]

_START_S = 300.0  # where no compiled code is kept, all of it is compiled now
_ANSWER_S = 20.0  # to fork
_POLL_S = 0.1
_LOG_TAIL_BYTES = 2000
_PROGRAM = """\
import json, sys
start = json.loads(sys.argv[1])
sys.path[:] = start.pop("path")
from mlflow_plugin.sandbox.fork_server import main
main(**start)
"""


class ServerProcess:
    """A running fork server; one child at a time."""

    def __init__(self, process: subprocess.Popen[bytes], channel: Channel, log: int) -> None:
        """Take over a process that is starting."""
        self._process = process
        self._channel = channel
        self._log: int | None = log  # what it prints; None once it was stopped
        self._loaded: set[str] = set()

    @classmethod
    def start(cls, home: Path, function: str, cancelled: Callable[[], bool]) -> Self | None:
        """Start a fork server and wait until it has its libraries loaded; None when cancelled meanwhile.

        Args:
            home: its home folder and working directory; what lies beside it goes with the server if the worker dies.
            function: "module:name" of what children run.
            cancelled: asked again and again.

        Raises:
            SandboxNotReadyError: it ended, or did not get ready in time.
        """
        ours, theirs = socket.socketpair()
        start = {
            "path": importable_folders(),
            "descriptor": theirs.fileno(),
            "function": function,
            "folder": str(home.parent),
        }
        log = _unnamed_file(home)
        process = subprocess.Popen(  # noqa: S603 - our own module, by this very interpreter
            [sys.executable, "-s", "-P", "-c", _PROGRAM, json.dumps(start)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=bare_environment(home),
            cwd=home,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        server = cls(process, Channel(ours), log)
        return server if server._answer("start", _START_S, cancelled) is not None else None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take orders."""
        return self._process.poll() is None

    def fileno(self) -> int:
        """The descriptor that becomes readable when ``ending`` has something."""
        return self._channel.fileno()

    def missing(self, libraries: Sequence[str]) -> list[str]:
        """Those of the libraries that it knows and was not told to load yet."""
        return [name for name in libraries if name in LIBRARIES and name not in self._loaded]

    def load(self, libraries: Sequence[str], cancelled: Callable[[], bool]) -> bool:
        """Have libraries imported that children will need.

        Returns:
            False when cancelled meanwhile, which ends the server.

        Raises:
            SandboxNotReadyError: it ended, or they were not loaded in time.
        """
        self._send({"load": list(libraries)})
        if self._answer("load libraries", _START_S, cancelled) is None:
            return False
        self._loaded.update(libraries)
        return True

    def start_child(self, order: Order, output: int, events: int) -> int:
        """Fork a child.

        Args:
            order: what it runs and what holds it.
            output: descriptor for what it prints.
            events: descriptor for its progress.

        Returns:
            Its process id, which is its own until ``ending`` has said how it ended.

        Raises:
            SandboxNotReadyError: the server ended.
        """
        self._send({"start": order.to_message()}, [output, events])
        return int((self._answer("fork", _ANSWER_S, lambda: False) or {})["pid"])

    def kill_child(self) -> None:
        """Have the child ended, with all it started. ``ending`` follows."""
        with suppress(OSError):  # the server has gone, and its child with it: ``ending`` says so
            self._channel.send({"kill": True})

    def ending(self) -> dict[str, Any] | None:
        """How the child ended; waits for it. None: the server ended, and its child with it."""
        received = self._channel.receive()
        return None if received is None else received[0]

    def stop(self) -> None:
        """End the server, and its child if it has one; once more does no harm."""
        if self._log is None:
            return
        with suppress(OSError):  # it has gone already
            self._channel.send({"stop": True})
        self._channel.close()
        try:
            self._process.wait(2.0)  # it ends its child before
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._log)
        self._log = None

    def _send(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        try:
            self._channel.send(message, descriptors)
        except OSError as error:
            died = self._died_on("take orders")
            raise died from error

    def _answer(self, doing: str, limit_s: float, cancelled: Callable[[], bool]) -> dict[str, Any] | None:
        """Wait for a message; None when cancelled meanwhile, which ends the server."""
        deadline = time.monotonic() + limit_s
        while not select.select([self._channel], [], [], _POLL_S)[0]:
            if cancelled():
                self._process.kill()  # it imports and does not listen
                self.stop()
                return None
            if time.monotonic() > deadline:
                self._process.kill()
                raise self._died_on(doing, limit_s)
        received = self._channel.receive()
        if received is None:
            raise self._died_on(doing)
        return received[0]

    def _died_on(self, doing: str, limit_s: float | None = None) -> SandboxNotReadyError:
        self._process.kill()
        self._process.wait()
        last = self._last_line()
        self.stop()
        how = f"ended before it could {doing}" if limit_s is None else f"did not {doing} within {limit_s:.0f} s"
        return SandboxNotReadyError(
            f"the sandbox's fork server {how}, on a machine with {_load()} (it printed last: {last})"
        )

    def _last_line(self) -> str:
        if self._log is None:
            return "nothing, it was stopped"
        size = os.fstat(self._log).st_size
        tail = os.pread(self._log, _LOG_TAIL_BYTES, max(0, size - _LOG_TAIL_BYTES)).decode(errors="replace")
        return (tail.strip().splitlines() or ["nothing"])[-1]


def _load() -> str:
    """How busy this machine is."""
    return f"a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _unnamed_file(folder: Path) -> int:
    """A file without a name; nobody else can open it, and it goes with its last descriptor."""
    descriptor, name = tempfile.mkstemp(dir=folder)
    os.unlink(name)  # noqa: PTH108 - as mkstemp gave it
    return descriptor
