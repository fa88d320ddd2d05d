"""Run tasks on models whose code nobody has read, each in a process of its own that can harm nothing else."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from interp_pipeline.errors import ModelProcessError
from mlflow_plugin.sandbox.attendance import attend
from mlflow_plugin.sandbox.end_of_child import Cancelled, judge
from mlflow_plugin.sandbox.events import EventReader
from mlflow_plugin.sandbox.landlock import abi_version
from mlflow_plugin.sandbox.layers import BY_KERNEL, choose_layers, working_here
from mlflow_plugin.sandbox.leftovers import keep_plain_files, remove_tree
from mlflow_plugin.sandbox.limits import Limits
from mlflow_plugin.sandbox.order import Order
from mlflow_plugin.sandbox.server_process import ServerProcess
from mlflow_plugin.sandbox.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from interp_pipeline.progress import Progress
    from mlflow_plugin.sandbox.attendance import Ending
    from mlflow_plugin.settings import SandboxMode

__all__ = ["Sandbox", "Spent"]

_TASK = "interp_pipeline.handover:run_task"

_log = logging.getLogger("interp.sandbox")


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a child cost."""

    wall_s: float
    cpu_s: float
    peak_memory_bytes: int  # resident; libraries it shares with the fork server included


class Sandbox:
    """Holds a fork server with the libraries loaded; forks a child per task and stays with it.

    A context manager: the server is started with the first task, and is gone at the end of the block. Tasks run one
    after the other, whichever threads they come from.

    ``landlock_abi`` is the version of Landlock's ABI that children are held by, 0 without: the newest that kernel and
    sandbox know. Lowered, no more is asked for than an older kernel has, as tests do.
    """

    def __init__(
        self,
        *,
        mode: SandboxMode = "required",
        least_abi: int = 1,
        limits: Limits | None = None,
        readable: tuple[Path, ...] = (),
        function: str = _TASK,
    ) -> None:
        """Choose the layers; nothing is started yet.

        Args:
            mode: ``required``: all layers or none at all; ``auto``: those that work here, as ``layers`` tells;
                ``off``: a process of its own with a bare environment, and nothing of the kernel's.
            least_abi: version of Landlock's ABI that has to be there where all layers are required.
            limits: of each child; None for the defaults.
            readable: further files and folders that children may read, such as libraries installed elsewhere.
            function: "module:name" of what children run: called with task, answer and a progress listener.

        Raises:
            UsageError: all layers are required and one does not work here, or Landlock has an older ABI.
        """
        abi = abi_version()
        self._layers = choose_layers(mode, working_here(), abi=abi, least_abi=least_abi)
        self.landlock_abi = abi if self._layers["landlock"] else 0
        self._limits = limits or Limits()
        self._readable = readable
        self._function = function
        self._lock = threading.Lock()
        self._home: Path | None = None
        self._server: ServerProcess | None = None

    @property
    def layers(self) -> dict[str, bool]:
        """By name: whether children are held by that layer."""
        return dict(self._layers)

    @property
    def server_pid(self) -> int | None:
        """Process id of the fork server, while there is one."""
        return self._server.pid if self._server is not None and self._server.alive else None

    def __enter__(self) -> Self:
        """Begin; tasks can be run from here on."""
        self._home = Path(tempfile.mkdtemp(prefix="interp-sandbox-"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the fork server, a child that still runs, and their folders."""
        if self._server is not None:
            self._server.stop()
        self._server = None
        if self._home is not None:
            shutil.rmtree(self._home)
        self._home = None

    def run(
        self,
        task: Path,
        answer: Path,
        model_path: Path,
        libraries: Sequence[str],
        *,
        cancelled: Callable[[], bool],
        progress: Progress,
    ) -> Spent:
        """Run a task in a child of its own. However this ends, nothing of the child is left running.

        Args:
            task: folder that describes it; the child may read it.
            answer: empty folder for the answer; afterwards it holds nothing but plain files.
            model_path: folder with the model's files; the child may read it.
            libraries: flavors or libraries the model needs, such as ``keras``. Those that the fork server knows are
                loaded there once; a child imports the others itself.
            cancelled: asked at least five times a second, from this thread; True ends the child.
            progress: listens.

        Returns:
            What it cost. The answer, or the error it is, lies in ``answer``; nothing of it was checked.

        Raises:
            ModelProcessError: the child crashed, passed a limit, or ended without an answer.
            Cancelled: ``cancelled`` said so.
            SandboxNotReadyError: it could not be started, or not be held by its layers.
        """
        with self._lock, self._scratch() as scratch:
            server = self._serving(libraries, cancelled, progress)
            order = Order(
                function=self._function,
                task=task.absolute(),
                answer=answer.absolute(),
                scratch=scratch,
                readable=(model_path.absolute(), *self._readable),
                layers=tuple(name for name in BY_KERNEL if self._layers[name]),
                landlock_abi=self.landlock_abi,
                limits=self._limits,
            )
            reader = EventReader(progress)
            try:
                ending = self._attended(server, order, reader, cancelled)
            finally:
                reader.close()
                size = keep_plain_files(answer)
        _log_output(ending, reader)
        judge(ending, held=reader.held, done=reader.done, limits=self._limits)
        if size > self._limits.output_bytes:
            allowed = self._limits.output_bytes
            msg = f"the process that ran the model gave an answer of {size} bytes; {allowed} are allowed"
            raise ModelProcessError(msg, kind="crashed")
        return Spent(wall_s=ending.wall_s, cpu_s=ending.cpu_s, peak_memory_bytes=ending.peak_memory_bytes)

    def _serving(self, libraries: Sequence[str], cancelled: Callable[[], bool], progress: Progress) -> ServerProcess:
        """The fork server with these libraries loaded: the one there is, or a new one where it died or never was."""
        if self._home is None:
            msg = "a sandbox runs tasks inside its with block"
            raise RuntimeError(msg)
        if self._server is not None and not self._server.alive:
            self._server.stop()
            self._server = None
        if self._server is None:
            home = Path(tempfile.mkdtemp(prefix="server-", dir=self._home))
            with progress.track("Starting the sandbox", 1) as advance:
                self._server = ServerProcess.start(home, self._function, cancelled)
                advance(1)
        if self._server is None:
            raise Cancelled
        if missing := self._server.missing(libraries):
            with progress.track(f"Loading {', '.join(missing)} into the sandbox", 1) as advance:
                if not self._server.load(missing, cancelled):
                    raise Cancelled
                advance(1)
        return self._server

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder for one child, removed with whatever it made there."""
        folder = Path(tempfile.mkdtemp(prefix="child-", dir=self._home))
        try:
            yield folder
        finally:
            remove_tree(folder)

    def _attended(
        self, server: ServerProcess, order: Order, reader: EventReader, cancelled: Callable[[], bool]
    ) -> Ending:
        output, childs_output = os.pipe()
        events, childs_events = os.pipe()
        try:
            try:
                pid = server.start_child(order, childs_output, childs_events)
            finally:
                os.close(childs_output)
                os.close(childs_events)
            for each in (output, events):
                os.set_blocking(each, False)
            watch = Watch(pid, self._limits, (order.scratch, order.answer))
            return attend(
                server,
                output=output,
                events=events,
                reader=reader,
                watch=watch,
                limits=self._limits,
                cancelled=cancelled,
            )
        finally:
            os.close(output)
            os.close(events)


def _log_output(ending: Ending, reader: EventReader) -> None:
    """What the model printed is for whoever debugs it; it says nothing that can be relied on."""
    if ending.printed:
        _log.debug("the model printed: %s", ending.printed.decode("utf-8", errors="replace"))
    if reader.refused:
        _log.debug("%d lines of the model's process were no progress events", reader.refused)
