"""Versions whose runs hold no data to explain them with, until somebody adds some."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow import MlflowClient

__all__ = ["register_without_data", "write_table"]


def register_without_data(client: MlflowClient, name: str) -> str:
    """Register a linear model without an input example, in the open run or in one that ends with it; its URI."""
    import mlflow
    from sklearn.linear_model import LinearRegression

    rows = _rows()
    model = LinearRegression().fit(rows, rows.to_numpy().sum(axis=1))
    mlflow.set_tracking_uri(client.tracking_uri)
    with nullcontext() if mlflow.active_run() else mlflow.start_run():
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=mlflow.models.infer_signature(rows, model.predict(rows)),
            pip_requirements=["scikit-learn"],  # else MLflow finds them out, in a process of its own
            registered_model_name=name,
        )
    return f"models:/{name}/{info.registered_model_version}"


def write_table(path: Path) -> str:
    """Write rows that such a model can be explained on; the path as text."""
    _rows().to_csv(path, index=False)
    return str(path)


def _rows() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=["income", "age", "debt"])
