"""What a model offers to explainers: where it is cut, its outputs, and what makes it cheap or exact to explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from interp_pipeline.explanation import FloatArray

__all__ = ["DenseFirstLayer", "ExplainableModel", "LinearTerms"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearTerms:
    """Outputs as ``encoded @ coefficients + intercept``."""

    coefficients: FloatArray  # shape (n_columns, n_outputs)
    intercept: FloatArray  # shape (n_outputs,)


class DenseFirstLayer(Protocol):
    """A network cut behind the sum of its dense first layer, before the activation.

    ``rest(encoded @ weights + bias)`` is ``forward(encoded)``, up to the network's own precision.
    """

    weights: FloatArray  # shape (n_columns, n_units)
    bias: FloatArray  # shape (n_units,)

    def rest(self, sums: FloatArray) -> FloatArray:
        """The outputs from the first layer's sums, shape (n_rows, n_units) to (n_rows, n_outputs)."""


class ExplainableModel(Protocol):
    """A loaded model, cut at the two places explainers need.

    Raw rows become a matrix with one column per raw feature; that becomes the estimator's
    input, in which every feature owns a group of columns that depend on it alone; that becomes
    the outputs. A feature can so be masked in the estimator's input without encoding again.

    A network may have one attribute more, ``first_layer: DenseFirstLayer``, which makes masking many
    columns cheaper. So may a tree ensemble: ``tree_sign: float``, -1 where the outputs are what the trees
    add up with the opposite sign, as the log-odds of the first of two classes are.
    """

    feature_names: tuple[str, ...]  # raw features, in the order of the signature
    output_names: tuple[str, ...]  # class names, or the target of a regression
    output_unit: str  # "probability", or the target's name
    positive_class: str | None  # of a binary classifier
    categories: Mapping[str, tuple[str, ...]]  # categorical features only: names by code
    column_groups: tuple[tuple[int, ...], ...]  # per feature: its columns in the estimator's input
    trees: Any | None  # fitted tree ensemble that reads the estimator's input and gives the outputs, or their opposite
    linear: LinearTerms | None  # the outputs as a linear function of the estimator's input

    def to_matrix(self, rows: pd.DataFrame) -> FloatArray:
        """Raw rows as numbers, shape (n_rows, n_features); categories as codes, missing as NaN."""

    def encode(self, matrix: FloatArray) -> FloatArray:
        """That matrix as the estimator's input, shape (n_rows, n_columns)."""

    def forward(self, encoded: FloatArray) -> FloatArray:
        """The estimator's outputs, shape (n_rows, n_outputs); probabilities for classifiers."""
