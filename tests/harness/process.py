"""Start a real server as a child process, wait until it answers, and end exactly that process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["ServerStartError", "bare_environment", "free_ports", "running"]

_POLL_S = 0.1
_LOG_TAIL_CHARS = 4000


class ServerStartError(RuntimeError):
    """A server ended or stayed silent while it should have come up; the message carries its log."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different.

    They are held open together until the last is chosen, so one call never returns a port twice.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def bare_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment servers start in: no settings of the person who runs the tests, and no telemetry."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "AWS_", "INTERP_", "COVERAGE_"))}
    return kept | {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"} | dict(extra or {})


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    ready: Callable[[], bool],
    log: Path,
    environment: Mapping[str, str],
    deadline_s: float = 300.0,
    stop_s: float = 15.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the length of the block, in a process group of its own.

    Args:
        command: program and arguments.
        ready: asked again and again until it says True; must not raise.
        log: file that receives everything the server prints.
        environment: the complete environment of the server.
        deadline_s: how long the server may take until it is ready.
        stop_s: how long it may take to end by itself before it is killed.

    Raises:
        ServerStartError: it ended before it was ready or was not ready in time.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, ready, log, deadline_s)
        yield process
    finally:
        _stop(process, stop_s)


def _wait_until_ready(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path, deadline_s: float
) -> None:
    deadline = time.monotonic() + deadline_s
    while not ready():
        if process.poll() is not None:
            _fail(process, log, f"ended with exit code {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            _fail(process, log, f"was not ready after {deadline_s:.0f} s")
        time.sleep(_POLL_S)


def _fail(process: subprocess.Popen[bytes], log: Path, what: str) -> None:
    tail = log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARS:]
    msg = f"{process.args!r} {what}; its log ends:\n{tail}"
    raise ServerStartError(msg)


def _stop(process: subprocess.Popen[bytes], stop_s: float) -> None:
    """End the server and whatever it started: politely first, then for certain."""
    with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=stop_s)
    except subprocess.TimeoutExpired:
        pass  # the group is killed below
    finally:
        with contextlib.suppress(ProcessLookupError):  # the normal case: the whole group has gone
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
