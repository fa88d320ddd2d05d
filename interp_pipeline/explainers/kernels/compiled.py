"""How this room compiles: to machine code that is kept on disk and does not hold the interpreter's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from numba import njit
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compiled", "inlined", "kernel", "operation"]

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_WITHOUT_RUNTIME: dict[str, Any] = {"_nrt": False}  # not among the options numba types

_Function = TypeVar("_Function", bound="Callable[..., Any]")


def compiled(function: _Function) -> _Function:
    """Compile a function over numbers and arrays, when it is first called.

    Division by zero gives infinity as in NumPy. Threads are the caller's business (see ``threads``):
    numba's own would cost seconds of compilation.
    """
    return cast("_Function", njit(**_OPTIONS)(function))


def kernel(function: _Function) -> _Function:
    """The same for a function that is given all memory it works on and makes no array.

    Without numba's runtime it counts no references to arrays: in a walk over nodes the locked
    instructions of that counting took three quarters of the time.
    """
    return cast("_Function", njit(**_OPTIONS, **_WITHOUT_RUNTIME)(function))


def inlined(function: _Function) -> _Function:
    """A part of kernels that is written out where it is called."""
    return cast("_Function", njit(inline="always", error_model="numpy", **_WITHOUT_RUNTIME)(function))


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operation that kernels have beyond Python's: takes types, gives a signature and what writes its code."""
    return cast("Callable[..., Any]", intrinsic(function))
