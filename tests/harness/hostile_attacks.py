"""What a model can try to get hold of; see ``hostile_models``. Each returns its loot, or raises what refused it."""

# attackers speak to the system as directly as they can:
# ruff: noqa: PTH107, PTH123, PTH208, S606

from __future__ import annotations

from typing import Any

__all__ = ["ATTACKS"]


def reads_environment_of_parent() -> Any:
    import os

    with open(f"/proc/{os.getppid()}/environ", "rb") as file:
        return file.read()


def reads_memory_of_parent() -> Any:
    import os

    with open(f"/proc/{os.getppid()}/mem", "rb") as file:
        return file.read(1)


def reads_memory_by_a_call() -> Any:
    import ctypes
    import os

    class Part(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    buffer = ctypes.create_string_buffer(8)
    here, there = Part(ctypes.addressof(buffer), 8), Part(ctypes.addressof(buffer), 8)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.process_vm_readv(os.getppid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) < 0:
        raise OSError(ctypes.get_errno(), "process_vm_readv")
    return buffer.raw


def traces_parent() -> Any:
    import ctypes
    import os

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, os.getppid(), None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    return "attached"


def reads_file(path: str) -> Any:
    with open(path, "rb") as file:
        return file.read()


def lists_folder(path: str) -> Any:
    import os

    return os.listdir(path)


def writes_file(path: str) -> Any:
    with open(path, "w", encoding="utf-8") as file:
        return file.write("was here")


def empties_file(path: str) -> Any:
    import os

    return os.open(path, os.O_RDONLY | os.O_TRUNC)


def truncates_file(path: str) -> Any:
    import os

    return os.truncate(path, 0)


def removes_file(path: str) -> Any:
    import os

    return os.remove(path)


def links_file(path: str) -> Any:
    import os

    os.link(path, "linked")
    return "linked"


def takes_ownership(path: str) -> Any:
    import os

    return os.chown(path, os.getuid(), os.getgid())


def marks_file(path: str) -> Any:
    import os

    return os.setxattr(path, "user.mark", b"was here")


def watches_file(path: str) -> Any:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.inotify_add_watch(libc.inotify_init(), path.encode(), 0xFFF) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    return "watching"


def connects(port: int) -> Any:
    import socket

    return socket.create_connection(("127.0.0.1", port), timeout=2)


def connects_by_name(path: str) -> Any:
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect(path)


def listens() -> Any:
    import socket

    with socket.socket() as server:
        return server.bind(("127.0.0.1", 0))


def sends_datagrams(path: str) -> Any:
    import socket

    one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return one.sendto(b"hello", path)


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


def kills_parent() -> Any:
    import os
    import signal

    return os.kill(os.getppid(), signal.SIGKILL)


def kills_everybody() -> Any:
    import os
    import signal

    return os.kill(-1, signal.SIGKILL)


def leaves_its_session() -> Any:
    import os

    return os.setsid()


def outlives_parent() -> Any:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(1, 0, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")
    return "will live on"


def raises_its_limits() -> Any:
    import resource

    return resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def limits_parent() -> Any:
    import os
    import resource

    return resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))


def slows_parent() -> Any:
    import os

    return os.sched_setaffinity(os.getppid(), {0})


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


ATTACKS = {
    function.__name__: function
    for function in (
        reads_environment_of_parent,
        reads_memory_of_parent,
        reads_memory_by_a_call,
        traces_parent,
        reads_file,
        lists_folder,
        writes_file,
        empties_file,
        truncates_file,
        removes_file,
        links_file,
        takes_ownership,
        marks_file,
        watches_file,
        connects,
        connects_by_name,
        listens,
        sends_datagrams,
        forks,
        clones,
        runs_a_program,
        becomes_a_program,
        kills_parent,
        kills_everybody,
        leaves_its_session,
        outlives_parent,
        raises_its_limits,
        limits_parent,
        slows_parent,
        makes_a_namespace,
        shares_memory,
        makes_a_file_in_memory,
        grows_a_stack,
        sets_up_a_ring,
        calls_by_another_table,
        calls_what_is_too_new,
    )
}
