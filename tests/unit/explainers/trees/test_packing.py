"""Covers, codes and sets of categories, and the binary form of XGBoost's models."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.trees.packing import as_codes, category_sets, first_nodes, positive_cover
from interp_pipeline.explainers.trees.ubjson import read_ubjson

#       0
#     1   2
#        3  4
#          5  6
LEFT = np.array([1, -1, 3, -1, 5, -1, -1], dtype=np.int32)
RIGHT = np.array([2, -1, 4, -1, 6, -1, -1], dtype=np.int32)
ROOT = np.zeros(1, dtype=np.int32)


def cover_of(*cover: float) -> np.ndarray:
    return positive_cover(np.array(cover, dtype=np.float64), LEFT, RIGHT, ROOT)


def test_covers_above_0_stay_as_they_are() -> None:
    np.testing.assert_array_equal(cover_of(9, 4, 5, 3, 2, 1, 1), [9, 4, 5, 3, 2, 1, 1])


def test_a_child_without_weight_gets_a_share_that_changes_no_sum() -> None:
    cover = cover_of(9, 9, 0, 0, 0, 0, 0)
    assert 9 + cover[2] == 9
    assert cover[2] > 0
    # below it nothing says how to weigh: equal shares
    assert cover[3] == cover[4] == cover[2] / 2
    assert cover[5] == cover[6] == cover[4] / 2


def test_a_tree_without_any_weight_weighs_its_branches_equally() -> None:
    np.testing.assert_array_equal(cover_of(0, 0, 0, 0, 0, 0, 0), [1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125])


def test_a_chain_of_2000_nodes_without_weight_stays_above_0() -> None:
    inner = np.arange(2000, dtype=np.int32) * 2
    left, right = (np.full(4001, -1, dtype=np.int32) for _ in range(2))
    left[inner], right[inner] = inner + 1, inner + 2
    assert (positive_cover(np.zeros(4001), left, right, ROOT) > 0).all()


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_refuses_covers_that_are_no_weights(wrong: float) -> None:
    with pytest.raises(ModelError, match="negative training weight"):
        cover_of(9, wrong, 5, 3, 2, 1, 1)


def test_numbers_roots_and_refuses_more_nodes_than_32_bits_hold() -> None:
    np.testing.assert_array_equal(first_nodes([3, 1, 5]), [0, 3, 4])
    assert first_nodes([]).shape == (0,)
    with pytest.raises(ModelError, match="use fewer trees"):
        first_nodes([2**30, 2**30, 2**30])


@settings(max_examples=50)
@given(
    known=st.lists(st.floats(-5, 5), unique=True, max_size=6).map(sorted),
    values=st.lists(st.floats(allow_nan=True), max_size=8),
)
def test_codes_are_positions_among_the_known(known: list[float], values: list[float]) -> None:
    values = values + known
    codes = as_codes(np.array(values, dtype=np.float64), np.array(known, dtype=np.float64))
    for value, code in zip(values, codes, strict=True):
        if np.isnan(value):
            assert np.isnan(code)
        else:
            assert code == (known.index(value) if value in known else -1)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sets(st.integers(0, 10**6).map(float), max_size=80)), min_size=1, max_size=6
    )
)
def test_sets_hold_their_members_by_code(sets: list[tuple[int, set[float]]]) -> None:
    set_of = np.repeat(np.arange(len(sets)), [len(members) for _, members in sets])
    category = np.array([c for _, members in sets for c in members], dtype=np.float64)
    bits, categories = category_sets(np.array([column for column, _ in sets]), set_of, category)
    for row, (column, members) in enumerate(sets):
        codes = [b for b in range(64 * bits.shape[1]) if int(bits[row, b // 64]) >> (b % 64) & 1]
        assert {categories[column][code] for code in codes} == members


def encoded(value: Any) -> bytes:
    """The same form, written the plain way."""
    if isinstance(value, dict):
        return b"{" + b"".join(encoded(name)[1:] + encoded(each) for name, each in value.items()) + b"}"
    if isinstance(value, str):
        return b"SL" + struct.pack(">q", len(value.encode())) + value.encode()
    if isinstance(value, list):
        return b"[" + b"".join(map(encoded, value)) + b"]"
    if isinstance(value, bool) or value is None:
        return {True: b"T", False: b"F", None: b"Z"}[value]
    return b"L" + struct.pack(">q", value) if isinstance(value, int) else b"D" + struct.pack(">d", value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50)
@given(JSON)
def test_reads_any_value(value: Any) -> None:
    assert read_ubjson(encoded(value)) == value


@pytest.mark.parametrize(("marker", "kind"), [("d", ">f4"), ("D", ">f8"), ("l", ">i4"), ("L", ">i8"), ("U", ">u1")])
def test_reads_arrays_of_one_type_without_rounding(marker: str, kind: str) -> None:
    numbers = np.array([0, 1, 7, 100], dtype=kind)
    document = b"[$" + marker.encode() + b"#i\x04" + numbers.tobytes() + b"L"
    np.testing.assert_array_equal(read_ubjson(document), numbers)
    np.testing.assert_array_equal(read_ubjson(b"[#i\x02i\x05" + b"[$d#i\x00")[1], [])


@pytest.mark.parametrize("broken", [b"", b"?", b"[$d#i\x04\x00", b"[$d!", b"{L\x00", b"SL\x00\x00"])
def test_refuses_what_is_no_document(broken: bytes) -> None:
    with pytest.raises(ModelError, match="save it again"):
        read_ubjson(broken)
