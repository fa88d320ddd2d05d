from __future__ import annotations

import struct
from errno import ENOSYS, EOPNOTSUPP, EPERM

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
def test_threads_share_one_table_of_descriptors(machine: str) -> None:
    thread, files = 0x10000 | 0x100 | 0x800, 0x400
    assert _call(machine, "clone", thread | files) == _ALLOWED
    assert _call(machine, "clone", thread) == EPERM
    assert _call(machine, "close_range", 3, 9, 0) == _ALLOWED
    assert _call(machine, "close_range", 3, 9, 2) == EPERM


@_ON
def test_no_room_is_set_aside(machine: str) -> None:
    assert _call(machine, "fallocate") == EOPNOTSUPP


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
    private, shared, anonymous, grows_down, stack, huge_pages = 0x2, 0x1, 0x20, 0x100, 0x20000, 0x40000
    assert _call(machine, "mmap", 0, 0, 0, private | anonymous | stack) == _ALLOWED
    assert _call(machine, "mmap", 0, 0, 0, shared) == _ALLOWED  # a file
    assert _call(machine, "mmap", 0, 0, 0, shared | anonymous) == EPERM
    assert _call(machine, "mmap", 0, 0, 0, private | anonymous | grows_down) == EPERM
    assert _call(machine, "mmap", 0, 0, 0, private | anonymous | huge_pages) == EPERM


@_ON
def test_a_file_opened_for_reading_is_not_emptied(machine: str) -> None:
    create, truncate = 0x40, 0x200
    assert _call(machine, "openat", 0, 0, 0) == _ALLOWED
    assert _call(machine, "openat", 0, 0, 2 | truncate) == _ALLOWED
    assert _call(machine, "openat", 0, 0, 1 | create | truncate) == _ALLOWED  # Landlock judges who may write
    assert _call(machine, "openat", 0, 0, truncate) == EPERM
    assert _call(machine, "truncate") == EPERM


@_ON
def test_a_file_is_opened_for_something(machine: str) -> None:
    """Access mode 3 is for neither reading nor writing: Landlock asks for no right, and leases and commands work."""
    upper_half, truncate, path_only = 1 << 32, 0x200, 0x200000
    calls = [("openat", 2)] + ([("open", 1)] if machine == "x86_64" else [])
    for name, flags in calls:
        before = [0] * flags
        for access in (0, 1, 2, path_only):
            assert _call(machine, name, *before, access) == _ALLOWED
        for access in (3, 3 | truncate, 3 | path_only, 3 | upper_half):
            assert _call(machine, name, *before, access) == EPERM
    assert _call(machine, "openat2") == ENOSYS  # its flags lie in memory
    assert _call(machine, "open_by_handle_at", 0, 0, 3) == EPERM


_DUPFD, _GETFD, _SETFD, _GETFL, _SETFL, _GETLK, _DUPFD_CLOEXEC, _GETPIPE_SZ = 0, 1, 2, 3, 4, 5, 1030, 1032
_UPPER_HALVES = pytest.mark.parametrize("upper", [0, 1 << 32, 0xFFFFFFFF << 32])


@_ON
@_UPPER_HALVES
def test_descriptors_are_copied_and_asked_and_nothing_else(machine: str, upper: int) -> None:
    """The kernel takes a command as a number of 32 bits, whatever stands above."""
    asked = {_DUPFD, _GETFD, _SETFD, _GETFL, _SETFL, _GETLK, _DUPFD_CLOEXEC, _GETPIPE_SZ}
    passed_over = {6, 7}  # F_SETLK, F_SETLKW
    for command in (*range(50), *range(1020, 1050), 0xFFFFFFFF):
        wanted: str | int = _ALLOWED if command in asked else 0 if command in passed_over else EPERM
        assert _call(machine, "fcntl", 3, upper | command, 0) == wanted, command


@_ON
def test_no_descriptor_asks_for_signals(machine: str) -> None:
    non_blocking, asynchronous, pointer = 0x800, 0x2000, 0x7FFF_FFFF_2000
    assert _call(machine, "fcntl", 3, _SETFL, non_blocking) == _ALLOWED
    assert _call(machine, "fcntl", 3, _SETFL, non_blocking | asynchronous) == EPERM
    assert _call(machine, "fcntl", 3, 1 << 32 | _SETFL, asynchronous) == EPERM
    assert _call(machine, "fcntl", 3, _GETLK, pointer) == _ALLOWED  # no flags there
    for command in (8, 10, 15, 1024, 1026):  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
        assert _call(machine, "fcntl", 3, command, 9) == EPERM


@_ON
@_UPPER_HALVES
def test_of_commands_to_devices_and_file_systems_only_harmless_questions(machine: str, upper: int) -> None:
    asked = {0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451}
    for command in asked:
        assert _call(machine, "ioctl", 3, upper | command) == _ALLOWED
    others = {
        *range(0x5400, 0x5500),
        *range(0x8900, 0x8A00),
        0x40087602,
        0x40086602,
        0x401C5820,
        0x40806685,
        0xC020660B,
    }
    for command in others - asked:
        assert _call(machine, "ioctl", 3, upper | command) == EPERM, hex(command)


@_ON
def test_of_its_own_properties_it_changes_names_alone(machine: str) -> None:
    set_name, set_vma = 15, 0x53564D41
    assert _call(machine, "prctl", set_name) == _call(machine, "prctl", set_vma) == _ALLOWED
    for option in (1, 4, 8, 36, 62, 0x59616D61):  # death signal, dumpable, keep capabilities, reaper, cores, tracers
        assert _call(machine, "prctl", option) == EPERM


@_ON
def test_files_have_no_locks_and_no_attributes_by_path(machine: str) -> None:
    assert _call(machine, "flock", 3, 2) == ENOSYS
    for name in ("getxattr", "lgetxattr", "listxattr", "llistxattr", "getxattrat", "listxattrat"):
        assert _call(machine, name) == EOPNOTSUPP
    for name in ("setxattr", "fsetxattr", "removexattr"):
        assert _call(machine, name) == EPERM


@_ON
def test_modes_and_times_are_left_alone_without_a_word(machine: str) -> None:
    for name in ("fchmod", "fchmodat", "utimensat", "sync"):
        assert _call(machine, name) == 0


@_ON
def test_dying_with_the_server_stays_arranged(machine: str) -> None:
    assert _call(machine, "prctl", 1) == EPERM
    assert _call(machine, "prctl", 15) == _ALLOWED  # naming a thread
