"""A program of its own: runs the tree kernels as plain Python, every place they read or write checked.

Compiled code checks no index, and the operations on eight numbers cannot: a place outside an array
would be read or overwritten in silence. Here the same source runs without compilation
(``NUMBA_DISABLE_JIT=1``), over arrays that refuse any index outside them, negative ones included.

Argument: where to write the values of all ``CASES``, as an ``.npz`` file.
"""

from __future__ import annotations

import importlib
import sys
import types
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from harness.any_forest import Case, ForestBuilder, chain, random_case

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

_KERNELS = "interp_pipeline.explainers.kernels"
_TREES = "interp_pipeline.explainers.trees"
_LANES = 8


def _two_walks() -> Case:
    """A long chain below one side of a tree whose other side is broad and shallow: both are walked by themselves."""
    builder = ForestBuilder(2)
    left, at = builder.split(builder.tree(1.0), 0)
    leaves, values = [left], ((0.5, 1.0), (2.0, -1.0))
    for column in (1, 2, 3, 1, 2, 3, 1, 2):
        leaves = leaves[4:] + [child for leaf in leaves[:4] for child in builder.split(leaf, column, values=values)]
    for column in range(1, 21):
        on, at = builder.split(at, column, share=0.3, values=((column, 1.0), (3.0, -column)))
        if column % 5 == 0:  # and the leaves of the chain are not all on one side
            on, at = at, on
    random = np.random.default_rng(3)
    rows, background = random.normal(size=(13, 21)), random.normal(size=(7, 21))
    return Case(
        forest=builder.forest([0.5, 0.0]),
        rows=rows,
        background=background,
        players=np.arange(21, dtype=np.int32),
        n_players=21,
    )


def _comb() -> Case:
    """A split beside every split: as much as there can be is still to be visited when the last is reached."""
    builder = ForestBuilder()
    at = builder.tree(1.0)
    for column in range(12):
        beside, at = builder.split(at, column)
        builder.split(beside, 12, share=0.3, values=((column,), (-1.0,)))
    builder.split(at, 12, values=((1.0,), (2.0,)))
    random = np.random.default_rng(1)
    return Case(
        forest=builder.forest(),
        rows=random.normal(1, 1, (10, 13)),
        background=random.normal(0, 1, (70, 13)),
        players=np.arange(13, dtype=np.int32),
        n_players=13,
    )


def _chain(n_rows: int, n_columns: int, n_background: int) -> Case:
    random = np.random.default_rng(n_columns)
    return Case(
        forest=chain(random.uniform(0.2, 0.9, n_columns), random.normal(size=n_columns + 1)),
        rows=random.normal(-1, 1, (n_rows, n_columns)),
        background=random.normal(-1, 1, (n_background, n_columns)),
        players=np.arange(n_columns, dtype=np.int32),
        n_players=n_columns,
    )


CASES = {
    "two walks": _two_walks(),
    "a comb": _comb(),
    "stumps": random_case(1, n_trees=9, n_splits=1, n_columns=3, n_players=3, n_outputs=2),
    "bushy": random_case(2, n_trees=4, n_splits=40, n_columns=12, n_players=12, deep=0.1),
    "deep": random_case(3, n_trees=3, n_splits=40, n_columns=30, n_players=30, n_outputs=2, deep=0.95),
    "players of several columns": random_case(4, n_trees=4, n_splits=40, n_columns=14, n_players=4, deep=0.7),
    "one player": random_case(5, n_trees=2, n_splits=20, n_columns=6, n_players=1, deep=0.9),
    "a chain of 40, one row": _chain(1, 40, 3),
    "a chain of 33, eight rows, one more background row than a word has bits": _chain(8, 33, 65),
    "more background rows than fit at once": _chain(3, 5, 200),
}


class Checked(np.recarray):
    """An array that has no element before its first."""

    def __getitem__(self, index: Any) -> Any:
        self._require_inside(index)
        return super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._require_inside(index)
        super().__setitem__(index, value)

    def _require_inside(self, index: Any) -> None:
        for one, length in zip(index if isinstance(index, tuple) else (index,), self.shape, strict=False):
            if isinstance(one, (int, np.integer)) and not 0 <= one < length:
                msg = f"place {one} of an array of {length}"
                raise IndexError(msg)


def checked(array: Any) -> Any:
    """An array or scalar of NumPy's, its elements guarded; anything else as it is."""
    if not isinstance(array, np.ndarray) or isinstance(array, Checked):
        return array
    kind = np.dtype((np.record, array.dtype)) if array.dtype.names else array.dtype
    return array.view(kind, Checked) if array.dtype.names else array.view(Checked)


class CheckedNumpy:
    """NumPy as the kernels see it: what makes an array makes a guarded one."""

    def __getattr__(self, name: str) -> Any:
        thing = getattr(np, name)
        if name not in {"zeros", "ones", "full", "array", "ascontiguousarray"}:
            return thing
        return lambda *args, **options: checked(thing(*args, **options))


def _lanes() -> types.ModuleType:
    """The operations on eight numbers, in place of ``kernels.lanes``."""

    def inside(array: FloatArray, start: int, length: int = _LANES) -> slice:
        if not 0 <= start <= len(array) - length:
            msg = f"places {start} to {start + length - 1} of an array of {len(array)}"
            raise IndexError(msg)
        return slice(start, start + length)

    def store(array: FloatArray, start: int, lanes: FloatArray) -> None:
        np.asarray(array)[inside(array, start)] = lanes

    module = types.ModuleType(f"{_KERNELS}.lanes")
    vars(module).update(
        LANES=_LANES,
        load=lambda array, start: np.array(np.asarray(array)[inside(array, start)]),
        store=store,
        splat=lambda number: np.full(_LANES, float(number)),
        spread=lambda array, at: np.full(_LANES, np.asarray(array)[inside(array, at, 1)]),
        add=np.add,
        subtract=np.subtract,
        multiply=np.multiply,
        divide=np.divide,
        multiply_add=lambda a, b, c: a * b + c,
        goes_left=lambda x, threshold, missing: np.where(np.isnan(x), missing, x <= threshold),
    )
    return module


def _bits() -> types.ModuleType:
    module = types.ModuleType(f"{_KERNELS}.bits")
    vars(module).update(lowest_bit=lambda word: (int(word) & -int(word)).bit_length() - 1)
    return module


def _main(file: str) -> None:
    for module in (_lanes(), _bits()):
        sys.modules[module.__name__] = module
    path = importlib.import_module(f"{_TREES}.path_dependent_values")
    between = importlib.import_module(f"{_TREES}.interventional_values")
    plan, kernel = (importlib.import_module(f"{_KERNELS}.{name}") for name in ("path_plan", "interventional"))
    for module in (path, between, plan, kernel):  # those that make arrays
        module.np = CheckedNumpy()
    importlib.import_module(f"{_KERNELS}.threads").set_threads(1)  # what NumPy warns of is set for this thread alone
    values = {}
    for name, case in CASES.items():
        forest = replace(case.forest, **{field: checked(array) for field, array in vars(case.forest).items()})
        rows, players = checked(case.rows), checked(case.players)
        for method in (path.path_dependent_values, between.interventional_values):
            given = (rows,) if method is path.path_dependent_values else (rows, checked(case.background))
            found = method(forest, *given, players, case.n_players, lambda _: None)
            values[f"{method.__name__}: {name}"] = np.asarray(found)
    np.savez(file, **values)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore", over="ignore")  # words of 64 bits wrap around, as they are meant to
    _main(sys.argv[1])
