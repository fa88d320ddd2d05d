"""The model that explainers are given: a raw table, a cut, an estimator, and the library's own answer beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from interp_pipeline.explainable import LinearTerms
    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.outputs import Outputs
    from interp_pipeline.models.raw_table import RawTable

__all__ = ["AdaptedModel", "Cut", "FirstLayer"]

_ROWS_PER_CALL = 65_536  # bounds memory; large enough that the cost of a call does not show


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstLayer:
    """A ``DenseFirstLayer`` (see ``explainable``)."""

    weights: FloatArray  # shape (n_columns, n_units)
    bias: FloatArray  # shape (n_units,)
    rest: Callable[[FloatArray], FloatArray]  # the layer's sums, (n_rows, n_units), to (n_rows, n_outputs)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """How a model is taken apart: what comes before the estimator's input, and the estimator itself."""

    outputs: Outputs
    encode: Callable[[FloatArray], FloatArray]  # raw matrix to (n_rows, n_columns)
    forward: Callable[[FloatArray], FloatArray]  # that to (n_rows, n_outputs)
    ask: Callable[[pd.DataFrame], FloatArray]  # raw rows to (n_rows, n_outputs), by the library's own door
    column_groups: tuple[tuple[int, ...], ...]  # per feature
    trees: Any | None = None
    linear: LinearTerms | None = None
    first_layer: FirstLayer | None = None  # of the estimator, a network
    note: str  # how the model was taken apart, a sentence for the manifest
    of_answer: Callable[[Any], Any] = lambda answer: answer  # the explained output's part of a served answer


@dataclass(kw_only=True, eq=False)
class AdaptedModel:
    """An ``ExplainableModel`` (see the explainers' protocol) around an estimator of another library.

    Attributes:
        table: how raw rows become numbers.
        cut: the parts.
    """

    table: RawTable
    cut: Cut

    def __post_init__(self) -> None:
        """Take over the names explainers ask for."""
        self.feature_names: tuple[str, ...] = self.table.feature_names
        self.output_names: tuple[str, ...] = self.cut.outputs.names
        self.output_unit: str = self.cut.outputs.unit
        self.positive_class: str | None = self.cut.outputs.positive_class
        self.categories: Mapping[str, tuple[str, ...]] = self.table.categories
        self.column_groups: tuple[tuple[int, ...], ...] = self.cut.column_groups
        self.trees: Any | None = self.cut.trees
        self.tree_sign: float = self.cut.outputs.sign
        self.linear: LinearTerms | None = self.cut.linear
        self.first_layer: FirstLayer | None = self.cut.first_layer
        self.notes: tuple[str, ...] = tuple(note for note in (self.cut.note, self.cut.outputs.note) if note)

    def to_matrix(self, rows: pd.DataFrame) -> FloatArray:
        """Raw rows as numbers, shape (n_rows, n_features); categories as codes, missing as NaN.

        Raises:
            DataError: a value is not in the codebook, or a column is missing.
        """
        return self.table.to_matrix(rows)

    def encode(self, matrix: FloatArray) -> FloatArray:
        """That matrix as the estimator's input, shape (n_rows, n_columns)."""
        return self.cut.encode(np.asarray(matrix, dtype=np.float64))

    def forward(self, encoded: FloatArray) -> FloatArray:
        """The estimator's outputs, shape (n_rows, n_outputs)."""
        starts = range(0, max(len(encoded), 1), _ROWS_PER_CALL)
        parts = [self.cut.forward(encoded[start : start + _ROWS_PER_CALL]) for start in starts]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def reference(self, rows: pd.DataFrame) -> FloatArray:
        """The same outputs by the library's own door, from the raw rows and through nothing of ours.

        Args:
            rows: raw rows with the model's columns, shape (n_rows, n_features).

        Returns:
            Shape (n_rows, n_outputs).
        """
        return self.cut.ask(rows[list(self.feature_names)])
