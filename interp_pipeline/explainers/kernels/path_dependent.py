"""Path-dependent SHAP values of a packed forest: Quadrature TreeSHAP, eight rows at a time.

A leaf with value v contributes to the player j on its path

    v * integral over t in [0, 1] of (o_j - w_j) * product over i != j of (t * o_i + (1 - t) * w_i),

where o_i says whether the row passes all splits on player i and w_i is the share of the training
rows that do (arXiv 2605.04497). With D players on the path the integrand is a polynomial of degree
D - 1, so a Gauss-Legendre rule of at least D / 2 points is exact. All factors lie in [0, 1]: nothing
cancels, however deep the tree.

One walk over a tree serves a block of rows. On its way down it multiplies factors (P, per point and
row), on its way up it adds what the leaves below are worth (S, likewise), and an edge's player takes
its due of S once, not once per leaf. A split whose children are both leaves (a "cherry") is finished
in registers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.explainers.kernels.compiled import kernel
from interp_pipeline.explainers.kernels.lanes import LANES, load, splat, store, subtract
from interp_pipeline.explainers.kernels.path_coefficients import clear, due_terms, factor_terms, leaf_terms
from interp_pipeline.explainers.kernels.path_products import cherry, descend, join, join_leaf
from interp_pipeline.explainers.kernels.routing import route

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from interp_pipeline.explainers.kernels.path_plan import Bits, Nodes, Passes, Places
    from interp_pipeline.explanation import FloatArray

__all__ = ["add_forest"]


@kernel
def _visited(nodes: Nodes, node: int, above: int, points: int) -> bool:
    """Whether this walk has to do with any leaf at or below a node."""
    return bool(nodes[node].fewest <= points and nodes[node].most > above)


@kernel
def _is_split(nodes: Nodes, node: int, above: int, points: int) -> bool:
    return bool(nodes[node].left >= 0 and _visited(nodes, node, above, points))


@kernel
def _is_cherry(nodes: Nodes, node: int, above: int, points: int) -> bool:
    left, right = nodes[node].left, nodes[node].right
    return not (_is_split(nodes, left, above, points) or _is_split(nodes, right, above, points))


@kernel
def _leaf_value(nodes: Nodes, node: int, above: int, points: int) -> float:
    """What a leaf counts in this walk; 0 where another walk counts what is there."""
    return nodes[node].value if nodes[node].left < 0 and _visited(nodes, node, above, points) else 0.0


@kernel
def _states_before(nodes: Nodes, node: int, at: Places) -> int:
    """Where the states of the edge are that the children's edges of a split replace; -1 for a new player."""
    edge = nodes[nodes[node].left].ancestor
    return at.states + 2 * nodes[edge].depth * at.rows if edge >= 0 else -1


@kernel
def _weight_before(nodes: Nodes, node: int) -> float:
    edge = nodes[nodes[node].left].ancestor
    return nodes[edge].weight if edge >= 0 else 0.0


@kernel
def _enter(memory: FloatArray, at: Places, o: int, g: int, oa: int, on_right: bool) -> None:
    """States of the edge into a child, from which way the rows go at the split."""
    for r in range(0, at.rows, LANES):
        state = load(memory, g + r)
        if on_right:
            state = subtract(load(memory, oa + r) if oa >= 0 else splat(1.0), state)
        store(memory, o + r, state)


@kernel
def _finish_cherry(
    memory: FloatArray, at: Places, nodes: Nodes, bits: Bits, node: int, s: int, p: int, oa: int, above: int, n: int
) -> None:
    """Route the rows at a split of two leaves, whose edge was entered, and finish it."""
    width = (n + LANES - 1) // LANES * LANES
    o = at.states + 2 * nodes[node].depth * at.rows
    g, ga, wa = o + at.rows, _states_before(nodes, node, at), _weight_before(nodes, node)
    route(nodes, node, bits, memory, at.x, at.rows, g, ga)
    left, right = nodes[node].left, nodes[node].right
    v_left, v_right = _leaf_value(nodes, left, above, n), _leaf_value(nodes, right, above, n)
    w_left, w_right = nodes[left].weight, nodes[right].weight
    of_leaves = at.terms + 3 * width
    clear(memory, of_leaves, of_leaves + 5 * width)
    leaf_terms(memory, of_leaves, width, at.points, at.weights, w_left, wa, v_left, False)
    leaf_terms(memory, of_leaves, width, at.points, at.weights, w_right, wa, v_right, True)
    a, b = v_right * (1.0 - w_right) - v_left * w_left, v_left - v_right
    share = at.shares + nodes[node].player * at.rows
    cherry(memory, at.rows, s, p, o, oa, g, ga, share, at.terms, a, b, at.weights, n, width)


@kernel
def _finish_split(memory: FloatArray, at: Places, nodes: Nodes, node: int, s: int, above: int, n: int) -> None:
    """Put together what the children of a split left in S, at least one of which is a split."""
    width, level, depth = (n + LANES - 1) // LANES * LANES, n * at.rows, nodes[node].depth
    left, right = nodes[node].left, nodes[node].right
    w_left, w_right, wa = nodes[left].weight, nodes[right].weight, _weight_before(nodes, node)
    g, oa = at.states + (2 * depth + 1) * at.rows, _states_before(nodes, node, at)
    share, of_left = at.shares + nodes[node].player * at.rows, at.sums + 2 * (depth + 1) * level
    k, points, weights = at.terms, at.points, at.weights
    if _is_split(nodes, left, above, n) and _is_split(nodes, right, above, n):
        due_terms(memory, k, width, points, weights, w_left, wa, False)
        due_terms(memory, k + 2 * width, width, points, weights, w_right, wa, True)
        join(memory, at.rows, s, of_left, of_left + level, g, oa, share, k, n, width)
        return
    clear(memory, k + 2 * width, k + 7 * width)
    p = at.products + depth * level
    if _is_split(nodes, left, above, n):
        v = _leaf_value(nodes, right, above, n)
        due_terms(memory, k, width, points, weights, w_left, wa, False)
        leaf_terms(memory, k + 2 * width, width, points, weights, w_right, wa, v, True)
        join_leaf(memory, at.rows, s, of_left, p, g, oa, share, k, v * (1.0 - w_right), -v, weights, n, width)
    else:
        v = _leaf_value(nodes, left, above, n)
        due_terms(memory, k, width, points, weights, w_right, wa, True)
        leaf_terms(memory, k + 2 * width, width, points, weights, w_left, wa, v, False)
        join_leaf(memory, at.rows, s, of_left + level, p, g, oa, share, k, -v * w_left, v, weights, n, width)


@kernel
def _walk(
    memory: FloatArray,
    at: Places,
    nodes: Nodes,
    bits: Bits,
    path: npt.NDArray[np.int32],
    stage: npt.NDArray[np.int32],
    root: int,
    above: int,
    n: int,
) -> None:
    """One walk over the leaves of a tree that need more than ``above`` and at most ``n`` points."""
    width, level = (n + LANES - 1) // LANES * LANES, n * at.rows
    depth = 0
    path[0], stage[0] = root, 0
    while depth >= 0:
        node, step = path[depth], stage[depth]
        side = 1 if depth > 0 and nodes[path[depth - 1]].right == node else 0
        if step == 2:  # noqa: PLR2004 - both children are done
            _finish_split(memory, at, nodes, node, at.sums + (2 * depth + side) * level, above, n)
            depth -= 1
            continue
        stage[depth] = step + 1
        child = nodes[node].left if step == 0 else nodes[node].right
        g, oa = at.states + (2 * depth + 1) * at.rows, _states_before(nodes, node, at)
        if step == 0:
            route(nodes, node, bits, memory, at.x, at.rows, g, oa)
        if not _is_split(nodes, child, above, n):
            continue
        o, p = g + at.rows, at.products + depth * level
        _enter(memory, at, o, g, oa, step == 1)
        factor_terms(memory, at.terms, width, at.points, nodes[child].weight, _weight_before(nodes, node))
        if _is_cherry(nodes, child, above, n):
            s = at.sums + (2 * (depth + 1) + step) * level
            _finish_cherry(memory, at, nodes, bits, child, s, p, oa, above, n)
        else:
            descend(memory, at.rows, p, p + level, o, oa, at.terms, n, width)
            depth += 1
            path[depth], stage[depth] = child, 0


@kernel
def add_forest(
    memory: FloatArray,
    at: Places,
    nodes: Nodes,
    bits: Bits,
    passes: Passes,
    points: FloatArray,
    weights: FloatArray,
    path: npt.NDArray[np.int32],
    stage: npt.NDArray[np.int32],
) -> None:
    """Add the SHAP values of a block of rows to the shares in ``memory``.

    Args:
        memory: of one thread, with the rows' values in place.
        at: what is where in it.
        nodes: all nodes, with the values of the output at hand.
        bits: ``PackedForest.category_bits``.
        passes: the walks to make.
        points: of quadrature rules by their size, shape (n_rules, width).
        weights: likewise.
        path: as long as the forest is deep, and two more.
        stage: likewise.
    """
    for i in range(len(passes)):
        root, above, n = passes[i].root, passes[i].above, passes[i].points
        width = (n + LANES - 1) // LANES * LANES
        for q in range(width):
            memory[at.points + q], memory[at.weights + q] = points[n, q], weights[n, q]
        for r in range(0, n * at.rows, LANES):
            store(memory, at.products + r, splat(1.0))
        for r in range(0, at.rows, LANES):
            store(memory, at.states + r, splat(1.0))
        if _is_cherry(nodes, root, above, n):  # below an edge that every row passes
            factor_terms(memory, at.terms, width, at.points, 1.0, 0.0)
            _finish_cherry(memory, at, nodes, bits, root, at.sums, at.products, -1, above, n)
        else:
            _walk(memory, at, nodes, bits, path, stage, root, above, n)
