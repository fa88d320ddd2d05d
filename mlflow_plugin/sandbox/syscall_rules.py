"""What a child may call: everything but these calls, and of some calls only what is listed.

The first list names what a computation never needs and what would lead out of the child: other processes, the
network, other programs, kernel interfaces with a history of holes, what is counted for a user as a whole (messages,
watches, descriptors on their way), and the gaps of Landlock, which does not govern modes, owners, times, attributes,
locks and notifications of files. Calls that hold many in one (``fcntl``, ``ioctl``, ``prctl``) are allowed command by
command: what a computation asks of its own descriptors and threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from errno import ENOSYS, EOPNOTSUPP, EPERM

__all__ = ["ANSWERED", "DONE", "Case", "Check", "cases_of"]

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
    "file_getattr",
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
    "inotify_init",
    "inotify_init1",
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
    "listmount",
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
    "sendmmsg",
    "sendmsg",
    "setdomainname",
    "sethostname",
    "setns",
    "setpgid",
    "setpriority",
    "setsid",
    "setsockopt",
    "settimeofday",
    "setxattr",
    "setxattrat",
    "shmat",
    "shmctl",
    "shmget",
    "socket",
    "statmount",
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

# Those with arguments that lie in memory, where a filter cannot look: the C library goes on with the older call. And a
# lock that needs no more than reading, so that whoever holds it keeps others from their own files.
_UNKNOWN = ("clone3", "flock", "openat2")

# Attributes of any file, by its path. Copying a file asks for them, and goes on where there are none.
_NO_ATTRIBUTES = ("getxattr", "getxattrat", "lgetxattr", "listxattr", "listxattrat", "llistxattr")

# Copying a file, as many models do when they are loaded, ends with these. Landlock does not govern them, so none may
# be done; refused, they would fail the copy for the sake of a mode or a time that nobody will look at. The last two
# would have the machine write out what everybody wrote.
_NOT_DONE = ("chmod", "fchmod", "fchmodat", "fchmodat2", "futimesat", "utime", "utimensat", "utimes", "sync", "syncfs")

# Room on a disk that no counter of the process shows; the C library writes zeros instead.
_NO_ROOM_AHEAD = ("fallocate",)

DONE = 0  # as if it had been done

ANSWERED: dict[int, tuple[str, ...]] = {  # by what the calls return, without being made
    EPERM: _REFUSED,
    ENOSYS: _UNKNOWN,
    EOPNOTSUPP: (*_NO_ATTRIBUTES, *_NO_ROOM_AHEAD),
    DONE: _NOT_DONE,
}


@dataclass(frozen=True)
class Check:
    """One condition on the lower half of an argument: its bits under the mask must, or must not, be one of some values.

    The kernel itself looks at the lower half alone: numbers of commands, flags and process ids have 32 bits.
    """

    argument: int
    mask: int
    values: tuple[int, ...]
    must: bool = True


@dataclass(frozen=True)
class Case:
    """Arguments with which a call is made, or, with an answer, returns that at once."""

    checks: tuple[Check, ...]
    answer: int | None = None


_ALL = 0xFFFFFFFF
_CLONE_THREAD, _CLONE_FILES, _NEW_NAMESPACES = 0x10000, 0x400, 0x7E020080
_THREAD = _CLONE_THREAD | _CLONE_FILES
_CLOSE_RANGE_UNSHARE = 2
_MAP_SHARED_ANONYMOUS, _MAP_GROWSDOWN, _MAP_HUGETLB = 0x21, 0x100, 0x40000
_ACCESS_MODE, _O_TRUNC = 0x3, 0x200
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPES = 1, 1, 0xF
_SETFL, _O_ASYNC = 4, 0x2000
_SET_LOCKS = (6, 7)  # F_SETLK, F_SETLKW

_FCNTL = {
    "F_DUPFD": 0,
    "F_GETFD": 1,
    "F_SETFD": 2,
    "F_GETFL": 3,
    "F_GETLK": 5,
    "F_DUPFD_CLOEXEC": 1030,
    "F_GETPIPE_SZ": 1032,
}
_IOCTL = {
    "TCGETS": 0x5401,
    "TCGETS2": 0x802C542A,
    "TIOCGWINSZ": 0x5413,
    "FIONREAD": 0x541B,
    "FIONBIO": 0x5421,
    "FIONCLEX": 0x5450,
    "FIOCLEX": 0x5451,
}
_PRCTL = {
    "PR_GET_DUMPABLE": 3,
    "PR_SET_NAME": 15,
    "PR_GET_NAME": 16,
    "PR_CAPBSET_READ": 23,
    "PR_GET_THP_DISABLE": 42,
    "PR_SVE_GET_VL": 51,
    "PR_SET_VMA": 0x53564D41,
}


def cases_of(pid: int) -> dict[str, tuple[Case, ...]]:
    """Calls that are allowed with some arguments; what fits no case of a call is refused.

    Threads, not processes, all with one table of descriptors, so that the parent sees what they hold. Signals and
    limits for itself. Pairs of connected sockets, which reach nobody else. No memory that counts towards no limit
    (shared, or growing like a stack) or that is set aside for others (huge pages).

    Files are opened for reading, writing or both. The access mode 3 that is left over gives neither and is refused,
    because Landlock asks for no right then, and such a descriptor still serves for leases and for commands of file
    systems; so is emptying a file that is opened for reading, which early versions of Landlock let through.

    Locks between processes by ``fcntl`` never keep threads of one process from each other, and of its own files there
    is no other process: they are granted, and no file of others is locked.

    Args:
        pid: of the process it is for.
    """
    itself = Check(0, _ALL, (pid,))
    itself_or_zero = Check(0, _ALL, (0, pid))
    return {
        "clone": (Case((Check(0, _THREAD, (_THREAD,)), Check(0, _NEW_NAMESPACES, (0,)))),),
        "close_range": (Case((Check(2, _CLOSE_RANGE_UNSHARE, (0,)),)),),
        **dict.fromkeys(("kill", "tgkill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"), (Case((itself,)),)),
        **dict.fromkeys(
            ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"),
            (Case((itself_or_zero,)),),
        ),
        "socketpair": (Case((Check(0, _ALL, (_AF_UNIX,)), Check(1, _SOCK_TYPES, (_SOCK_STREAM,)))),),
        "mmap": (
            Case(
                (
                    Check(3, _MAP_SHARED_ANONYMOUS, (_MAP_SHARED_ANONYMOUS,), must=False),
                    Check(3, _MAP_GROWSDOWN | _MAP_HUGETLB, (0,)),
                )
            ),
        ),
        "open": (Case(_opening(flags=1)),),
        "openat": (Case(_opening(flags=2)),),
        "fcntl": (
            Case((Check(1, _ALL, tuple(_FCNTL.values())),)),
            Case((Check(1, _ALL, (_SETFL,)), Check(2, _O_ASYNC, (0,)))),
            Case((Check(1, _ALL, _SET_LOCKS),), answer=DONE),
        ),
        "ioctl": (Case((Check(1, _ALL, tuple(_IOCTL.values())),)),),
        "prctl": (Case((Check(0, _ALL, tuple(_PRCTL.values())),)),),
    }


def _opening(flags: int) -> tuple[Check, ...]:
    return (
        Check(flags, _ACCESS_MODE, (_ACCESS_MODE,), must=False),
        Check(flags, _ACCESS_MODE | _O_TRUNC, (_O_TRUNC,), must=False),
    )
