"""Arrays that compiled code would read outside of are refused before it sees them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.packed_forest import PackedForest


def _forest() -> PackedForest:
    """Two trees of one split each."""
    inner = np.array([True, False, False] * 2)
    return PackedForest(
        column=np.where(inner, 0, -1).astype(np.int32),
        threshold=np.zeros(6),
        left=np.array([1, -1, -1, 4, -1, -1], dtype=np.int32),
        right=np.array([2, -1, -1, 5, -1, -1], dtype=np.int32),
        missing_left=np.zeros(6, dtype=np.bool_),
        category_set=np.full(6, -1, dtype=np.int32),
        category_bits=np.zeros((0, 1), dtype=np.uint64),
        unseen_left=np.zeros(6, dtype=np.bool_),
        cover=np.array([2.0, 1.0, 1.0] * 2),
        value=np.where(inner, 0.0, 1.0).reshape(-1, 1),
        root=np.array([0, 3], dtype=np.int32),
        offset=np.zeros(1),
        single_precision=False,
    )


def _with(array: np.ndarray[Any, Any], place: int, number: float) -> np.ndarray[Any, Any]:
    changed = array.copy()
    changed[place] = number
    return changed


@pytest.mark.parametrize(
    ("name", "place", "number", "reason"),
    [
        ("left", 0, 6, "does not follow its parent"),
        ("right", 3, 3, "does not follow its parent"),
        ("column", 1, 0, "does not follow its parent"),
        ("cover", 2, 0.0, "cover is not positive and finite"),
        ("cover", 2, np.inf, "cover is not positive and finite"),
        ("value", 1, np.nan, "value not finite"),
        ("root", 1, 0, "do not ascend within the nodes"),
        ("root", 1, 6, "do not ascend within the nodes"),
        ("root", 0, -1, "do not ascend within the nodes"),
        ("category_set", 0, 0, "set of categories that is not there"),
    ],
)
def test_a_place_outside_the_arrays_is_refused(name: str, place: int, number: float, reason: str) -> None:
    forest = _forest()
    with pytest.raises(ModelError, match=reason):
        replace(forest, **{name: _with(getattr(forest, name), place, number)})


def test_another_type_or_length_is_refused() -> None:
    forest = _forest()
    with pytest.raises(ModelError, match="threshold is float32"):
        replace(forest, threshold=forest.threshold.astype(np.float32))
    with pytest.raises(ModelError, match=r"cover is float64 \(5,\)"):
        replace(forest, cover=forest.cover[:5])
