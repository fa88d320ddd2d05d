"""What a network puts out, as one column per class."""

from __future__ import annotations

import numpy as np

from interp_pipeline.training.fitted import class_probabilities


def test_a_sigmoid_is_the_probability_of_the_second_class() -> None:
    outputs = np.array([[0.25], [1.0]], dtype=np.float32)
    np.testing.assert_array_equal(class_probabilities(outputs, 2), [[0.75, 0.25], [0.0, 1.0]])


def test_a_softmax_sums_to_one_in_double_precision() -> None:
    outputs = np.array([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]], dtype=np.float32)
    assert np.abs(outputs.astype(np.float64).sum(axis=1) - 1).max() > 1e-9
    wide = class_probabilities(outputs, 3)
    assert wide.dtype == np.float64
    np.testing.assert_allclose(wide.sum(axis=1), 1, rtol=0, atol=1e-15)
    np.testing.assert_allclose(wide, outputs, atol=1e-7)


def test_two_softmax_columns_stay_two() -> None:
    np.testing.assert_allclose(class_probabilities(np.array([[0.2, 0.8]]), 2), [[0.2, 0.8]])


def test_a_number_stays_as_it_is() -> None:
    np.testing.assert_array_equal(class_probabilities(np.array([[-3.5], [7.0]]), 0), [[-3.5], [7.0]])
