"""Eight doubles as one value, for loops that must keep their sums in registers.

The compiler's own vectoriser cannot hold a sum over the outer of two loops in a register and has to
assume that arrays overlap. These few operations say what is meant: LLVM turns each into one
instruction on machines with 512-bit registers and into two or four elsewhere.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import models, register_model

from interp_pipeline.explainers.kernels.compiled import operation

__all__ = [
    "LANES",
    "add",
    "divide",
    "goes_left",
    "load",
    "multiply",
    "multiply_add",
    "splat",
    "spread",
    "store",
    "subtract",
]

LANES = 8

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_CONTRACT = ("contract",)  # a product and a sum may become one fused instruction


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="lanes_of_float64")


_lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _VECTOR)  # type: ignore[no-untyped-call] # numba types its decorators only


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Address of element ``arguments[1]`` of the one-dimensional array ``arguments[0]``, unchecked."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    index = context.cast(builder, arguments[1], signature.args[1], types.intp)
    return builder.bitcast(builder.gep(array.data, [index], inbounds=True), _VECTOR.as_pointer())


def _filled(builder: Any, number: Any) -> Any:
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), zeros)


@operation
def load(_typing: Any, array: Any, index: Any) -> Any:
    """Elements ``index`` to ``index + 7`` of a contiguous array of doubles."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(context, builder, signature, arguments), align=8)

    return _lanes(array, index), generate


@operation
def store(_typing: Any, array: Any, index: Any, lanes: Any) -> Any:
    """Write elements ``index`` to ``index + 7`` of a contiguous array of doubles."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _pointer(context, builder, signature, arguments), align=8)
        return context.get_dummy_value()

    return types.void(array, index, lanes), generate


@operation
def splat(_typing: Any, number: Any) -> Any:
    """One double in all lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _filled(builder, arguments[0])

    return _lanes(types.float64), generate


@operation
def spread(_typing: Any, array: Any, index: Any) -> Any:
    """Element ``index`` of a contiguous array of doubles in all lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = builder.bitcast(_pointer(context, builder, signature, arguments), ir.DoubleType().as_pointer())
        return _filled(builder, builder.load(address))

    return _lanes(array, index), generate


@operation
def multiply(_typing: Any, a: Any, b: Any) -> Any:
    """``a * b``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(*arguments, flags=_CONTRACT)

    return _lanes(a, b), generate


@operation
def add(_typing: Any, a: Any, b: Any) -> Any:
    """``a + b``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=_CONTRACT)

    return _lanes(a, b), generate


@operation
def subtract(_typing: Any, a: Any, b: Any) -> Any:
    """``a - b``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fsub(*arguments, flags=_CONTRACT)

    return _lanes(a, b), generate


@operation
def divide(_typing: Any, a: Any, b: Any) -> Any:
    """``a / b``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fdiv(*arguments)

    return _lanes(a, b), generate


@operation
def multiply_add(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once where the machine can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        product = builder.fmul(arguments[0], arguments[1], flags=_CONTRACT)
        return builder.fadd(product, arguments[2], flags=_CONTRACT)

    return _lanes(a, b, c), generate


@operation
def goes_left(_typing: Any, x: Any, threshold: Any, missing: Any) -> Any:
    """1.0 where ``x <= threshold``, ``missing`` where x is NaN, else 0.0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_, threshold_, missing_ = arguments
        below = builder.fcmp_ordered("<=", x_, _filled(builder, threshold_))
        absent = builder.fcmp_unordered("uno", x_, x_)
        one, zero = ir.Constant(_VECTOR, [1.0] * LANES), ir.Constant(_VECTOR, [0.0] * LANES)
        return builder.select(below, one, builder.select(absent, _filled(builder, missing_), zero))

    return _lanes(x, types.float64, types.float64), generate
