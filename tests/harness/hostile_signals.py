"""What a model can try on other processes, directly and through the kernel; see ``hostile_attacks``."""

# attackers speak to the system as directly as they can:
# ruff: noqa: PTH123

from __future__ import annotations

from typing import Any

from harness.hostile_calls import call, those_not_refused


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


def limits_parent() -> Any:
    import os
    import resource

    return resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))


def slows_parent() -> Any:
    import os

    return os.sched_setaffinity(os.getppid(), {0})


def kills_by_a_pipe(victim: int) -> Any:
    """The kernel sends the signal, to whom the pipe belongs, when something can be read from it."""
    import fcntl
    import os
    import signal

    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(reading, fcntl.F_SETOWN, victim)
    fcntl.fcntl(reading, fcntl.F_SETFL, fcntl.fcntl(reading, fcntl.F_GETFL) | os.O_ASYNC)
    os.write(writing, b"now")
    return "sent"


def kills_by_a_pair_of_sockets(victim: int) -> Any:
    import fcntl
    import os
    import signal
    import socket

    one, other = socket.socketpair()
    fcntl.ioctl(one, 0x8901, victim.to_bytes(4, "little"))  # FIOSETOWN
    fcntl.fcntl(one, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(one, fcntl.F_SETFL, os.O_ASYNC)
    return other.send(b"now")


def arranges_signals(victim: int) -> Any:
    """Each single step of the two above, in every form that there is."""
    import os
    import socket
    import struct

    pipe, (one, _other) = os.pipe()[0], socket.socketpair()
    owner = struct.pack("ii", 1, victim)  # F_OWNER_PID
    number = victim.to_bytes(4, "little")
    every = 1 << 32  # the kernel looks at the lower half of a command alone
    return those_not_refused(
        {
            "F_SETOWN": lambda: call("fcntl", pipe, 8, victim),
            "F_SETOWN of a group": lambda: call("fcntl", pipe, 8, -victim),
            "F_SETOWN with an upper half": lambda: call("fcntl", pipe, every | 8, victim),
            "F_SETSIG": lambda: call("fcntl", pipe, 10, 9),
            "F_SETOWN_EX": lambda: call("fcntl", pipe, 15, owner),
            "F_SETFL with O_ASYNC": lambda: call("fcntl", pipe, 4, os.O_ASYNC),
            "F_NOTIFY": lambda: call("fcntl", pipe, 1026, 1),
            "FIOSETOWN": lambda: call("ioctl", one.fileno(), 0x8901, number),
            "SIOCSPGRP": lambda: call("ioctl", one.fileno(), 0x8902, number),
            "SIOCSPGRP with an upper half": lambda: call("ioctl", one.fileno(), every | 0x8902, number),
            "FIOASYNC": lambda: call("ioctl", pipe, 0x5452, number),
        }
    )


def signals_by_a_timer(victim: int) -> Any:
    import ctypes
    import struct

    event = ctypes.create_string_buffer(struct.pack("Qiii", 0, 9, 4, victim) + bytes(44))  # SIGEV_THREAD_ID
    call_timer = {"x86_64": 222, "aarch64": 107}[__import__("os").uname().machine]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(call_timer, 1, event, ctypes.create_string_buffer(8)) < 0:
        raise OSError(ctypes.get_errno(), "timer_create")
    return "timer"


def hoards_signals() -> Any:
    """The kernel counts those that wait for all processes of a user, who could make no timer any more."""
    import os
    import signal
    import struct
    import threading

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMAX})
    waiting = struct.pack("iii", 64, 0, -1) + bytes(116)
    return sum(call("rt_tgsigqueueinfo", os.getpid(), threading.get_native_id(), 64, waiting) for _ in range(2000))


def hurries_before_all_others() -> Any:
    import os

    return os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def takes_huge_pages() -> Any:
    import mmap

    return len(mmap.mmap(-1, 1 << 21, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000))


def touches_another_process(victim: int) -> Any:
    memory = bytes(512)
    return those_not_refused(
        {
            "tkill": lambda: call("tkill", victim, 9),
            "tgkill": lambda: call("tgkill", victim, victim, 9),
            "rt_sigqueueinfo": lambda: call("rt_sigqueueinfo", victim, 9, memory),
            "pidfd_open": lambda: call("pidfd_open", victim, 0),
            "pidfd_getfd": lambda: call("pidfd_getfd", 0, 0, 0),
            "pidfd_send_signal": lambda: call("pidfd_send_signal", 0, 9, 0, 0),
            "process_vm_writev": lambda: call("process_vm_writev", victim, memory, 1, memory, 1, 0),
            "process_madvise": lambda: call("process_madvise", 0, memory, 1, 20, 0),
            "kcmp": lambda: call("kcmp", victim, victim, 0, 0, 0),
            "setpriority": lambda: call("setpriority", 0, victim, 19),
            "ioprio_set": lambda: call("ioprio_set", 1, victim, 3 << 13),
            "sched_setaffinity": lambda: call("sched_setaffinity", victim, 8, b"\1" + bytes(7)),
            "sched_setscheduler": lambda: call("sched_setscheduler", victim, 5, memory),
            "sched_setattr": lambda: call("sched_setattr", victim, memory, 0),
            "prlimit64": lambda: call("prlimit64", victim, 0, memory, 0),
            "migrate_pages": lambda: call("migrate_pages", victim, 1, memory, memory),
            "move_pages": lambda: call("move_pages", victim, 0, 0, 0, 0, 0),
            "perf_event_open": lambda: call("perf_event_open", memory, victim, -1, -1, 0),
            "ptrace": lambda: call("ptrace", 0x4206, victim, 0, 0),
            "PR_SCHED_CORE": lambda: call("prctl", 62, 2, victim, 0, 0),
        }
    )


def hides_from_its_watch() -> Any:
    """Then how much it writes could be read by nobody of its own user."""
    return call("prctl", 4, 0, 0, 0, 0)  # PR_SET_DUMPABLE


def reaches_for_the_kernel() -> Any:
    """What has a history of holes, or is shared by all processes of a user or machine."""
    import socket

    one, _other = socket.socketpair()
    memory = bytes(512)
    return those_not_refused(
        {
            "bpf": lambda: call("bpf", 0, memory, 128),
            "userfaultfd": lambda: call("userfaultfd", 1),
            "keyctl": lambda: call("keyctl", 0, -3, 1),
            "add_key": lambda: call("add_key", b"user", b"a", memory, 1, -3),
            "request_key": lambda: call("request_key", b"user", b"a", 0, -3),
            "mq_open": lambda: call("mq_open", b"queue", 0x40, 0o600, 0),
            "shmget": lambda: call("shmget", 0, 4096, 0o1600),
            "memfd_secret": lambda: call("memfd_secret", 0),
            "setsockopt": lambda: call("setsockopt", one.fileno(), 1, 26, memory, 16),
            "sendmsg": lambda: call("sendmsg", one.fileno(), memory, 0),
            "sendmmsg": lambda: call("sendmmsg", one.fileno(), memory, 1, 0),
        }
    )
