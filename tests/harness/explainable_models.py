"""Small models to explain, real ones, and Shapley values computed the slow and obvious way."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.explainers.registry import load_explainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explanation import Explanation, FloatArray


@dataclass(kw_only=True)
class SmallModel:
    """An explainable model over numeric columns ``f0, f1, …``; codes where a column is categorical.

    ``one_hot`` columns become one indicator per category in the estimator's input, and missing
    ones a further indicator, so that their feature owns several columns.
    """

    function: Callable[[FloatArray], FloatArray]  # estimator's input to outputs
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    unused: tuple[int, ...] = ()  # features without columns in the estimator's input
    one_hot: Mapping[int, int] = field(default_factory=dict)  # feature: number of categories
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trees: Any = None
    linear: Any = None

    def __post_init__(self) -> None:
        self.positive_class = self.output_names[1] if len(self.output_names) == 2 else None
        self.output_unit = "probability" if len(self.output_names) > 1 else self.output_names[0]
        groups, width = [], 0
        for feature in range(len(self.feature_names)):
            size = 0 if feature in self.unused else self.one_hot.get(feature, 0) + 1
            groups.append(tuple(range(width, width + size)))
            width += size
        self.column_groups = tuple(groups)

    def to_matrix(self, rows: pd.DataFrame) -> FloatArray:
        return rows[list(self.feature_names)].to_numpy(dtype=np.float64)

    def encode(self, matrix: FloatArray) -> FloatArray:
        parts = []
        for feature, column in enumerate(matrix.T):
            if feature in self.unused:
                continue
            if feature in self.one_hot:
                parts += [column == code for code in range(self.one_hot[feature])] + [np.isnan(column)]
            else:
                parts.append(column)
        return np.column_stack(parts).astype(np.float64) if parts else np.zeros((len(matrix), 0))

    def forward(self, encoded: FloatArray) -> FloatArray:
        return self.function(encoded)


def small_model(
    function: Callable[[FloatArray], FloatArray], n_features: int, n_outputs: int = 1, **options: Any
) -> SmallModel:
    """A model over ``n_features`` numeric columns."""
    outputs = ("target",) if n_outputs == 1 else tuple(f"class {k}" for k in range(n_outputs))
    return SmallModel(
        function=function, feature_names=tuple(f"f{i}" for i in range(n_features)), output_names=outputs, **options
    )


def tree_model(estimator: Any, n_features: int, **options: Any) -> SmallModel:
    """A fitted scikit-learn tree or forest as a model."""
    if hasattr(estimator, "classes_"):
        return small_model(estimator.predict_proba, n_features, len(estimator.classes_), trees=estimator, **options)
    return small_model(lambda x: estimator.predict(x).reshape(-1, 1), n_features, trees=estimator, **options)


def mlp(n_inputs: int, n_outputs: int, seed: int, scale: float = 1.0) -> Callable[[FloatArray], FloatArray]:
    """A random network with one hidden layer; softmax over several outputs, linear for one."""
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(n_inputs, 16)) * scale, random.normal(size=(16, n_outputs))

    def forward(encoded: FloatArray) -> FloatArray:
        logits = np.tanh(encoded @ first) @ second
        if n_outputs == 1:
            return logits
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    return forward


def row_by_row(n_inputs: int) -> Callable[[FloatArray], FloatArray]:
    """Two outputs whose bits do not depend on which rows are asked for together, as a matrix product's may."""

    def forward(encoded: FloatArray) -> FloatArray:
        first, second = np.ones(len(encoded)), np.zeros(len(encoded))
        for column in range(n_inputs):
            first *= 1.0 + 0.3 * np.sin(encoded[:, column] + column)
            second = np.maximum(second * 0.7, encoded[:, column] ** 2)
        return np.column_stack([first, second])

    return forward


def table(values: FloatArray, first_id: int = 0) -> pd.DataFrame:
    """Rows as a user has them; the index holds row ids."""
    names = [f"f{i}" for i in range(values.shape[1])]
    return pd.DataFrame(values, columns=names, index=range(first_id, first_id + len(values)))


def random_rows(n_rows: int, n_features: int, seed: int) -> FloatArray:
    """Numbers without structure."""
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


def explain(
    name: str, model: ExplainableModel, rows: pd.DataFrame, background: pd.DataFrame, config: ExplainConfig
) -> Explanation:
    """Run one explainer and see that it reports every row once as finished."""
    finished: list[int] = []
    explanation = load_explainer(name).explain(model, rows, background, config, finished.append)
    assert sum(finished) == len(rows)
    return explanation


def brute_force_shap(model: SmallModel, rows: pd.DataFrame, background: pd.DataFrame) -> FloatArray:
    """Shapley's formula, subset by subset, masking raw features before they are encoded.

    Returns:
        Shape (n_rows, n_features, n_outputs).
    """
    matrix, fill = model.to_matrix(rows), model.to_matrix(background)
    n_features = matrix.shape[1]

    def worth(row: FloatArray, present: tuple[int, ...]) -> FloatArray:
        mixed = fill.copy()
        mixed[:, list(present)] = row[list(present)]
        return model.forward(model.encode(mixed)).mean(axis=0)

    values = np.zeros((len(matrix), n_features, len(model.output_names)))
    for i, row in enumerate(matrix):
        for feature in range(n_features):
            others = [j for j in range(n_features) if j != feature]
            for size in range(n_features):
                share = 1 / (n_features * math.comb(n_features - 1, size))
                for subset in itertools.combinations(others, size):
                    values[i, feature] += share * (worth(row, (*subset, feature)) - worth(row, subset))
    return values
