"""Seccomp: from now on, the kernel refuses a list of system calls.

The list names what a computation never needs and what would lead out of the child: other processes, the
network, other programs, kernel interfaces with a history of holes, and the gaps of Landlock, which does not
govern modes, owners, times and notifications of files. Calls newer than the list do not exist for the child.
The filter is a program for the kernel's classic BPF machine; every jump in it goes forward over a few steps.
"""

from __future__ import annotations

import ctypes
import os
import struct
from dataclasses import dataclass
from errno import ENOSYS, EPERM
from typing import TYPE_CHECKING

from mlflow_plugin.sandbox.kernel import prctl
from mlflow_plugin.sandbox.syscall_numbers import NEWEST, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ARCHITECTURES", "build_filter", "install_filter", "is_available"]

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # as the kernel names them to the filter

_PR_GET_SECCOMP, _PR_SET_SECCOMP = 21, 22
_MODE_FILTER = 2
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_GREATER = 0x15, 0x25
_ALLOW, _KILL_PROCESS, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16

_REFUSED = (
    "acct",
    "add_key",
    "adjtimex",
    "bind",
    "bpf",
    "chown",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "connect",
    "delete_module",
    "execve",
    "execveat",
    "fanotify_init",
    "fanotify_mark",
    "fchown",
    "fchownat",
    "file_setattr",
    "finit_module",
    "fork",
    "fremovexattr",
    "fsconfig",
    "fsetxattr",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "inotify_add_watch",
    "io_setup",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "ioprio_set",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lchown",
    "lookup_dcookie",
    "lremovexattr",
    "lsetxattr",
    "memfd_create",
    "memfd_secret",
    "migrate_pages",
    "modify_ldt",
    "mount",
    "mount_setattr",
    "move_mount",
    "move_pages",
    "mq_open",
    "mq_unlink",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "name_to_handle_at",
    "nfsservctl",
    "open_by_handle_at",
    "open_tree",
    "open_tree_attr",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "pivot_root",
    "process_madvise",
    "process_mrelease",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "removexattr",
    "removexattrat",
    "request_key",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "setdomainname",
    "sethostname",
    "setns",
    "setpgid",
    "setpriority",
    "setsid",
    "settimeofday",
    "setxattr",
    "setxattrat",
    "shmat",
    "shmctl",
    "shmget",
    "socket",
    "swapoff",
    "swapon",
    "syslog",
    "truncate",
    "umount2",
    "unshare",
    "uselib",
    "userfaultfd",
    "vfork",
    "vhangup",
)

# Their arguments lie in memory, where a filter cannot look: the C library goes on with the older call.
_UNKNOWN = ("clone3", "openat2")

# Copying a file, as many models do when they are loaded, ends with these. Landlock does not govern them, so none may
# be done; refused, they would fail the copy for the sake of a mode or a time that nobody will look at.
_NOT_DONE = ("chmod", "fchmod", "fchmodat", "fchmodat2", "futimesat", "utime", "utimensat", "utimes")


@dataclass(frozen=True)
class _Check:
    """One condition on an argument: its bits under the mask must, or must not, be one of some values."""

    argument: int
    mask: int
    values: tuple[int, ...]
    must: bool


_CLONE_THREAD, _NEW_NAMESPACES = 0x10000, 0x7E020080
_MAP_SHARED_ANONYMOUS, _MAP_GROWSDOWN = 0x21, 0x100
_WRITE_ONLY_OR_BOTH, _O_TRUNC = 0x3, 0x200
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPES = 1, 1, 0xF
_ALL = 0xFFFFFFFF
_PR_SET_PDEATHSIG = 1
_SETTERS = (0x5412, 0x541C, 0x40086602, 0x401C5820)  # a terminal's input; flags of a file


def _conditional(pid: int) -> dict[str, tuple[_Check, ...]]:
    """Calls that are allowed with some arguments.

    Threads, not processes. Signals and limits for itself. Pairs of connected sockets, which reach nobody else. No
    memory that counts towards no limit (shared, or growing like a stack). No emptying of files that are open for
    reading, which early versions of Landlock let through. Its death with the fork server stays arranged.
    """
    itself = _Check(0, _ALL, (pid,), must=True)
    itself_or_zero = _Check(0, _ALL, (0, pid), must=True)
    emptied = (_WRITE_ONLY_OR_BOTH | _O_TRUNC, (_O_TRUNC,))
    return {
        "clone": (
            _Check(0, _CLONE_THREAD, (_CLONE_THREAD,), must=True),
            _Check(0, _NEW_NAMESPACES, (0,), must=True),
        ),
        **dict.fromkeys(("kill", "tgkill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"), (itself,)),
        **dict.fromkeys(
            ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"),
            (itself_or_zero,),
        ),
        "socketpair": (
            _Check(0, _ALL, (_AF_UNIX,), must=True),
            _Check(1, _SOCK_TYPES, (_SOCK_STREAM,), must=True),
        ),
        "mmap": (
            _Check(3, _MAP_SHARED_ANONYMOUS, (_MAP_SHARED_ANONYMOUS,), must=False),
            _Check(3, _MAP_GROWSDOWN, (_MAP_GROWSDOWN,), must=False),
        ),
        "open": (_Check(1, *emptied, must=False),),
        "openat": (_Check(2, *emptied, must=False),),
        "ioctl": (_Check(1, _ALL, _SETTERS, must=False),),
        "prctl": (_Check(0, _ALL, (_PR_SET_PDEATHSIG,), must=False),),
    }


def build_filter(architecture: str, pid: int) -> bytes:
    """The filter's program.

    Args:
        architecture: a key of ``ARCHITECTURES``.
        pid: of the process it is for.

    Returns:
        Instructions of eight bytes: operation, steps to skip if true, steps to skip if false, operand.
    """
    column = list(ARCHITECTURES).index(architecture)
    program = [
        _step(_LOAD, _AT_ARCHITECTURE),
        _step(_IF_EQUAL, ARCHITECTURES[architecture], if_true=1),
        _step(_RETURN, _KILL_PROCESS),  # another architecture's calls have other numbers
        _step(_LOAD, _AT_NUMBER),
        _step(_IF_GREATER, NEWEST, if_false=1),  # x32's numbers too
        _step(_RETURN, _ERROR | ENOSYS),
    ]
    for code, names in ((EPERM, _REFUSED), (ENOSYS, _UNKNOWN), (0, _NOT_DONE)):
        for name in names:
            program += _when_called(NUMBERS[name][column], [_step(_RETURN, _ERROR | code)])
    for name, checks in _conditional(pid).items():
        body = [step for check in checks for step in _checked(check)]
        program += _when_called(NUMBERS[name][column], [*body, _step(_RETURN, _ALLOW)])
    return b"".join([*program, _step(_RETURN, _ALLOW)])


def _step(operation: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, operand)


def _when_called(number: int | None, body: list[bytes]) -> list[bytes]:
    return [] if number is None else [_step(_IF_EQUAL, number, if_false=len(body)), *body]


def _checked(check: _Check) -> Iterator[bytes]:
    """Refuse the call unless the condition holds; go on behind otherwise."""
    yield _step(_LOAD, _AT_ARGUMENTS + 8 * check.argument)  # the lower half: both architectures are little-endian
    yield _step(_AND, check.mask)
    for left in reversed(range(len(check.values))):
        value = check.values[len(check.values) - 1 - left]
        if check.must:
            yield _step(_IF_EQUAL, value, if_true=left + 1)
        else:
            yield _step(_IF_EQUAL, value, if_true=left, if_false=0 if left else 1)
    yield _step(_RETURN, _ERROR | EPERM)


def is_available() -> bool:
    """Whether this kernel takes filters, and this architecture's calls are known."""
    if os.uname().machine not in ARCHITECTURES:
        return False
    try:
        prctl(_PR_GET_SECCOMP)
    except OSError:
        return False
    return True


def install_filter() -> None:
    """Put the filter over this thread and all it starts, for good; gaining new privileges must be ruled out before.

    Raises:
        OSError: the kernel refused it.
    """
    program = build_filter(os.uname().machine, os.getpid())
    steps = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))
    prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.create_string_buffer(head, len(head)))
