"""The data, the models and the settings every case draws from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.config import ExplainConfig
from interp_pipeline.explainers.registry import load_explainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from interp_pipeline.explainable import LinearTerms
    from interp_pipeline.explanation import Explanation, FloatArray


__all__ = ["N_FEATURES", "BenchModel", "Data", "Settings", "Task", "explain", "make_data"]

N_FEATURES = 30
_N_ROWS = 4_000  # to explain at most


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How much is measured."""

    quick: bool
    folder: Path  # where trained models are kept while the program runs
    tiny: bool = False  # as little as possible: whether the program works, not what it measures

    @property
    def training_rows(self) -> int:
        """Rows models are trained on."""
        return 500 if self.tiny else 6_000 if self.quick else 50_000

    @property
    def n_trees(self) -> int:
        """Trees of every ensemble."""
        return 5 if self.tiny else 100

    @property
    def budget_s(self) -> float:
        """Seconds a turn should take."""
        return 0.01 if self.tiny else 0.25 if self.quick else 2.0

    @property
    def repeats(self) -> int:
        """Rounds of turns."""
        return 2 if self.tiny else 3 if self.quick else 5

    @property
    def peer_limit_s(self) -> float:
        """Longest a peer may take end to end."""
        return 20.0 if self.quick else 600.0


@dataclass(frozen=True, kw_only=True)
class Data:
    """A table to train on, rows to explain and background rows, all numbers."""

    train: FloatArray  # shape (n_training_rows, n_features)
    classes: FloatArray  # 0 and 1, shape (n_training_rows,)
    target: FloatArray  # of a regression
    rows: FloatArray
    background: FloatArray  # 100 of the training rows


Task = str  # "classes" or "target"


def make_data(n_training: int, n_features: int = N_FEATURES) -> Data:
    """A nonlinear task with noise, the same for every run."""
    from sklearn.datasets import make_classification

    features, classes = make_classification(
        n_training + _N_ROWS,
        n_features,
        n_informative=max(2, n_features // 2),
        n_redundant=n_features // 6,
        n_clusters_per_class=4,
        flip_y=0.05,
        class_sep=0.7,
        random_state=42,
    )
    random = np.random.default_rng(42)
    target = np.sin(features[:, 0]) * features[:, 1] + np.abs(features[:, 2]) + random.normal(0, 0.5, len(features))
    return Data(
        train=features[:n_training],
        classes=classes[:n_training].astype(np.float64),
        target=target[:n_training],
        rows=features[n_training:],
        background=features[:100],
    )


@dataclass(kw_only=True)
class BenchModel:
    """A fitted model over numeric columns, as explainers ask for it."""

    forward: Callable[[FloatArray], FloatArray]  # shape (n_rows, n_columns) to (n_rows, n_outputs)
    output_names: tuple[str, ...]
    n_features: int
    trees: Any | None = None
    output_unit: str = "probability"
    linear: LinearTerms | None = None
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name the columns; every feature is one of its own."""
        self.feature_names: tuple[str, ...] = tuple(f"f{i}" for i in range(self.n_features))
        self.column_groups: tuple[tuple[int, ...], ...] = tuple((i,) for i in range(self.n_features))
        self.positive_class: str | None = self.output_names[1] if len(self.output_names) > 1 else None

    def to_matrix(self, rows: pd.DataFrame) -> FloatArray:
        """The columns are numbers already."""
        return rows.to_numpy(dtype=np.float64)

    def encode(self, matrix: FloatArray) -> FloatArray:
        """Nothing to encode."""
        return matrix

    @classmethod
    def of_trees(cls, estimator: Any, score: Callable[[FloatArray], FloatArray], n_features: int) -> BenchModel:
        """A tree ensemble; ``score`` gives probabilities (n, 2), raw margins or predictions (n,)."""
        n_outputs = np.asarray(score(np.zeros((1, n_features)))).reshape(1, -1).shape[1]
        names = ("no", "yes") if n_outputs > 1 else ("target",)
        forward = partial(_as_columns, score)
        return cls(forward=forward, output_names=names, n_features=n_features, trees=estimator)


def _as_columns(score: Callable[[FloatArray], FloatArray], rows: FloatArray) -> FloatArray:
    return np.asarray(score(rows), dtype=np.float64).reshape(len(rows), -1)


def explain(name: str, model: BenchModel, rows: FloatArray, background: FloatArray, **options: Any) -> Explanation:
    """Explain with one of this library's explainers, as the pipeline does."""
    names = list(model.feature_names)
    table, unknown = pd.DataFrame(rows, columns=names), pd.DataFrame(background, columns=names)
    return load_explainer(name).explain(model, table, unknown, ExplainConfig(**options), lambda _rows: None)
