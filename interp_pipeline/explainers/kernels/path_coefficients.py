"""The numbers a walk needs at an edge: the same for all rows, one set per quadrature point.

With t a point, omega its weight, w the edge's share of training rows and o the row's state (1: it
passes all splits of this player down to here), the edge's player has the factor
``f(o) = t * o + (1 - t) * w`` and is due ``e(o) = omega * (o - w) / f(o)`` of what lies below. Where
the player was asked before, with share ``wa`` and state ``oa >= o``, the factor *replaces* f(oa) and
the due is what it adds to the earlier one, e(o) - e(oa).

States are 0 or 1, so each is a linear function of them. For the two children of a split the states
are written in terms of g, "the row goes left" (and passes before): o = g on the left, oa - g on the
right, with oa = 1 where the player is new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.explainers.kernels.compiled import kernel
from interp_pipeline.explainers.kernels.lanes import (
    LANES,
    add,
    divide,
    load,
    multiply,
    multiply_add,
    splat,
    store,
    subtract,
)

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["clear", "due_terms", "factor_terms", "leaf_terms"]


@kernel
def clear(memory: FloatArray, start: int, stop: int) -> None:
    """Set ``memory[start:stop]`` to 0; both are multiples of eight."""
    for i in range(start, stop, LANES):
        store(memory, i, splat(0.0))


@kernel
def factor_terms(memory: FloatArray, start: int, width: int, points: int, w: float, wa: float) -> None:
    """The factor of an edge over the one it replaces: ``row 0 + row 1 * o + row 2 * oa``, from ``start`` on.

    Args:
        memory: read and written.
        start: where to write, a row of ``width`` numbers per coefficient; row 2 only if ``wa`` is not 0.
        width: points, filled up to a multiple of eight.
        points: where the points are, all in (0, 1).
        w: share of the edge.
        wa: share of the earlier edge of the same player, 0 if there is none.
    """
    one = splat(1.0)
    for i in range(0, width, LANES):
        t = load(memory, points + i)
        z = multiply(subtract(one, t), splat(w))
        if wa == 0.0:
            store(memory, start + i, z)
            store(memory, start + width + i, t)
        else:
            earlier = multiply_add(subtract(one, t), splat(wa), t)
            share = splat(w / wa)
            store(memory, start + i, share)
            store(memory, start + width + i, divide(t, earlier))
            store(memory, start + 2 * width + i, subtract(divide(z, earlier), share))


@kernel
def due_terms(
    memory: FloatArray,
    start: int,
    width: int,
    points: int,
    weights: int,
    w: float,
    wa: float,
    on_right: bool,
) -> None:
    """What an edge's player is due of a child's subtree: ``row 0 * oa + row 1 * g``, from ``start`` on."""
    one, nothing = splat(1.0), splat(0.0)
    for i in range(0, width, LANES):
        t, omega = load(memory, points + i), load(memory, weights + i)
        rest = subtract(one, t)
        passed = divide(multiply(omega, splat(1.0 - w)), multiply_add(rest, splat(w), t))
        failed = divide(omega, rest)
        earlier = nothing
        if wa > 0.0:
            earlier = divide(multiply(omega, splat(1.0 - wa)), multiply_add(rest, splat(wa), t))
        if on_right:
            store(memory, start + i, subtract(passed, earlier))
            store(memory, start + width + i, subtract(nothing, add(passed, failed)))
        else:
            store(memory, start + i, subtract(nothing, add(failed, earlier)))
            store(memory, start + width + i, add(passed, failed))


@kernel
def leaf_terms(
    memory: FloatArray,
    start: int,
    width: int,
    points: int,
    weights: int,
    w: float,
    wa: float,
    value: float,
    on_right: bool,
) -> None:
    """Add a leaf's terms to those from ``start`` on, as multiples of the product P above its split.

    Its worth is ``row 0 + row 1 * g + row 2 * oa``. Where the player was asked before it is due
    ``row 3 * oa + row 4 * g``; where not, its due is simply ``value * omega * (o - w)``, and rows 2 to
    4 are left as they are.
    """
    one, v, nothing = splat(1.0), splat(value), splat(0.0)
    for i in range(0, width, LANES):
        t = load(memory, points + i)
        rest = subtract(one, t)
        z = multiply(rest, splat(w))
        row = start + i
        if wa == 0.0:
            if on_right:
                store(memory, row, multiply_add(v, add(z, t), load(memory, row)))
                store(memory, row + width, multiply_add(splat(-value), t, load(memory, row + width)))
            else:
                store(memory, row, multiply_add(v, z, load(memory, row)))
                store(memory, row + width, multiply_add(v, t, load(memory, row + width)))
            continue
        omega = load(memory, weights + i)
        before = multiply_add(rest, splat(wa), t)
        never, fails, passes = splat(w / wa), divide(z, before), divide(add(z, t), before)
        earlier = divide(multiply(omega, splat(1.0 - wa)), before)
        due_failed = multiply(fails, subtract(nothing, add(divide(omega, rest), earlier)))
        due_passed = multiply(passes, subtract(divide(multiply(omega, splat(1.0 - w)), add(z, t)), earlier))
        g_is_1, g_is_0 = passes, fails
        due_1, due_0 = due_passed, due_failed
        if on_right:
            g_is_1, g_is_0 = fails, passes
            due_1, due_0 = due_failed, due_passed
        store(memory, row, multiply_add(v, never, load(memory, row)))
        store(memory, row + width, multiply_add(v, subtract(g_is_1, g_is_0), load(memory, row + width)))
        store(memory, row + 2 * width, multiply_add(v, subtract(g_is_0, never), load(memory, row + 2 * width)))
        store(memory, row + 3 * width, multiply_add(v, due_0, load(memory, row + 3 * width)))
        store(memory, row + 4 * width, multiply_add(v, subtract(due_1, due_0), load(memory, row + 4 * width)))
