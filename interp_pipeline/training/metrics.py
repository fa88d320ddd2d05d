"""How well a fitted model does on rows it has not seen, beside guessing without looking."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from interp_pipeline.data.schema import Schema
    from interp_pipeline.explanation import FloatArray

    Target: TypeAlias = npt.NDArray[np.int64] | FloatArray  # class codes, or values

__all__ = ["compute_metrics", "count_confusions"]


def compute_metrics(target: Target, outputs: FloatArray, schema: Schema, train_target: Target) -> dict[str, float]:
    """Test metrics of a model, and of the baseline that ignores the features.

    Args:
        target: true class codes or values, shape (n_rows,).
        outputs: class probabilities or predicted values, shape (n_rows, n_outputs).
        schema: the task and its classes.
        train_target: targets of the training rows; the baseline always answers with their most
            frequent class, or their mean.

    Returns:
        Classification: accuracy, balanced_accuracy, roc_auc (one-versus-rest, macro, for more than
        two classes), log_loss, baseline_accuracy. Regression: rmse, mae, r2, baseline_rmse, in
        the target's unit. ``roc_auc`` is absent where a class has no test row.
    """
    from sklearn import metrics

    if schema.task == "regression":
        predicted = outputs[:, 0]
        return {
            "rmse": float(metrics.root_mean_squared_error(target, predicted)),
            "mae": float(metrics.mean_absolute_error(target, predicted)),
            "r2": float(metrics.r2_score(target, predicted)) if len(target) > 1 else 0.0,
            "baseline_rmse": float(np.sqrt(np.mean((target - train_target.mean()) ** 2))),
        }
    codes = np.arange(len(schema.classes))
    predicted = outputs.argmax(axis=1)
    present = np.unique(target)
    recalls = [float(np.mean(predicted[target == code] == code)) for code in present]
    majority = np.bincount(train_target.astype(np.int64)).argmax()
    result = {
        "accuracy": float(metrics.accuracy_score(target, predicted)),
        "balanced_accuracy": float(np.mean(recalls)),
        "log_loss": float(metrics.log_loss(target, outputs, labels=codes)),
        "baseline_accuracy": float(np.mean(target == majority)),
    }
    if len(present) == len(codes):
        scores = outputs[:, 1] if schema.task == "binary" else outputs
        result["roc_auc"] = float(metrics.roc_auc_score(target, scores, multi_class="ovr", labels=codes))
    return result


def count_confusions(target: Target, outputs: FloatArray, n_classes: int) -> FloatArray:
    """Confusion matrix: rows are true classes, columns predicted ones, shape (n_classes, n_classes)."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(target, outputs.argmax(axis=1), labels=np.arange(n_classes)), dtype=np.float64)
