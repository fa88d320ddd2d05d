"""What a process does from its fork on: leave the fork server behind, be held, run one task, end."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import tempfile
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mlflow_plugin.sandbox.environment import move_home
from mlflow_plugin.sandbox.events import EventWriter
from mlflow_plugin.sandbox.kernel import PR_SET_PDEATHSIG, prctl
from mlflow_plugin.sandbox.layers import put_on
from mlflow_plugin.sandbox.readable_paths import WRITABLE_DEVICES, facts_of_itself, installed_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.progress import Progress
    from mlflow_plugin.sandbox.order import Order

__all__ = ["EXIT_FAILED", "EXIT_OUT_OF_MEMORY", "run_child"]

EXIT_FAILED = 1  # an error that the task itself has no words for; its traceback was printed
EXIT_OUT_OF_MEMORY = 86  # likewise, and the error was that of memory

_EVENTS = 3  # the one descriptor beside standard input, output and error
_OUT_OF_THE_WAY = 64  # no descriptor that is still needed lies above


def run_child(
    order: Order, function: Callable[[Path, Path, Progress], None], output: int, events: int, server: int, running: int
) -> NoReturn:
    """Run a task in this process, which was just forked, and end it.

    Args:
        order: what the task is and what holds it.
        function: what the order names.
        output: descriptor for what is printed.
        events: descriptor for progress.
        server: process id of the fork server.
        running: processes and threads this user has already.
    """
    code = EXIT_FAILED
    try:
        code = _held(order, function, output, events, server, running)
    finally:
        os._exit(code)  # nothing the fork server registered for its own end runs here


def _held(
    order: Order, function: Callable[[Path, Path, Progress], None], output: int, events: int, server: int, running: int
) -> int:
    _leave(server)
    _settle(order.scratch, output, events)
    readable = (*installed_code(), *facts_of_itself(), *order.readable, order.task)
    writable = (order.scratch, order.answer, *WRITABLE_DEVICES)
    try:
        put_on(order, running, readable, writable)
        listener = EventWriter(_EVENTS)
        listener.held()
    except OSError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201 - what the parent shows; no code of the model ran
        return EXIT_FAILED
    return _run(order, function, listener)


def _run(order: Order, function: Callable[[Path, Path, Progress], None], listener: EventWriter) -> int:
    """Run the task; from here on, code of the model has the process."""
    try:
        function(order.task, order.answer, listener)
        listener.done()
    except MemoryError:
        traceback.print_exc()
        return EXIT_OUT_OF_MEMORY
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except BaseException:  # noqa: BLE001 - code of the model raises what it likes; nothing else runs in this process
        traceback.print_exc()
        return EXIT_FAILED
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _leave(server: int) -> None:
    """Become a session and process group of one, which dies with the fork server."""
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # it died between the fork and the line above
        os._exit(EXIT_FAILED)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o077)


def _settle(scratch: Path, output: int, events: int) -> None:
    """Keep four descriptors and one folder."""
    output, events = (fcntl.fcntl(each, fcntl.F_DUPFD, _OUT_OF_THE_WAY) for each in (output, events))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2), (events, _EVENTS)):
        os.dup2(source, target, inheritable=False)
    for entry in list(Path("/dev/fd").iterdir()):
        if int(entry.name) > _EVENTS:
            with suppress(OSError):  # the one that this list was read from
                os.close(int(entry.name))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # both are real files here
    warnings.showwarning = _say_nothing  # type: ignore[assignment]  # it takes what is passed, and drops it
    move_home(scratch)
    tempfile.tempdir = None
    os.chdir(scratch)
    _keep_compiled_code_in_memory()
    _lock_by_threads()


def _say_nothing(*_warning: object) -> None:
    """Nobody can act on warnings about a stranger's model, and its last words should be its own."""


def _keep_compiled_code_in_memory() -> None:
    """Code compiled here is not kept on disk: other children would run it, and Landlock refuses it anyway."""
    from numba.core.caching import Cache

    def keep_nothing(_cache: Cache, _signature: object, _code: object) -> None:
        return None

    Cache.save_overload = keep_nothing  # type: ignore[method-assign]  # numba has no switch for a whole process


def _lock_by_threads() -> None:
    """Make locks between processes locks between threads: other processes there are none, nor shared memory for them.

    Pools of threads, with which scikit-learn predicts, ask for such locks too.
    """
    import threading
    from multiprocessing.context import BaseContext

    for name in ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier"):
        made_by = getattr(threading, name)
        setattr(BaseContext, name, lambda _context, *given, made_by=made_by, **named: made_by(*given, **named))
