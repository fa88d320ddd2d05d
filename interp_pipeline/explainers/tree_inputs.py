"""What both tree explainers begin with: the forest, the rows as it compares them, proof that it is the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import finalize

import numpy as np
import numpy.typing as npt

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.inputs import Inputs, column_owners, used_features

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explainers.inputs import TimeLimit
    from interp_pipeline.explainers.trees.packed_forest import PackedForest
    from interp_pipeline.explanation import FloatArray

__all__ = ["TreeInputs", "forest_of", "tree_refusal", "watched"]

# By identity of the estimator, as long as it lives (CatBoost's have no hash), and by sign.
_FORESTS: dict[int, dict[float, PackedForest | None]] = {}

_REMEDY = "allow more, or explain fewer rows"
_TOLERANCE = 1e-9  # of the size of what is added up, between the forest's sum and the library's in double precision
_SINGLE_TOLERANCE = 1e-5  # where the library adds up its trees in single precision


def forest_of(model: ExplainableModel) -> PackedForest | None:
    """The packed forest that gives a model's outputs, read at its first use; None if there is none."""
    from interp_pipeline.explainers.trees.reader import read_forest

    if model.trees is None:
        return None
    key = id(model.trees)
    if key not in _FORESTS:
        _FORESTS[key] = {}
        finalize(model.trees, _FORESTS.pop, key, None).atexit = False
    by_sign = _FORESTS[key]
    if 1.0 not in by_sign:
        by_sign[1.0] = read_forest(model.trees)
    forest, sign = by_sign[1.0], float(getattr(model, "tree_sign", 1.0))
    if forest is not None and sign not in by_sign:
        by_sign[sign] = replace(forest, value=sign * forest.value, offset=sign * forest.offset)
    return by_sign.get(sign)


def tree_refusal(model: ExplainableModel) -> str | None:
    """Why tree methods cannot explain a model, in words; None if they can."""
    if model.trees is None:
        return "the model is no tree ensemble, or its outputs are not what its trees add up"
    kind = type(model.trees).__name__
    try:
        forest = forest_of(model)
    except ModelError as error:
        return str(error)
    if forest is None:
        return f"{kind} is not a tree ensemble that can be read"
    if forest.n_outputs != len(model.output_names):
        return f"the trees give {forest.n_outputs} outputs, the model {len(model.output_names)}"
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class TreeInputs:
    """A forest and the rows to explain.

    Attributes:
        inputs: rows and background, encoded.
        forest: the packed forest.
        rows: explained rows as the forest compares them, shape (n_rows, n_columns).
        background: background rows, likewise.
        players: position among the used features each column belongs to, shape (n_columns,).
        used: indices of the used features.
        predictions: the model's outputs for the rows, shape (n_rows, n_outputs).
        background_outputs: for the background, shape (n_background, n_outputs).
    """

    inputs: Inputs
    forest: PackedForest
    rows: FloatArray
    background: FloatArray
    players: npt.NDArray[np.int32]
    used: tuple[int, ...]
    predictions: FloatArray
    background_outputs: FloatArray

    @classmethod
    def read(cls, method: str, model: ExplainableModel, rows: pd.DataFrame, background: pd.DataFrame) -> TreeInputs:
        """Read the forest, encode the rows, and hold what the forest gives for them against the model.

        Raises:
            UsageError: a table is empty or lacks a feature.
            ModelError: tree methods refuse the model, columns and features do not belong together, or
                the trees that were read do not give the model's outputs.
        """
        reason = tree_refusal(model)
        forest = None if reason else forest_of(model)
        if forest is None:
            msg = f"{method}: {reason}"
            raise ModelError(msg)
        inputs = Inputs.encode(model, rows, background)
        players = column_owners(model, inputs.background.shape[1]).astype(np.int32)
        _require_owned(method, forest, players)
        compared, compared_background = forest.as_compared(inputs.rows), forest.as_compared(inputs.background)
        return cls(
            inputs=inputs,
            forest=forest,
            rows=compared,
            background=compared_background,
            players=players,
            used=used_features(model),
            predictions=_checked(method, forest, compared, model.forward(inputs.rows)),
            background_outputs=_checked(method, forest, compared_background, model.forward(inputs.background)),
        )


def watched(limit: TimeLimit, advance: Callable[[int], None], n_rows: int) -> Callable[[int], None]:
    """``advance`` that gives up where the time is used up before the rows are finished."""
    finished = 0

    def step(n_newly: int) -> None:
        nonlocal finished
        finished += n_newly
        advance(n_newly)
        limit.require(finished / n_rows, _REMEDY)

    return step


def _require_owned(method: str, forest: PackedForest, players: npt.NDArray[np.int32]) -> None:
    """The compiled code looks every column up: each must exist and belong to a feature."""
    asked = np.unique(forest.column[forest.column >= 0])
    outside = asked[asked >= len(players)]
    if len(outside):
        msg = f"{method}: the trees ask for column {outside[0]} and the estimator's input has {len(players)} columns"
        raise ModelError(msg)
    orphans = asked[players[asked] < 0]
    if len(orphans):
        msg = f"{method}: the trees ask for column {orphans[0]}, which belongs to no feature of the model"
        raise ModelError(msg)


def _checked(method: str, forest: PackedForest, compared: FloatArray, expected: FloatArray) -> FloatArray:
    """The model's outputs, once the forest is known to give them too.

    Where the library adds up its trees in single precision, the forest's own sum, which is the better one.
    """
    from interp_pipeline.explainers.kernels.forest_predict import predict

    outputs, expected = predict(forest, compared), np.asarray(expected, dtype=np.float64)
    with np.errstate(over="ignore"):  # what is beyond single precision was not added up in it
        single = np.array_equal(expected, expected.astype(np.float32))
    summands = replace(forest, value=np.abs(forest.value), offset=np.abs(forest.offset))
    size = float(predict(summands, compared).max(initial=0.0))  # of what is added up: outputs may cancel to nothing
    allowed = (_SINGLE_TOLERANCE if single else _TOLERANCE) * size
    difference = float(np.abs(outputs - expected).max(initial=0.0))
    if not difference <= allowed:
        msg = (
            f"{method}: the trees add up to outputs that differ from the model's by {difference:.3g}: "
            "it does more with them than its library does, or they were read wrongly"
        )
        raise ModelError(msg)
    return outputs if single else expected
