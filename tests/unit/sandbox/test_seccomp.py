from __future__ import annotations

import struct
from errno import ENOSYS, EPERM

import pytest

from mlflow_plugin.sandbox.seccomp import ARCHITECTURES, build_filter
from mlflow_plugin.sandbox.syscall_numbers import NEWEST, NUMBERS

_PID = 4242
_ALLOWED, _KILLED = "allowed", "killed"
_READ = {"x86_64": 0, "aarch64": 63}
_ON = pytest.mark.parametrize("machine", list(ARCHITECTURES))


def _decide(machine: str, number: int, *arguments: int, architecture: int | None = None) -> str | int:
    """What the filter says to a call, as the kernel's machine runs it: allowed, killed, or the error it returns."""
    said = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("<IIQ6Q", number, said, 0, *arguments, *[0] * (6 - len(arguments)))
    program = list(struct.iter_unpack("=HBBI", build_filter(machine, _PID)))
    at = accumulator = 0
    while True:
        operation, if_true, if_false, operand = program[at]
        at += 1
        match operation:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, operand)[0]
            case 0x54:
                accumulator &= operand
            case 0x15:
                at += if_true if accumulator == operand else if_false
            case 0x25:
                at += if_true if accumulator > operand else if_false
            case 0x06:
                return {0x7FFF0000: _ALLOWED, 0x80000000: _KILLED}.get(operand, operand & 0xFFFF)
            case _:
                pytest.fail(f"no such operation: {operation:#x}")


def _call(machine: str, name: str, *arguments: int) -> str | int:
    number = NUMBERS[name][list(ARCHITECTURES).index(machine)]
    assert number is not None
    return _decide(machine, number, *arguments)


@_ON
def test_ordinary_calls_go_through(machine: str) -> None:
    named = {numbers[list(ARCHITECTURES).index(machine)] for numbers in NUMBERS.values()}
    others = [number for number in range(335) if number not in named]
    assert _READ[machine] in others
    assert {_decide(machine, number) for number in others} == {_ALLOWED}


@_ON
def test_what_leads_out_is_refused(machine: str) -> None:
    for name in ("socket", "connect", "bind", "ptrace", "process_vm_readv", "mount", "umount2", "unshare", "setns"):
        assert _call(machine, name) == EPERM, name
    for name in ("execve", "io_uring_setup", "bpf", "perf_event_open", "keyctl", "pidfd_open", "setsid", "setpgid"):
        assert _call(machine, name) == EPERM, name


@_ON
def test_every_listed_call_has_a_rule(machine: str) -> None:
    """Each is refused, made not to exist, passed over as done, or depends on its arguments."""
    hostile = 0xFFFFFFFF  # every flag set, and nobody's process
    for name, numbers in NUMBERS.items():
        if numbers[list(ARCHITECTURES).index(machine)] is None:
            continue
        answers = {_call(machine, name, *[value] * 6) for value in (0, 1, hostile)}
        answers |= {_call(machine, name, hostile, 0x5412, 0x200), _call(machine, name, 0, 0x200)}
        assert answers != {_ALLOWED}, name


@_ON
def test_other_numbers_than_those_known_do_not_exist(machine: str) -> None:
    for number in (NEWEST + 1, 0x40000000 | 41, 0xFFFFFFFF):  # the second: socket, as x32 counts
        assert _decide(machine, number) == ENOSYS


@_ON
def test_calls_of_another_architecture_end_the_process(machine: str) -> None:
    i386 = 0x40000003
    assert _decide(machine, _READ[machine], architecture=i386) == _KILLED


@_ON
def test_threads_are_started_and_processes_are_not(machine: str) -> None:
    of_threads = 0x3D0F00  # what the C library passes
    assert _call(machine, "clone", of_threads) == _ALLOWED
    assert _call(machine, "clone", 17) == EPERM  # SIGCHLD: fork
    assert _call(machine, "clone", 0x4100 | 17) == EPERM  # vfork
    assert _call(machine, "clone", of_threads | 0x10000000) == EPERM  # a user namespace
    assert _call(machine, "clone3", 0) == ENOSYS  # the C library then uses clone


@_ON
@pytest.mark.parametrize("name", ["kill", "tgkill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"])
def test_signals_go_to_oneself_alone(machine: str, name: str) -> None:
    assert _call(machine, name, _PID) == _ALLOWED
    for other in (0, 1, _PID + 1, 0xFFFFFFFF, 0xFFFFFFFF & -_PID):
        assert _call(machine, name, other) == EPERM


@_ON
@pytest.mark.parametrize("name", ["prlimit64", "sched_setaffinity", "sched_setscheduler"])
def test_limits_and_cores_are_changed_for_oneself_alone(machine: str, name: str) -> None:
    assert _call(machine, name, 0) == _call(machine, name, _PID) == _ALLOWED
    assert _call(machine, name, 1) == EPERM


@_ON
def test_only_connected_pairs_of_sockets(machine: str) -> None:
    stream, datagram, close_on_exec = 1, 2, 0x80000
    assert _call(machine, "socketpair", 1, stream | close_on_exec) == _ALLOWED
    assert _call(machine, "socketpair", 1, datagram) == EPERM  # it could be sent on to any address
    assert _call(machine, "socketpair", 2, stream) == EPERM


@_ON
def test_memory_that_counts_towards_no_limit_is_refused(machine: str) -> None:
    private, shared, anonymous, grows_down, stack = 0x2, 0x1, 0x20, 0x100, 0x20000
    assert _call(machine, "mmap", 0, 0, 0, private | anonymous | stack) == _ALLOWED
    assert _call(machine, "mmap", 0, 0, 0, shared) == _ALLOWED  # a file
    assert _call(machine, "mmap", 0, 0, 0, shared | anonymous) == EPERM
    assert _call(machine, "mmap", 0, 0, 0, private | anonymous | grows_down) == EPERM


@_ON
def test_a_file_opened_for_reading_is_not_emptied(machine: str) -> None:
    create, truncate = 0x40, 0x200
    assert _call(machine, "openat", 0, 0, 0) == _ALLOWED
    assert _call(machine, "openat", 0, 0, 1 | create | truncate) == _ALLOWED  # Landlock judges who may write
    assert _call(machine, "openat", 0, 0, truncate) == EPERM
    assert _call(machine, "truncate") == EPERM


@_ON
def test_modes_and_times_are_left_alone_without_a_word(machine: str) -> None:
    for name in ("fchmod", "fchmodat", "utimensat"):
        assert _call(machine, name) == 0


@_ON
def test_dying_with_the_server_stays_arranged(machine: str) -> None:
    assert _call(machine, "prctl", 1) == EPERM
    assert _call(machine, "prctl", 15) == _ALLOWED  # naming a thread
