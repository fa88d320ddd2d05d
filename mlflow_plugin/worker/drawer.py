"""Pictures and report of one version, made by a process of our own code that is ended when it takes too long.

What is drawn are names and values of strangers. Whatever they do to a font or a layout, they cost a limited time, and
the worker lives on.
"""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Self

from interp_pipeline.errors import ModelError, TrackingError
from mlflow_plugin.sandbox import Cancelled
from mlflow_plugin.sandbox.readable_paths import importable_folders
from mlflow_plugin.worker.drawing_process import DrawerDiedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.compute import Computed
    from interp_pipeline.stages.fetch import Fetched

__all__ = ["Drawer"]

_POLL_S = 0.1
_START_S = 300.0  # to load its libraries
_TIMES_SLOWER = 10  # a machine may be before it is called too busy
_STOP_S = 2.0
_PROGRAM = """\
import json, sys
start = json.loads(sys.argv[1])
sys.path[:] = start.pop("path")
from mlflow_plugin.worker.drawing_process import serve
serve(**start)
"""


class Drawer:
    """Holds a process that draws; it is started when it is first needed, and again where it died."""

    def __init__(self, cpu_s: float, function: str = "interp_pipeline.stages.render:render") -> None:
        """Prepare; nothing is started yet.

        Args:
            cpu_s: processor time that one version may take, in s. A busy machine does not use it up.
            function: "module:name" of what draws.
        """
        self._cpu_s = cpu_s
        self._function = function
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._ready = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._end()

    def begin(self) -> None:
        """Let the process load its libraries while the caller does something else."""
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        ours, theirs = socket.socketpair()
        start = {"path": importable_folders(), "descriptor": theirs.fileno(), "function": self._function}
        self._process = subprocess.Popen(  # noqa: S603 - our own module, by this very interpreter
            [sys.executable, "-P", "-c", _PROGRAM, json.dumps({**start, "cpu_s": self._cpu_s})],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # the terminal's Ctrl-C is the worker's to hear
        )
        theirs.close()
        self._connection = Connection(ours.detach())

    def draw(
        self,
        fetched: Fetched,
        computed: Computed,
        config: ExplainConfig,
        progress: Progress,
        *,
        cancelled: Callable[[], bool],
    ) -> dict[str, bytes]:
        """Do what ``interp_pipeline.stages.render.render`` does, over there.

        Args:
            fetched: as for ``render``.
            computed: likewise.
            config: likewise.
            progress: listens.
            cancelled: asked again and again; True ends the process.

        Raises:
            ModelError: it took more processor time than it may.
            TrackingError: the machine is too busy for it.
            Cancelled: ``cancelled`` said so.
            DrawerDiedError: the process ended, or failed for a reason of ours.
            InterpError: as ``render`` raises it.
        """
        self.begin()
        hearing = _Hearing(progress)
        try:
            if not self._ready:
                self._wait(hearing, cancelled, fetched.version.uri, _START_S)
                self._ready = True
            assert self._connection is not None  # noqa: S101 - ``begin`` made it
            self._connection.send((fetched, computed, config))
            kind, content = self._wait(hearing, cancelled, fetched.version.uri, _TIMES_SLOWER * self._cpu_s)
        except BaseException:
            self._end()
            raise
        finally:
            hearing.close()
        if kind == "failed":
            raise content
        files: dict[str, bytes] = content
        return files

    def _wait(self, hearing: _Hearing, cancelled: Callable[[], bool], uri: str, limit_s: float) -> tuple[str, Any]:
        """The next message that is no report of progress."""
        deadline = time.monotonic() + limit_s
        assert self._connection is not None  # noqa: S101 - ``begin`` made it
        while True:
            while not self._connection.poll(_POLL_S):
                if cancelled():
                    raise Cancelled
                if time.monotonic() > deadline:
                    msg = (
                        f"the process that draws {uri} was given less than {self._cpu_s:g} s of processor time in "
                        f"{limit_s:.0f} s: this machine is too busy for its workers; start fewer of them on it"
                    )
                    raise TrackingError(msg)
            try:
                kind, content = self._connection.recv()
            except (EOFError, OSError) as error:
                raise self._died(uri) from error
            if not hearing.takes(kind, content):
                return kind, content

    def _died(self, uri: str) -> Exception:
        assert self._process is not None  # noqa: S101 - ``begin`` made it
        code = self._process.wait()
        if code == -signal.SIGPROF:
            msg = (
                f"the pictures and the report of {uri} took more than {self._cpu_s:g} s of processor time; register "
                "it with shorter names of features and classes or with fewer of them, or raise draw_cpu_s in "
                "[worker] and run: interp reconcile --retry failed"
            )
            return ModelError(msg)
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return DrawerDiedError(f"the process that draws {uri} {how}")

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            try:
                self._process.wait(_STOP_S if self._ready else 0)  # it hears that the line is closed while it waits
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._connection = None
        self._ready = False


class _Hearing:
    """Passes on what the other process tells before it answers."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._stages: list[tuple[ExitStack, Callable[[int], None]]] = []

    def takes(self, kind: str, content: Any) -> bool:
        """Whether it was such a thing."""
        if kind == "open":
            stack = ExitStack()
            self._stages.append((stack, stack.enter_context(self._progress.track(*content))))
        elif kind == "step":
            self._stages[-1][1](content)
        elif kind == "close":
            self._stages.pop()[0].close()
        elif kind == "say":
            self._progress.say(content)
        elif kind == "log":
            name, level, message = content
            logging.getLogger(name).log(level, "%s", message)
        else:
            return False
        return True

    def close(self) -> None:
        """Leave open stages as work that was cut off: nobody is told that it is done."""
        while self._stages:
            with suppress(_CutOffError), self._stages.pop()[0]:
                raise _CutOffError


class _CutOffError(Exception):
    """Drawing ended in the middle of a stage."""
