"""How a model can end the process that runs it, or keep it from ending; see ``hostile_models``."""

# a model is given its rows whether it wants them or not, and need not be elegant:
# ruff: noqa: ARG001, FURB122, PTH102, PTH103, PTH108, PTH123, PTH211, SIM115

from __future__ import annotations

from typing import Any

__all__ = ["ENDINGS"]


def sleeps_for_ever(rows: Any) -> Any:
    import time

    while True:
        time.sleep(1)


def ignores_sigterm(rows: Any) -> Any:
    import signal
    import time

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(1)


def burns_processor_time(rows: Any) -> Any:
    while True:
        pass


def allocates_without_end(rows: Any) -> Any:
    kept = []
    while True:
        kept.append(bytearray(1 << 24))


def allocates_beside_python(rows: Any) -> Any:
    import ctypes

    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while libc.malloc(1 << 24):
        pass
    print("terminate called after throwing an instance of 'std::bad_alloc'")
    libc.abort()


def exits_with_zero(rows: Any) -> Any:
    import os

    os._exit(0)


def exits_with_three(rows: Any) -> Any:
    import os

    print("an evil last line \x1b[2J")
    os._exit(3)


def raises_system_exit(rows: Any) -> Any:
    import sys

    sys.exit(0)


def segfaults(rows: Any) -> Any:
    import ctypes

    print("going down", flush=True)
    ctypes.string_at(0)


def prints_a_gigabyte(rows: Any) -> Any:
    import os

    block = b"x" * (1 << 20)
    for _ in range(1024):
        os.write(1, block)
    os.write(2, b"\nthe end\n")
    os._exit(4)


def floods_events(rows: Any) -> Any:
    import os

    for _ in range(20000):
        os.write(3, b'{"say": "hello"}\n' * 50)
    os.write(3, b"x" * (1 << 20) + b"\n")
    os._exit(5)


def says_that_it_is_done(rows: Any) -> Any:
    import os

    os.write(3, b'{"done": true}\n')
    os._exit(0)


def fills_the_disk(rows: Any) -> Any:
    import itertools

    block = b"x" * (1 << 20)
    for i in itertools.count():
        with open(f"full-{i}", "wb") as file:
            for _ in range(8):
                file.write(block)


def fills_the_disk_unseen(rows: Any) -> Any:
    import os

    block, kept = b"x" * (1 << 20), []
    while True:
        kept.append(open("unseen", "wb"))
        os.unlink("unseen")
        for _ in range(8):
            kept[-1].write(block)
        kept[-1].flush()
        os.fsync(kept[-1].fileno())


def sets_room_aside_unseen(rows: Any) -> Any:
    import os

    kept = []
    while True:
        kept.append(os.open("unseen", os.O_RDWR | os.O_CREAT, 0o600))
        os.unlink("unseen")
        os.posix_fallocate(kept[-1], 0, 8 << 20)


def hoards_without_its_first_thread(rows: Any) -> Any:
    import ctypes
    import threading
    import time

    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

    def hoard() -> None:
        for _ in range(12):  # written and then made read-only, it is no private memory that the kernel limits
            at = libc.mmap(None, 256 << 20, 3, 0x22, -1, 0)
            ctypes.memset(at, 1, 256 << 20)
            libc.mprotect(at, 256 << 20, 1)
            time.sleep(0.2)
        time.sleep(60)

    threading.Thread(target=hoard).start()
    libc.syscall({"x86_64": 60, "aarch64": 93}[__import__("os").uname().machine], 0)  # of this thread alone


def fills_page_tables(rows: Any) -> Any:
    import ctypes
    import time

    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = 1 << 40
    at = libc.mmap(None, size, 1, 0x4022, -1, 0)
    libc.madvise(at, size, 15)  # no huge pages
    for page in range(0, size, 2 << 20):
        ctypes.c_char.from_address(at + page).value  # noqa: B018 - it is read
    time.sleep(60)


def makes_files_without_end(rows: Any) -> Any:
    import itertools

    for i in itertools.count():
        open(f"file-{i}", "wb").close()


def nests_folders(rows: Any) -> Any:
    import os

    for _ in range(3000):
        os.mkdir("deeper", 0o700)
        os.chdir("deeper")
    os.mkdir("closed", 0)
    os._exit(6)


def starts_threads_without_end(rows: Any) -> Any:
    import threading
    import time

    threading.stack_size(32768)
    while True:
        try:
            threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        except RuntimeError:
            time.sleep(0.1)


def answers_with_a_gigabyte(rows: Any, answer: str) -> Any:
    import os

    for i in range(8):
        with open(f"{answer}/big-{i}", "wb") as file:
            file.truncate(1 << 24)
    os.write(3, b'{"done": true}\n')
    os._exit(0)


def litters_the_answer(rows: Any, answer: str, target: str) -> Any:
    import contextlib
    import os

    os.symlink(target, f"{answer}/answer.json")
    os.symlink(target, f"{answer}/error.json")
    os.symlink("/", f"{answer}/root")
    with contextlib.suppress(PermissionError):
        os.mkfifo(f"{answer}/pipe")
    os.makedirs(f"{answer}/folder/below")
    os.write(3, b'{"done": true}\n')
    os._exit(0)


ENDINGS = {
    function.__name__: function
    for function in (
        sleeps_for_ever,
        ignores_sigterm,
        burns_processor_time,
        allocates_without_end,
        allocates_beside_python,
        exits_with_zero,
        exits_with_three,
        raises_system_exit,
        segfaults,
        prints_a_gigabyte,
        floods_events,
        says_that_it_is_done,
        fills_the_disk,
        fills_the_disk_unseen,
        sets_room_aside_unseen,
        hoards_without_its_first_thread,
        fills_page_tables,
        makes_files_without_end,
        nests_folders,
        starts_threads_without_end,
        answers_with_a_gigabyte,
        litters_the_answer,
    )
}
