"""A fitted model with everything a prediction from raw rows needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.data.typed_rows import TypedRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from interp_pipeline.config import ModelKind
    from interp_pipeline.data.schema import Schema
    from interp_pipeline.explanation import FloatArray

__all__ = ["FittedModel", "class_probabilities"]


def class_probabilities(outputs: FloatArray, n_classes: int) -> FloatArray:
    """Network outputs as one column per class.

    Args:
        outputs: shape (n_rows, 1) for a sigmoid or linear head, (n_rows, n_classes) for softmax.
        n_classes: 0 for a regression.

    Returns:
        Shape (n_rows, n_classes), or (n_rows, 1) for a regression.
    """
    wide = np.asarray(outputs, dtype=np.float64)
    if n_classes == 2 and wide.shape[1] == 1:  # noqa: PLR2004 - a sigmoid head gives P(second class)
        return np.concatenate([1.0 - wide, wide], axis=1)
    if n_classes:
        # a softmax in float32 sums to one only roughly
        return np.asarray(wide / wide.sum(axis=1, keepdims=True), dtype=np.float64)
    return wide


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedModel:
    """What training gives: an estimator, the encoder in front of it, and how the fit went."""

    kind: ModelKind
    schema: Schema
    estimator: Any  # fitted scikit-learn forest, or keras.Model that takes the encoder's output
    encoder: Any | None  # fitted ColumnTransformer with one transformer per used feature; None: no encoding
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)  # keras: one value per epoch

    def predict(self, rows: pd.DataFrame) -> FloatArray:
        """Predict raw rows.

        Args:
            rows: columns as in the schema, shape (n_rows, n_features).

        Returns:
            Class probabilities (n_rows, n_classes), or the target (n_rows, 1).
        """
        typed = TypedRows(self.schema.to_dict()["features"])
        matrix = typed.to_matrix(rows)
        n_classes = len(self.schema.classes)
        if self.kind == "keras":
            encoded = self.encoder.transform(matrix) if self.encoder is not None else matrix
            outputs = self.estimator.predict(encoded.astype(np.float32), batch_size=8192, verbose=0)
            return class_probabilities(outputs, n_classes)
        matrix = typed.unseen_as_missing(matrix)
        if n_classes:
            return np.asarray(self.estimator.predict_proba(matrix), dtype=np.float64)
        return np.asarray(self.estimator.predict(matrix), dtype=np.float64).reshape(-1, 1)
