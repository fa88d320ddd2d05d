"""What a model can try on files that are not its own; see ``hostile_attacks``."""

# attackers speak to the system as directly as they can:
# ruff: noqa: PTH107, PTH120, PTH123, PTH208

from __future__ import annotations

from typing import Any

from harness.hostile_calls import call, those_not_refused


def reads_file(file: str) -> Any:
    with open(file, "rb") as opened:
        return opened.read()


def lists_folder(folder: str) -> Any:
    import os

    return os.listdir(folder)


def writes_file(new_file: str) -> Any:
    with open(new_file, "w", encoding="utf-8") as opened:
        return opened.write("was here")


def empties_file(file: str) -> Any:
    import os

    return os.open(file, os.O_RDONLY | os.O_TRUNC)


def truncates_file(file: str) -> Any:
    import os

    return os.truncate(file, 0)


def removes_file(file: str) -> Any:
    import os

    return os.remove(file)


def links_file(file: str) -> Any:
    import os

    os.link(file, "linked")
    return "linked"


def takes_ownership(file: str) -> Any:
    import os

    return os.chown(file, os.getuid(), os.getgid())


def marks_file(file: str) -> Any:
    import os

    return os.setxattr(file, "user.mark", b"was here")


def watches_file(file: str) -> Any:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.inotify_add_watch(libc.inotify_init(), file.encode(), 0xFFF) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    return "watching"


def opens_for_neither(file: str) -> Any:
    import os

    return os.open(file, 3)


def opens_for_neither_with_an_upper_half(file: str) -> Any:
    return call("openat", -100, file.encode(), 1 << 40 | 3, 0)


def opens_for_neither_by_memory(file: str) -> Any:
    import ctypes
    import struct

    how = struct.pack("QQQ", 3, 0, 0)
    return call("openat2", -100, file.encode(), ctypes.create_string_buffer(how, len(how)), len(how))


def opens_by_handle(file: str) -> Any:
    import ctypes
    import struct

    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    call("name_to_handle_at", -100, file.encode(), handle, ctypes.create_string_buffer(4), 0)
    return call("open_by_handle_at", -100, handle, 0)


def empties_file_by_mode_three(file: str) -> Any:
    import os

    return os.open(file, 3 | os.O_TRUNC)


def makes_an_unnamed_file(folder: str) -> Any:
    import os

    return os.open(folder, 3 | os.O_TMPFILE)


def leases_file(file: str) -> Any:
    import fcntl
    import os

    return fcntl.fcntl(os.open(file, 3), fcntl.F_SETLEASE, fcntl.F_WRLCK)


def leases_code(code: str) -> Any:
    import fcntl
    import os

    return fcntl.fcntl(os.open(code, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)


def leases_code_with_an_upper_half(code: str) -> Any:
    import os

    return call("fcntl", os.open(code, os.O_RDONLY), 1 << 32 | 1024, 0)


def locks_code(code: str) -> Any:
    import fcntl
    import os

    return fcntl.flock(os.open(code, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)


def hears_of_new_code(code: str) -> Any:
    import fcntl
    import os

    return fcntl.fcntl(os.open(os.path.dirname(code), os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_CREATE)


def hints_at_the_life_of_code(code: str) -> Any:
    import os

    return call("fcntl", os.open(code, os.O_RDONLY), 1036, (2).to_bytes(8, "little"))


def commands_file_systems(code: str) -> Any:
    """Of files that it may read: version, flags, verity, encryption, extents, freezing, trimming, cloning."""
    import os

    file, folder = (os.open(path, os.O_RDONLY) for path in (code, os.path.dirname(code)))
    memory = bytes(512)
    of_file = {
        "FS_IOC_SETVERSION": 0x40087602,
        "FS_IOC_SETVERSION with an upper half": 1 << 32 | 0x40087602,
        "FS_IOC_SETFLAGS": 0x40086602,
        "FS_IOC_FSSETXATTR": 0x401C5820,
        "FS_IOC_ENABLE_VERITY": 0x40806685,
        "FS_IOC_FIEMAP": 0xC020660B,
        "FICLONE": 0x40049409,
        "EXT4_IOC_MOVE_EXT": 0xC028660F,
    }
    of_folder = {"FS_IOC_SET_ENCRYPTION_POLICY": 0x800C6613, "FITRIM": 0xC0185879, "FIFREEZE": 0xC0045877}
    attempts = {name: lambda command=command: call("ioctl", file, command, memory) for name, command in of_file.items()}
    attempts |= {
        name: lambda command=command: call("ioctl", folder, command, memory) for name, command in of_folder.items()
    }
    return those_not_refused(attempts)


def commands_terminals() -> Any:
    """Types into them, takes them, asks for their signals."""
    memory = bytes(64)
    commands = {"TIOCSTI": 0x5412, "TIOCLINUX": 0x541C, "TIOCSCTTY": 0x540E, "TIOCNOTTY": 0x5422, "TCSETS": 0x5402}
    return those_not_refused(
        {name: lambda command=command: call("ioctl", 0, command, memory) for name, command in commands.items()}
    )


def reads_attribute(file: str) -> Any:
    import os

    return os.getxattr(file, "user.token")


def lists_attributes(file: str) -> Any:
    import os

    return os.listxattr(file)


def marks_code(code: str) -> Any:
    import os

    return os.setxattr(os.open(code, os.O_RDONLY), "user.mark", b"was here")


def asks_after_files(file: str) -> Any:
    """By calls that answer more than sizes and times: mounts, flags, handles."""
    path, memory = file.encode(), bytes(512)
    return those_not_refused(
        {
            "file_getattr": lambda: call("file_getattr", -100, path, memory, 24, 0),
            "file_setattr": lambda: call("file_setattr", -100, path, memory, 24, 0),
            "name_to_handle_at": lambda: call("name_to_handle_at", -100, path, memory, memory, 0),
            "statmount": lambda: call("statmount", memory, memory, 512, 0),
            "listmount": lambda: call("listmount", memory, memory, 8, 0),
            "quotactl": lambda: call("quotactl", 0, path, 0, memory),
            "fanotify_init": lambda: call("fanotify_init", 0, 0),
            "inotify_init1": lambda: call("inotify_init1", 0),
            "setxattrat": lambda: call("setxattrat", -100, path, 0, b"user.mark", memory, 16),
        }
    )
