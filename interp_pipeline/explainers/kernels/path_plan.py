"""What a walk over a forest needs to know about its paths, found once per forest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from interp_pipeline.explainers.kernels.compiled import compiled
from interp_pipeline.explainers.kernels.lanes import LANES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray

__all__ = ["Bits", "Nodes", "Passes", "Places", "Rules", "node_depths", "plan_paths", "training_shares"]

_EDGE_COST = 3  # what visiting a node costs beside its points, in points; measured

IntArray = npt.NDArray[np.int32]


NODE = np.dtype(
    [  # 64 bytes: a visit loads one line of the cache
        ("threshold", np.float64),
        ("weight", np.float64),  # share of training rows that pass all edges of this player down to this one
        ("value", np.float64),  # of the output at hand
        ("column", np.int32),
        ("player", np.int32),  # whose column it is
        ("left", np.int32),
        ("right", np.int32),
        ("ancestor", np.int32),  # node of the nearest edge above that asks for the same player, or -1
        ("depth", np.int32),
        ("category_set", np.int32),
        ("fewest", np.int32),  # quadrature points the leaves below need: the least demanding
        ("most", np.int32),  # and the most demanding
        ("missing_left", np.bool_),
        ("unseen_left", np.bool_),
    ],
    align=True,
)
PASS = np.dtype(
    [
        ("root", np.int64),
        ("above", np.int64),  # leaves are visited that need more points than this
        ("points", np.int64),  # and at most this many
    ]
)

Nodes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.void]]"  # of NODE; "edge" is the one that leads to the node
Passes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.void]]"  # of PASS; together they visit every leaf once
Bits: TypeAlias = "npt.NDArray[np.uint64]"  # PackedForest.category_bits


class Places(NamedTuple):
    """Where things begin in a thread's memory, an array of doubles. A "row" is one number per row of the block."""

    rows: int  # in the block, a multiple of eight
    x: int  # values, a row per column
    shares: int  # the result, a row per player
    states: int  # row 2 * depth: o of the edge into that depth; row 2 * depth + 1: g of the split there
    products: int  # P by depth, per point and row
    sums: int  # S by depth, left child and right child
    terms: int  # coefficients of the edges at hand
    points: int  # of the quadrature rule in use, filled up to a multiple of eight
    weights: int


class Rules(NamedTuple):
    """Gauss-Legendre rules on [0, 1]: row n holds that of n points, filled up with points of weight 0.

    Only the rows that a walk asks for are filled in.
    """

    points: FloatArray
    weights: FloatArray


@compiled
def _trace(
    column: IntArray, player_of: IntArray, left: IntArray, right: IntArray, cover: FloatArray
) -> tuple[IntArray, IntArray, IntArray, FloatArray, IntArray, IntArray]:
    """Players, depths, ancestors, weights, and points needed, of all nodes."""
    n = len(column)
    parent = np.full(n, -1, np.int32)
    player = np.full(n, -1, np.int32)
    for i in range(n):
        if left[i] >= 0:
            parent[left[i]] = i
            parent[right[i]] = i
            player[i] = player_of[column[i]]
    depth = np.zeros(n, np.int32)
    ancestor = np.full(n, -1, np.int32)
    weight = np.ones(n)
    distinct = np.zeros(n, np.int32)
    for i in range(n):
        above = parent[i]
        if above < 0:
            continue
        depth[i] = depth[above] + 1
        edge = above
        while parent[edge] >= 0 and player[parent[edge]] != player[above]:
            edge = parent[edge]
        weight[i] = cover[i] / cover[above]
        distinct[i] = distinct[above] + 1
        if parent[edge] >= 0:
            ancestor[i] = edge
            weight[i] *= weight[edge]
            distinct[i] = distinct[above]
        weight[i] = max(weight[i], 1e-300)  # 0 would say that the player is new
    fewest = np.full(n, np.iinfo(np.int32).max, np.int32)
    most = np.zeros(n, np.int32)
    for i in range(n - 1, -1, -1):
        if left[i] < 0:
            fewest[i] = most[i] = (distinct[i] + 1) // 2
        above = parent[i]
        if above >= 0:
            fewest[above] = min(fewest[above], fewest[i])
            most[above] = max(most[above], most[i])
    return player, depth, ancestor, weight, fewest, most


@compiled
def _best_division(fewest: IntArray, most: IntArray) -> int:
    """At how many points to divide a tree's leaves into two walks; 0 where one walk is cheaper.

    Few leaves lie so deep that they need the most points. Visiting those by themselves saves points
    at all other nodes and costs a second visit to the nodes above both.
    """
    top = most[0]
    shallow = np.zeros(top + 1, np.int64)  # nodes with a leaf that needs exactly so many at least
    deep = np.zeros(top + 1, np.int64)
    for i in range(len(most)):
        shallow[fewest[i]] += 1
        deep[most[i]] += 1
    best = 0
    cost = (top + _EDGE_COST) * len(most)
    visited_shallow = 0
    visited_deep = len(most)
    for points in range(1, top):
        visited_shallow += shallow[points]
        visited_deep -= deep[points]
        divided = (points + _EDGE_COST) * visited_shallow + (top + _EDGE_COST) * visited_deep
        if divided < cost:
            cost = divided
            best = points
    return best


def plan_paths(forest: PackedForest, players: IntArray) -> tuple[Nodes, Passes, Rules]:
    """Trace all paths of a forest.

    Args:
        forest: the packed forest.
        players: which player each column belongs to, shape (n_columns,); every column the forest
            asks for belongs to one.

    Returns:
        Nodes (without the values of an output), walks and quadrature rules. Trees that are a single
        leaf need no walk.
    """
    nodes = np.zeros(len(forest.column), dtype=NODE)
    for name in ("threshold", "column", "left", "right", "category_set", "missing_left", "unseen_left"):
        nodes[name] = getattr(forest, name)
    traced = _trace(forest.column, players, forest.left, forest.right, forest.cover)
    for name, array in zip(("player", "depth", "ancestor", "weight", "fewest", "most"), traced, strict=True):
        nodes[name] = array
    *_, fewest, most = traced
    walks = []
    for root, end in zip(forest.root, np.append(forest.root, len(nodes))[1:], strict=True):
        if forest.left[root] < 0:
            continue
        division = _best_division(fewest[root:end], most[root:end])
        walks += [(root, 0, division)] if division else []
        walks.append((root, division, most[root]))
    passes = np.array(walks, dtype=PASS)
    return nodes, passes, _rules(np.unique(passes["points"]).tolist() or [1])


def node_depths(forest: PackedForest) -> IntArray:
    """How many edges lead to each node from its root, shape (n_nodes,)."""
    depth = np.zeros(len(forest.left), dtype=np.int32)
    for level, nodes in enumerate(_levels(forest)):
        depth[nodes] = level
    return depth


def training_shares(forest: PackedForest) -> FloatArray:
    """Share of a tree's training rows that reach each node, as the counts of parents and children say."""
    share = np.ones(len(forest.left))
    for nodes in _levels(forest):
        inner = nodes[forest.left[nodes] >= 0]
        for child in (forest.left[inner], forest.right[inner]):
            share[child] = share[inner] * (forest.cover[child] / forest.cover[inner])
    return share


def _levels(forest: PackedForest) -> Iterator[IntArray]:
    """The nodes of all trees, depth by depth."""
    nodes = forest.root
    while len(nodes):
        yield nodes
        inner = nodes[forest.left[nodes] >= 0]
        nodes = np.concatenate([forest.left[inner], forest.right[inner]])


def _rules(sizes: list[int]) -> Rules:
    """The rules of these sizes; finding one of many points costs the cube of their number."""
    width = -(-sizes[-1] // LANES) * LANES
    points, weights = np.full((sizes[-1] + 1, width), 0.5), np.zeros((sizes[-1] + 1, width))
    for n in sizes:
        x, omega = np.polynomial.legendre.leggauss(n)
        points[n, :n], weights[n, :n] = (x + 1) / 2, omega / 2
    return Rules(points, weights)
