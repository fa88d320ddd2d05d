"""Programs of this environment that run beside a benchmark, and waiting for what they do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["free_port", "program", "wait"]

_READY_WITHIN_S = 180.0
_ASK_EVERY_S = 0.05


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def program(
    command: list[str], ready_at: str, log: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of the block, which begins when the address answers with success.

    Args:
        command: a program of this environment, and its arguments.
        ready_at: address.
        log: file for what it prints; its folder is the program's.
        environment: further variables.
    """
    found = shutil.which(command[0], path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        sys.exit(f"{command[0]} is not installed")
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - programs of this environment
            [found, *command[1:]], stdout=output, stderr=output, cwd=log.parent, env={**os.environ, **environment}
        )
    try:
        wait(lambda: _is_ready(ready_at, process, log), _READY_WITHIN_S, f"{command[0]} to start")
        yield process
    finally:
        process.terminate()
        process.wait(60)


def wait(holds: Callable[[], bool], limit_s: float, what: str) -> None:
    """Ask every 50 ms whether something holds; end the benchmark where it does not in time.

    Args:
        holds: is asked.
        limit_s: for how long.
        what: is waited for, as it follows "waited for".
    """
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"waited {limit_s:.0f} s in vain for {what}")
        time.sleep(_ASK_EVERY_S)


def _is_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        sys.exit(log.read_text(encoding="utf-8", errors="replace")[-2000:])
    try:
        return requests.get(address, timeout=5).ok
    except requests.RequestException:
        return False  # not up yet
