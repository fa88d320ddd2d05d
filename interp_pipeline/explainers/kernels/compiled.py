"""How this room compiles: to machine code that is kept on disk and does not hold the interpreter's lock."""

from __future__ import annotations

import logging
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from numba import njit
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compiled", "inlined", "kernel", "operation"]

_log = logging.getLogger(__name__)
_WITHOUT_RUNTIME: dict[str, Any] = {"_nrt": False}  # not among the options numba types

_Function = TypeVar("_Function", bound="Callable[..., Any]")


def _kept(function: _Function, **options: Any) -> _Function:
    """The function to be compiled, its machine code kept on disk where there is a place for that."""
    try:
        made = njit(cache=True, nogil=True, error_model="numpy", **options)(function)
        if not _stamped(made):
            made = njit(nogil=True, error_model="numpy", **options)(function)
    except RuntimeError as error:  # neither beside the code nor in the user's cache folder may files be written
        if "cannot cache" not in str(error):
            raise
        _say_once()
        made = njit(nogil=True, error_model="numpy", **options)(function)
    return cast("_Function", made)


def _stamped(made: Any) -> bool:
    """Have kept machine code thrown away when any file of this room changes; False where that cannot be had.

    Numba by itself looks at the file of the function alone, and would run on with what it calls from
    other files as that was before an upgrade.
    """
    kept: Any = getattr(getattr(made, "_cache", None), "_cache_file", None)
    if not hasattr(kept, "_source_stamp"):  # compiling is switched off, or a numba that keeps it elsewhere
        return False
    kept._source_stamp = _stamp()  # noqa: SLF001 - numba has no public place for it
    return True


@cache
def _stamp() -> bytes:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).digest()


@cache
def _say_once() -> None:
    _log.warning("compiled code cannot be kept: every process will compile anew; set NUMBA_CACHE_DIR to a folder")


def compiled(function: _Function) -> _Function:
    """Compile a function over numbers and arrays, when it is first called.

    Division by zero gives infinity as in NumPy. Threads are the caller's business (see ``threads``):
    numba's own would cost seconds of compilation.
    """
    return _kept(function)


def kernel(function: _Function) -> _Function:
    """The same for a function that is given all memory it works on and makes no array.

    Without numba's runtime it counts no references to arrays: in a walk over nodes the locked
    instructions of that counting took three quarters of the time.
    """
    return _kept(function, **_WITHOUT_RUNTIME)


def inlined(function: _Function) -> _Function:
    """A part of kernels that is written out where it is called."""
    return cast("_Function", njit(inline="always", error_model="numpy", **_WITHOUT_RUNTIME)(function))


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operation that kernels have beyond Python's: takes types, gives a signature and what writes its code."""
    return cast("Callable[..., Any]", intrinsic(function))
