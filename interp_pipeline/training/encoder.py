"""Typed rows → the input of a network: numbers scaled, categories one-hot, gaps marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from interp_pipeline.data.schema import Schema
    from interp_pipeline.explanation import FloatArray

__all__ = ["fit_encoder"]


def fit_encoder(matrix: FloatArray, schema: Schema) -> Any:
    """Fit one scikit-learn transformer per used feature.

    Numbers, dates and booleans: missing values become the median, with an indicator column where
    training rows had any; then mean 0, standard deviation 1. Categories: one column per code that
    occurs, missing being one of them; a code never seen gives zeros. Unused features give nothing, and
    neither do features without any value in the training rows: nothing was learned about them.

    Args:
        matrix: typed training rows, shape (n_rows, n_features).
        schema: kinds of the features.

    Returns:
        A fitted ColumnTransformer whose transformers are named by feature position, so that
        ``output_indices_`` tells which output columns belong to which raw feature.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    transformers: list[tuple[str, Any, list[int]]] = []
    for position, feature in enumerate(schema.features):
        if feature.kind == "unused" or np.isnan(matrix[:, position]).all():
            continue
        if feature.kind == "category":
            transformer = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        else:
            transformer = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        transformers.append((str(position), transformer, [position]))
    return ColumnTransformer(transformers, sparse_threshold=0.0).fit(matrix)
