"""Test metrics against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from interp_pipeline.data.schema import Feature, Schema
from interp_pipeline.training.metrics import compute_metrics, count_confusions


def _schema(task: str, *classes: str) -> Schema:
    return Schema(features=(Feature(name="x", kind="numeric"),), target="y", task=task, classes=classes)  # type: ignore[arg-type]


def test_two_classes() -> None:
    target = np.array([0, 0, 0, 1])
    outputs = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5 + 1e-12]])
    found = compute_metrics(target, outputs, _schema("binary", "n", "y"), np.array([1, 1, 0]))
    assert found == {
        "accuracy": 3 / 4,
        "balanced_accuracy": (2 / 3 + 1) / 2,
        # of the three pairs of a negative and the positive row, two are in the right order
        "roc_auc": pytest.approx(2 / 3),
        "log_loss": pytest.approx(-(math.log(0.9) + math.log(0.6) + math.log(0.3) + math.log(0.5)) / 4),
        "baseline_accuracy": 1 / 4,  # always the class that most training rows have
    }


def test_three_classes() -> None:
    target = np.array([0, 1, 2, 2])
    outputs = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    found = compute_metrics(target, outputs, _schema("multiclass", "a", "b", "c"), np.array([2, 2, 0]))
    # one against the rest: a: 3 of 3 pairs; b: 0.5 above 0.1, 0.2 and 0.3: 3 of 3; c: 0.7 above both, 0.1 ties one
    by_class = [3 / 3, 3 / 3, (1 + 1 + 0.5 + 0) / 4]
    assert found == {
        "accuracy": 3 / 4,
        "balanced_accuracy": pytest.approx((1 + 1 + 0.5) / 3),
        "roc_auc": pytest.approx(sum(by_class) / 3),
        "log_loss": pytest.approx(-(math.log(0.8) + math.log(0.5) + math.log(0.7) + math.log(0.1)) / 4),
        "baseline_accuracy": 2 / 4,
    }


def test_a_class_without_test_rows_leaves_out_what_needs_it() -> None:
    target = np.array([0, 0, 1])
    outputs = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.2, 0.6, 0.2]])
    found = compute_metrics(target, outputs, _schema("multiclass", "a", "b", "c"), np.array([0, 1, 2]))
    assert "roc_auc" not in found
    assert found["balanced_accuracy"] == (1 / 2 + 1) / 2  # over the classes there are
    assert found["accuracy"] == 2 / 3


def test_a_number() -> None:
    target, outputs = np.array([1.0, 3.0, 5.0]), np.array([[2.0], [3.0], [7.0]])
    found = compute_metrics(target, outputs, _schema("regression"), np.array([0.0, 4.0]))
    assert found == {
        "rmse": pytest.approx(math.sqrt((1 + 0 + 4) / 3)),
        "mae": pytest.approx((1 + 0 + 2) / 3),
        "r2": pytest.approx(1 - 5 / 8),
        "baseline_rmse": pytest.approx(math.sqrt((1 + 1 + 9) / 3)),  # always 2, the mean of training
    }


def test_the_interval_of_r2_holds_the_true_share_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    schema = _schema("regression")
    for n_rows, share in ((7, 0.86), (40, 0.3), (40, 0.0)):
        held = 0
        for _ in range(600):
            told = random.normal(size=n_rows) * math.sqrt(share)
            truth = told + random.normal(size=n_rows) * math.sqrt(1 - share)
            found = compute_metrics(truth, told[:, np.newaxis], schema, truth)
            assert found["r2_low"] <= found["r2"] <= found["r2_high"]
            held += found["r2_low"] <= share <= found["r2_high"]
        assert held / 600 > 0.91  # 0.95 within sampling error and some; too wide where the share is nothing
    assert "r2_low" not in compute_metrics(np.arange(5.0), np.arange(5.0)[:, np.newaxis], schema, np.arange(5.0))
    assert "r2_low" not in compute_metrics(np.ones(5), np.arange(5.0)[:, np.newaxis], schema, np.ones(5))


def test_confusions_have_true_classes_as_rows() -> None:
    outputs = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.3, 0.7, 0.0]])
    counts = count_confusions(np.array([0, 0, 1]), outputs, 3)
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 1, 0], [0, 0, 0]])
