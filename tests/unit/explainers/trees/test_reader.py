"""Which estimators are tree ensembles, and what reading one may load."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.svm import SVR

from interp_pipeline.explainers.trees.reader import read_forest

ROWS = np.random.default_rng(0).normal(size=(60, 3))


@pytest.mark.parametrize("estimator", [LinearRegression(), SVR(), AdaBoostRegressor(n_estimators=2)])
def test_other_estimators_are_no_forests(estimator: Any) -> None:
    assert read_forest(estimator.fit(ROWS, ROWS[:, 0])) is None


def test_what_is_no_estimator_is_no_forest() -> None:
    assert read_forest(None) is None
    assert read_forest(lambda rows: rows) is None


def test_a_subclass_is_read_as_what_it_is() -> None:
    class Ours(RandomForestRegressor):
        """A company's own name for it."""

    forest = read_forest(Ours(3).fit(ROWS, ROWS[:, 0]))
    assert forest is not None
    assert len(forest.root) == 3


def test_neither_xgboost_nor_lightgbm_is_loaded_for_others() -> None:
    code = (
        "import sys\n"
        "from sklearn.tree import DecisionTreeRegressor\n"
        "from interp_pipeline.explainers.trees.reader import read_forest\n"
        "assert read_forest(DecisionTreeRegressor().fit([[0.0], [1.0]], [0, 1])) is not None\n"
        "assert read_forest(object()) is None\n"
        "sys.exit(' '.join({'xgboost', 'lightgbm', 'numba', 'shap'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""
