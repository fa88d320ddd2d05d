"""Isolation forests: what is explained is what the package shap explains of them, to 1e-9."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shap
from harness.adapted_models import adapt, assert_is_the_model, credit
from harness.explainable_models import explain
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from interp_pipeline.checks.served_answers import served_disagreement
from interp_pipeline.config import ExplainConfig
from interp_pipeline.explainers.kernels.forest_predict import predict
from interp_pipeline.explainers.trees.reader import read_forest

_TABLE = credit()[0]


@pytest.mark.parametrize("options", [{}, {"max_features": 2}, {"max_samples": 2}], ids=str)
def test_isolation_forests_by_the_length_of_their_paths(options: dict[str, Any]) -> None:
    rows = _TABLE[["duration_months", "credit_amount", "age_years"]].fillna(30.0)
    forest = IsolationForest(n_estimators=5, random_state=0, **options).fit(rows)
    model = adapt(forest, rows, target="odd")
    assert (model.output_names, model.output_unit) == (("mean path length",), "mean path length")
    assert model.trees is forest
    theirs = shap.TreeExplainer(forest, rows[60:110], feature_perturbation="interventional")
    values = theirs.shap_values(rows[:20], check_additivity=False)
    ours = explain("shap_tree", model, rows[:20], rows[60:110], ExplainConfig())
    np.testing.assert_allclose(ours.values[:, :, 0], values, rtol=0, atol=1e-6)  # shap adds up in single precision
    every = explain("shap_exact", model, rows[:20], rows[60:110], ExplainConfig())
    np.testing.assert_allclose(ours.values, every.values, rtol=0, atol=1e-12)
    theirs = shap.TreeExplainer(forest, feature_perturbation="tree_path_dependent")
    by_cover = theirs.shap_values(rows[:20])
    ours = explain("shap_tree_path_dependent", model, rows[:20], rows[60:110], ExplainConfig())
    np.testing.assert_allclose(ours.values[:, :, 0], by_cover, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.base_values[:1, 0], theirs.expected_value, rtol=0, atol=1e-9)
    served = forest.predict(rows[:20])
    assert served_disagreement(ours, served) == 0
    assert served_disagreement(ours, -served) == (0 if (served == served[0]).all() else pytest.approx(1, abs=0.99))
    margin = adapt(forest, rows, output="margin")
    assert (margin.output_names, margin.output_unit, margin.trees) == (("prediction",), "decision function", None)
    assert_is_the_model(margin, rows, forest.decision_function(rows[:110]).reshape(-1, 1))


def test_an_isolation_forest_of_single_rows_has_a_decision_function_alone() -> None:
    rows = _TABLE[["duration_months", "credit_amount"]]
    forest = IsolationForest(n_estimators=5, max_samples=1, random_state=0).fit(rows)
    assert adapt(forest, rows).output_unit == "decision function"


def test_an_isolation_forest_behind_what_mixes_columns() -> None:
    rows = _TABLE[["duration_months", "credit_amount"]]
    pipeline = make_pipeline(StandardScaler(), PCA(2), IsolationForest(n_estimators=5, random_state=0)).fit(rows)
    model = adapt(pipeline, rows)
    assert (model.output_unit, model.trees) == ("mean path length", None)
    forest = read_forest(pipeline[-1])
    assert forest is not None
    assert_is_the_model(model, rows, predict(forest, forest.as_compared(pipeline[:-1].transform(rows[:110]))))
