"""Classifiers that score their classes pair by pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
from harness.adapted_models import adapt
from sklearn.svm import SVC


def test_scores_of_pairs_of_three_classes_are_not_named_after_the_classes() -> None:
    random = np.random.default_rng(0)
    features, classes = random.normal(size=(90, 3)), np.repeat(["a", "b", "c"], 30)
    table = pd.DataFrame(features + np.repeat(np.eye(3), 30, axis=0) * 3, columns=["x", "y", "z"])
    native = SVC(decision_function_shape="ovo").fit(table, classes)
    model = adapt(native, table)
    assert model.output_names == ("a against b", "a against c", "b against c")
    assert (model.reference(table)[:30, 0] > 0).mean() > 0.9
    assert model.reference(table)[30:60, 0].mean() < 0
