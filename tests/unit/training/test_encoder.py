"""The input of a network: every feature has columns of its own."""

from __future__ import annotations

import numpy as np
import pytest

from interp_pipeline.data.schema import Feature, Schema
from interp_pipeline.training.encoder import fit_encoder

_SCHEMA = Schema(
    features=(
        Feature(name="age", kind="numeric"),
        Feature(name="id", kind="unused"),
        Feature(name="colour", kind="category", categories=("blue", "green", "red")),
        Feature(name="member", kind="boolean"),
        Feature(name="since", kind="date"),
    ),
    target="y",
    task="binary",
    classes=("no", "yes"),
    positive_class="yes",
)
_NAN = np.nan
_ROWS = np.array(
    [
        [20.0, 0.0, 0.0, 1.0, 100.0],
        [40.0, 0.0, 1.0, 0.0, 200.0],
        [_NAN, 0.0, 0.0, 1.0, 300.0],
        [60.0, 0.0, _NAN, 1.0, 400.0],
    ]
)


def test_each_feature_owns_its_columns() -> None:
    encoder = fit_encoder(_ROWS, _SCHEMA)
    width = {name: part.stop - part.start for name, part in encoder.output_indices_.items()}
    # a number and whether it is missing; blue, green and missing, since red does not occur; two without gaps
    assert width == {"0": 2, "2": 3, "3": 1, "4": 1, "remainder": 0}
    encoded = encoder.transform(_ROWS)
    assert encoded.shape == (4, 7)
    for position in (0, 2, 3, 4):
        changed = _ROWS.copy()
        changed[0, position] = {0: 33.0, 2: 1.0, 3: 0.0, 4: 250.0}[position]
        moved = np.flatnonzero((encoder.transform(changed) != encoded).any(axis=0))
        own = encoder.output_indices_[str(position)]
        assert len(moved) > 0
        assert all(own.start <= column < own.stop for column in moved)


def test_numbers_are_scaled_and_gaps_are_the_median_with_a_mark() -> None:
    encoder = fit_encoder(_ROWS, _SCHEMA)
    encoded = encoder.transform(_ROWS)[:, encoder.output_indices_["0"]]
    filled = np.array([20.0, 40.0, 40.0, 60.0])
    np.testing.assert_allclose(encoded[:, 0], (filled - filled.mean()) / filled.std())
    mark = np.array([0.0, 0.0, 1.0, 0.0])
    np.testing.assert_allclose(encoded[:, 1], (mark - mark.mean()) / mark.std())


@pytest.mark.parametrize("code", [2.0, 3.0])  # a category without a training row, and one nobody listed
def test_an_unseen_category_is_all_zeros(code: float) -> None:
    encoder = fit_encoder(_ROWS, _SCHEMA)
    row = _ROWS[:1].copy()
    row[0, 2] = code
    np.testing.assert_array_equal(encoder.transform(row)[:, encoder.output_indices_["2"]], [[0.0, 0.0, 0.0]])


def test_a_category_is_one_column_each_and_missing_is_one_of_them() -> None:
    encoder = fit_encoder(_ROWS, _SCHEMA)
    np.testing.assert_array_equal(
        encoder.transform(_ROWS)[:, encoder.output_indices_["2"]], [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    )


def test_gaps_where_training_had_none_are_read_as_the_median() -> None:
    encoder = fit_encoder(_ROWS, _SCHEMA)
    row = np.array([[20.0, 0.0, 0.0, _NAN, _NAN]])
    filled = np.array([[20.0, 0.0, 0.0, 1.0, 250.0]])
    np.testing.assert_array_equal(encoder.transform(row), encoder.transform(filled))
