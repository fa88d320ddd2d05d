"""A model of a stranger's that takes its time, but only where it is explained: not where it is logged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow import MlflowClient

__all__ = ["register_slow"]

_SOURCE = """
import os
import sys
import time

import mlflow
import pandas as pd


class Slow(mlflow.pyfunc.PythonModel):
    waited = False

    def predict(self, context, model_input: pd.DataFrame, params=None):
        if "mlflow_plugin.sandbox.child" in sys.modules and os.getpid() != {logged_by} and not Slow.waited:
            Slow.waited = True
            time.sleep({seconds})
        return (model_input["income"] - {share} * model_input["debt"] * model_input["age"]).to_numpy()


mlflow.models.set_model(Slow())
"""


def register_slow(client: MlflowClient, name: str, folder: Path, *, seconds: float = 0, with_run: bool = True) -> str:
    """Register a function in Python as the next version of a model; it differs from the versions before.

    Args:
        client: the connection.
        name: of the registered model.
        folder: for the file it is logged from.
        seconds: how long it sleeps before its first prediction, in the process in which it is explained.
        with_run: False logs it outside any run, so that the version belongs to none.

    Returns:
        Its URI.
    """
    import mlflow
    import numpy as np
    import pandas as pd

    number = len(client.search_model_versions(f"name = '{name}'"))
    table = pd.DataFrame(np.random.default_rng(number).normal(size=(40, 3)), columns=["income", "age", "debt"])
    script = folder / f"slow_{number}.py"
    script.write_text(_SOURCE.format(seconds=seconds, share=0.5 + number / 10, logged_by=os.getpid()), encoding="utf-8")
    mlflow.set_tracking_uri(client.tracking_uri)
    run = mlflow.start_run() if with_run else None
    try:
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(script),
            input_example=table,
            pip_requirements=["mlflow"],  # else MLflow finds them out, in a process of its own
            registered_model_name=name,
        )
    finally:
        if run is not None:
            mlflow.end_run()
    return f"models:/{name}/{info.registered_model_version}"
