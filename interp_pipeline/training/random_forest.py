"""A scikit-learn random forest on typed rows.

A forest splits on order, so a category goes in as its code and a missing value as NaN: scikit-learn's
trees learn for each split which way missing values go. Each raw feature stays one column, which is
what keeps the tree explainer exact in the user's own features.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from interp_pipeline.data.target import encode_target
from interp_pipeline.data.typed_rows import TypedRows
from interp_pipeline.training.fitted import FittedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.config import TrainConfig
    from interp_pipeline.data.schema import Schema

__all__ = ["fit_random_forest"]

_TREES_PER_STEP = 10


def fit_random_forest(
    train: pd.DataFrame, schema: Schema, config: TrainConfig, advance: Callable[[int], None]
) -> FittedModel:
    """Fit ``config.n_estimators`` trees.

    Args:
        train: training rows with the target column, shape (n_rows, n_features + 1).
        schema: how the columns are read.
        config: number and depth of the trees, seed. The same seed gives the same forest for
            any number of threads.
        advance: called with the number of newly grown trees, ``config.n_estimators`` in all.

    Returns:
        The fitted model; its estimator is a RandomForestClassifier or -Regressor.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestRegressor if schema.task == "regression" else RandomForestClassifier
    # warm_start advances the random state over the trees that exist, so growing in steps gives
    # the same forest as growing at once, and progress can be shown.
    forest: Any = kind(max_depth=config.max_depth, random_state=config.seed, n_jobs=os.cpu_count(), warm_start=True)
    matrix = TypedRows(schema.to_dict()["features"]).to_matrix(train)
    target = encode_target(train[schema.target], schema)
    grown = 0
    while grown < config.n_estimators:
        step = min(_TREES_PER_STEP, config.n_estimators - grown)
        grown += step
        forest.set_params(n_estimators=grown)
        forest.fit(matrix, target)
        advance(step)
    # One thread per prediction: explainers call with small batches, where threads cost more than they bring.
    forest.set_params(warm_start=False, n_jobs=None)
    return FittedModel(kind="random_forest", schema=schema, estimator=forest, encoder=None)
