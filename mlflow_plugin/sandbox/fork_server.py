"""The fork server: has the libraries in memory and no credential, and forks one child per task.

It is started as a program of its own, with a bare environment, and never runs code of a model. It ends when the
worker's end of the socket closes, and takes its children with it; of a worker that died, their folders too.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_plugin.sandbox.channel import Channel
from mlflow_plugin.sandbox.child import run_child
from mlflow_plugin.sandbox.kernel import PR_SET_CHILD_SUBREAPER, prctl
from mlflow_plugin.sandbox.leftovers import remove_tree
from mlflow_plugin.sandbox.limits import count_threads
from mlflow_plugin.sandbox.order import Order

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LIBRARIES", "main"]

_ALWAYS = ("numpy", "pandas", "pyarrow", "mlflow.pyfunc", "sklearn.ensemble", "skops.io")

# What a task may ask for. Names come from the files of models: no other module is imported because of them.
LIBRARIES = {
    "sklearn": ("mlflow.sklearn",),
    "keras": ("tensorflow", "keras", "mlflow.keras"),
    "tensorflow": ("tensorflow", "keras", "mlflow.tensorflow"),
    "xgboost": ("xgboost", "mlflow.xgboost"),
    "lightgbm": ("lightgbm", "mlflow.lightgbm"),
    "catboost": ("catboost", "mlflow.catboost"),
}


def main(descriptor: int, function: str, folder: str) -> None:
    """Load what every task needs, then serve until the other end of the socket closes.

    Args:
        descriptor: of the socket.
        function: "module:name" of what most orders will name; loaded beforehand.
        folder: holds this process's home folder and those of children; removed when the worker died.
    """
    if sys.platform == "linux":
        prctl(PR_SET_CHILD_SUBREAPER, 1)  # what a child leaves behind becomes ours, to be ended
    channel = Channel(socket.socket(fileno=descriptor))
    for name in _ALWAYS:
        importlib.import_module(name)
    _named(function)
    _read_installed_packages()
    from interp_pipeline.steps.warm_up import warm_up

    warm_up()
    try:
        told = _serve(channel)
    except ConnectionError:  # it went while it was being answered
        told = False
    if not told:
        remove_tree(Path(folder))


def _read_installed_packages() -> None:
    """Let MLflow list what is installed, which it does once per process and would do in every child.

    It compares a model's requirements with that list when it loads the model; this took most of the time of loading.
    """
    with contextlib.suppress(ImportError):  # a later MLflow may have it elsewhere: children take longer then
        from mlflow.utils.requirements_utils import warn_dependency_requirement_mismatches

        warn_dependency_requirement_mismatches(["mlflow"])


def _named(function: str) -> Any:
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)


def _serve(channel: Channel) -> bool:
    """Take orders; True once told to stop, False once the worker has gone without a word."""
    woken, waker = os.pipe()
    for each in (woken, waker):
        os.set_blocking(each, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # only so that the pipe below is written to
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    channel.send({"ready": True})
    while (received := channel.receive()) is not None:
        message, descriptors = received
        if "load" in message:
            _load(message["load"])
            channel.send({"loaded": True})
        elif "start" in message:
            child = _start(Order.of_message(message["start"]), *descriptors)
            channel.send({"pid": child})
            last = _attend(child, channel, woken)
            if last is None or "stop" in last:
                return last is not None
        elif "stop" in message:
            return True
        # "kill" comes too late now and then: that child had ended by itself
    return False


def _load(libraries: Sequence[str]) -> None:
    for module in dict.fromkeys(name for library in libraries for name in LIBRARIES.get(library, ())):
        # Not installed, or broken: the child meets it again, and says so in the words for a user.
        with contextlib.suppress(Exception):
            importlib.import_module(module)


def _start(order: Order, output: int, events: int) -> int:
    """Fork; returns in this process only."""
    function = _named(order.function)
    server, running = os.getpid(), count_threads()
    gc.freeze()  # else the child's first collection copies every page
    with warnings.catch_warnings():
        # Python warns where threads exist. Those here are idle ones of libraries that set them up again in a
        # child (OpenBLAS, jemalloc); no code that takes locks runs in them.
        warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
        child = os.fork()
    if child == 0:
        run_child(order, function, output, events, server, running)
    for descriptor in (output, events):
        os.close(descriptor)
    return child


def _attend(child: int, channel: Channel, woken: int) -> dict[str, Any] | None:
    """Wait for a child, end it when told to, and tell how it ended.

    Returns:
        What the worker said meanwhile, if anything; None: it has gone.
    """
    said: dict[str, Any] | None = {}
    with selectors.DefaultSelector() as selector:
        selector.register(channel.fileno(), selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while not _has_ended(child):
            for key, _ in selector.select():
                if key.fd == woken:
                    with contextlib.suppress(BlockingIOError):
                        os.read(woken, 512)
                else:  # "kill" or "stop", and silence means the same
                    received = channel.receive()
                    said = None if received is None else received[0]
                    _kill_group(child)
                    if said is None or "stop" in said:  # that was the last word
                        selector.unregister(channel.fileno())
    _kill_group(child)
    _, status, usage = os.wait4(child, 0)
    _end_orphans()
    seconds = usage.ru_utime + usage.ru_stime
    with contextlib.suppress(OSError):  # it has gone; if so, what it said says so
        channel.send({"status": status, "cpu_s": seconds, "peak_kib": usage.ru_maxrss})
    return said


def _has_ended(child: int) -> bool:
    """Whether it has, leaving it to be reaped: until then its number and its group's cannot be another's."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(leader: int) -> None:
    """End a child that is not reaped yet, and its process group."""
    os.kill(leader, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has no group of its own yet, or none any more
        os.killpg(leader, signal.SIGKILL)


def _end_orphans() -> None:
    """End what a child started and moved out of its group, which only a child without seccomp can do."""
    with contextlib.suppress(ChildProcessError):  # raised when there are none left
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for orphan in _orphans():
                    os.kill(orphan, signal.SIGKILL)
                os.waitpid(-1, 0)


def _orphans() -> list[int]:
    """Processes that are this one's children now."""
    own = str(os.getpid())
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            parent = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            if parent == own:
                found.append(int(stat.parent.name))
    return found
