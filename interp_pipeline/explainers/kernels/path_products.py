"""The loops of a walk over points and rows: all that costs time, at the places in memory they are told.

Arguments are places in a thread's ``memory`` (see ``Places``): ``p`` of the product P above a split,
``s`` for the sum S of a split, ``o`` and ``oa`` of the states of an edge and of the earlier edge it
replaces (-1: none), ``g`` and ``ga`` likewise for the two children of a split, ``share`` of what the
split's player is due, ``k`` of the coefficients, ``width`` numbers a row. ``n`` is the number of points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.explainers.kernels.compiled import kernel
from interp_pipeline.explainers.kernels.lanes import LANES, add, load, multiply, multiply_add, splat, spread, store

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["cherry", "descend", "join", "join_leaf"]


@kernel
def descend(
    memory: FloatArray, rows: int, parent: int, child: int, o: int, oa: int, k: int, n: int, width: int
) -> None:
    """P of a child: that of its parent times the edge's factor."""
    asked_before = oa >= 0
    before = splat(0.0)
    for r in range(0, rows, LANES):
        state = load(memory, o + r)
        if asked_before:
            before = load(memory, oa + r)
        for q in range(n):
            at = r * n + LANES * q
            factor = multiply_add(state, spread(memory, k + width + q), spread(memory, k + q))
            if asked_before:
                factor = multiply_add(before, spread(memory, k + 2 * width + q), factor)
            store(memory, child + at, multiply(load(memory, parent + at), factor))


@kernel
def join(
    memory: FloatArray,
    rows: int,
    s: int,
    left: int,
    right: int,
    g: int,
    oa: int,
    share: int,
    k: int,
    n: int,
    width: int,
) -> None:
    """S of a split both of whose children have one; its player takes its due of each."""
    asked_before = oa >= 0
    before = splat(0.0)
    for r in range(0, rows, LANES):
        goes = load(memory, g + r)
        if asked_before:
            before = load(memory, oa + r)
        of_left, of_right = load(memory, share + r), splat(0.0)
        for q in range(n):
            at = r * n + LANES * q
            a, b = load(memory, left + at), load(memory, right + at)
            store(memory, s + at, add(a, b))
            due_a, due_b = spread(memory, k + q), spread(memory, k + 2 * width + q)
            if asked_before:
                due_a, due_b = multiply(before, due_a), multiply(before, due_b)
            due_a = multiply_add(goes, spread(memory, k + width + q), due_a)
            due_b = multiply_add(goes, spread(memory, k + 3 * width + q), due_b)
            of_left, of_right = multiply_add(a, due_a, of_left), multiply_add(b, due_b, of_right)
        store(memory, share + r, add(of_left, of_right))


@kernel
def join_leaf(
    memory: FloatArray,
    rows: int,
    s: int,
    child: int,
    p: int,
    g: int,
    oa: int,
    share: int,
    k: int,
    a: float,
    b: float,
    weights: int,
    n: int,
    width: int,
) -> None:
    """S of a split of which one child is a leaf: that of the other child, and P times the leaf's worth."""
    asked_before = oa >= 0
    before = splat(0.0)
    for r in range(0, rows, LANES):
        goes = load(memory, g + r)
        if asked_before:
            before = load(memory, oa + r)
        taken, of_leaf = load(memory, share + r), splat(0.0)
        for q in range(n):
            at = r * n + LANES * q
            below, product = load(memory, child + at), load(memory, p + at)
            due, worth = spread(memory, k + q), spread(memory, k + 2 * width + q)
            if asked_before:
                due = multiply(before, due)
                worth = multiply_add(before, spread(memory, k + 4 * width + q), worth)
            due = multiply_add(goes, spread(memory, k + width + q), due)
            worth = multiply_add(goes, spread(memory, k + 3 * width + q), worth)
            store(memory, s + at, multiply_add(product, worth, below))
            taken = multiply_add(below, due, taken)
            if asked_before:
                again = multiply_add(
                    goes, spread(memory, k + 6 * width + q), multiply(before, spread(memory, k + 5 * width + q))
                )
                of_leaf = multiply_add(product, again, of_leaf)
            else:
                of_leaf = multiply_add(product, spread(memory, weights + q), of_leaf)
        if not asked_before:
            of_leaf = multiply(of_leaf, multiply_add(goes, splat(b), splat(a)))
        store(memory, share + r, add(taken, of_leaf))


@kernel
def cherry(
    memory: FloatArray,
    rows: int,
    s: int,
    p: int,
    o: int,
    oa: int,
    g: int,
    ga: int,
    share: int,
    k: int,
    a: float,
    b: float,
    weights: int,
    n: int,
    width: int,
) -> None:
    """S of a split of two leaves, straight from its parent's P."""
    asked_before, split_before = oa >= 0, ga >= 0
    before, held = splat(0.0), splat(0.0)
    for r in range(0, rows, LANES):
        state, goes = load(memory, o + r), load(memory, g + r)
        if asked_before:
            before = load(memory, oa + r)
        if split_before:
            held = load(memory, ga + r)
        of_leaves = splat(0.0)
        for q in range(n):
            at = r * n + LANES * q
            factor = multiply_add(state, spread(memory, k + width + q), spread(memory, k + q))
            if asked_before:
                factor = multiply_add(before, spread(memory, k + 2 * width + q), factor)
            product = multiply(load(memory, p + at), factor)
            worth = multiply_add(goes, spread(memory, k + 4 * width + q), spread(memory, k + 3 * width + q))
            if split_before:
                worth = multiply_add(held, spread(memory, k + 5 * width + q), worth)
                again = multiply_add(
                    goes, spread(memory, k + 7 * width + q), multiply(held, spread(memory, k + 6 * width + q))
                )
                of_leaves = multiply_add(product, again, of_leaves)
            else:
                of_leaves = multiply_add(product, spread(memory, weights + q), of_leaves)
            store(memory, s + at, multiply(product, worth))
        if not split_before:
            of_leaves = multiply(of_leaves, multiply_add(goes, splat(b), splat(a)))
        store(memory, share + r, add(load(memory, share + r), of_leaves))
