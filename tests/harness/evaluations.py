"""``mlflow.models.evaluate`` as people call it, and what it leaves in a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.zoo import REQUIRED

from interp_pipeline.tracking.runs import manifest
from interp_pipeline.tracking.runs.artifacts import read_folder

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BRIEF", "evaluate", "log_sklearn", "read_explanation", "require_explained"]

BRIEF: dict[str, Any] = {"rows": 12, "methods": "shap", "instances": 1, "raise_errors": True}


def log_sklearn(model: Any, features: pd.DataFrame, registered: str | None = None, **options: Any) -> Any:
    """Log a scikit-learn model in a run of its own.

    Returns:
        MLflow's ``ModelInfo``.
    """
    import mlflow
    from mlflow.models import infer_signature

    chosen: dict[str, Any] = {
        "name": "model",
        "signature": infer_signature(features, model.predict(features)),
        "serialization_format": "cloudpickle",
        **REQUIRED,
        **options,
    }
    with mlflow.start_run():
        return mlflow.sklearn.log_model(model, registered_model_name=registered, **chosen)


def evaluate(model: Any, data: Any, target: Any, model_type: str = "regressor", **options: Any) -> Any:
    """Evaluate with our evaluator alone, which raises what goes wrong, unless told otherwise.

    Returns:
        MLflow's ``EvaluationResult``.
    """
    import mlflow

    chosen = {"evaluators": "interp", "evaluator_config": BRIEF, **options}
    return mlflow.models.evaluate(model, data, targets=target, model_type=model_type, **chosen)


def read_explanation(run_id: str, root: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest and files below a directory of a run."""
    import mlflow

    files = read_folder(mlflow.MlflowClient(), run_id, root)
    return json.loads(files["manifest.json"]), files


def require_explained(result: Any, root: str, prefix: str = "") -> dict[str, Any]:
    """Hold what an evaluation left in its run against what it must be.

    Returns:
        The manifest.
    """
    import mlflow

    record, files = read_explanation(result.run_id, root)
    assert manifest.verify(record, files) == []
    assert record["sandbox"] is None  # it ran in this process
    assert record["checks"]["additivity_error"] <= 1e-6
    assert record["checks"]["prediction_mismatch"] <= 1e-5
    told = record["announcement"]["metrics"]
    assert {name for name in told if not name.startswith(prefix)} == set()
    run = mlflow.MlflowClient().get_run(result.run_id)
    for name, value in told.items():
        assert result.metrics[name] == value
        assert run.data.metrics[name] == value
    for path in ("report.html", "shap_values.parquet", "global_importance.json", "plots/importance.png"):
        assert f"{root}/{path}" in result.artifacts
    assert result.artifacts[f"{root}/manifest.json"].content == record
    assert "interp.error" not in run.data.tags
    assert run.data.tags["interp.evaluated_model"] == record["model"]["uri"]
    return record
