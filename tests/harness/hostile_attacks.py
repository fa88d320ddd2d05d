"""What a model can try to get hold of; see ``hostile_models``. Each returns its loot, or raises what refused it.

The names of their arguments are those of the booty: a ``file`` in a ``folder``, a ``new_file`` there, a ``stream`` and
``datagrams`` that listen by name, a ``port``, and a ``victim`` that runs.
"""

# attackers speak to the system as directly as they can:
# ruff: noqa: S606

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from harness import hostile_files, hostile_signals

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ATTACKS"]


def connects(port: int) -> Any:
    import socket

    return socket.create_connection(("127.0.0.1", port), timeout=2)


def connects_by_name(stream: str) -> Any:
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect(stream)


def listens() -> Any:
    import socket

    with socket.socket() as server:
        return server.bind(("127.0.0.1", 0))


def sends_datagrams(datagrams: str) -> Any:
    import socket

    one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return one.sendto(b"hello", datagrams)


def forks() -> Any:
    import os

    if os.fork() == 0:
        os._exit(0)
    return "forked"


def clones() -> Any:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 56, "aarch64": 220}[__import__("os").uname().machine]
    child = libc.syscall(number, 17, 0, 0, 0, 0)  # SIGCHLD and no flag
    if child < 0:
        raise OSError(ctypes.get_errno(), "clone")
    if child == 0:
        libc._exit(0)
    return "cloned"


def runs_a_program() -> Any:
    import subprocess

    return subprocess.run(["/bin/true"], check=False).returncode


def becomes_a_program() -> Any:
    import os

    os.execv("/bin/true", ["true"])


def raises_its_limits() -> Any:
    import resource

    return resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def makes_a_namespace() -> Any:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    return "user namespace"


def shares_memory() -> Any:
    import mmap

    return len(mmap.mmap(-1, 1 << 20))


def makes_a_file_in_memory() -> Any:
    import os

    return os.memfd_create("unseen")


def grows_a_stack() -> Any:
    import mmap

    return len(mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100))


def sets_up_a_ring() -> Any:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(425, 1, ctypes.create_string_buffer(120)) < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")
    return "ring"


def calls_by_another_table() -> Any:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(0x40000000 | 41, 1, 1, 0) < 0:  # socket, as x32 counts
        raise OSError(ctypes.get_errno(), "x32")
    return "socket"


def calls_what_is_too_new() -> Any:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(470, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "unheard of")
    return "done"


def _of(module: object) -> dict[str, Callable[..., Any]]:
    """The attacks that a module holds."""
    return {
        name: each
        for name, each in vars(module).items()
        if inspect.isfunction(each) and each.__module__ == vars(module)["__name__"] and not name.startswith("_")
    }


ATTACKS = {**_of(hostile_files), **_of(hostile_signals), **_of(sys.modules[__name__])}
