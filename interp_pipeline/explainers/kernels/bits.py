"""Single bits of 64-bit words, for compiled code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from interp_pipeline.explainers.kernels.compiled import operation

__all__ = ["lowest_bit"]


@operation
def lowest_bit(_typing: Any, word: Any) -> Any:
    """Position of the lowest bit of a word of 64 that is set; undefined where none is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate
