"""Real rows of every kind to adapt models on, and what has to hold for every adapted model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import interp_pipeline
from interp_pipeline.explainers.kernels.forest_predict import predict
from interp_pipeline.explainers.trees.reader import read_forest
from interp_pipeline.models.adapt import adapt_model

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.adapted import AdaptedModel

NUMBERS = ["duration_months", "credit_amount", "age_years"]
TEXTS = ["purpose", "housing", "job", "savings"]
EVERYTHING = [*NUMBERS, *TEXTS, "owns", "since", "note"]
CREDIT_CSV = Path(interp_pipeline.__file__).parent / "data" / "bundled" / "german_credit.csv"


def credit(n_rows: int = 400) -> tuple[pd.DataFrame, pd.Series[str]]:
    """The German credit data with gaps, truth values, dates and free text; good or bad."""
    table = pd.read_csv(CREDIT_CSV)[:n_rows]
    random = np.random.default_rng(0)
    table["age_years"] = table["age_years"].astype(float).mask(random.random(n_rows) < 0.1)
    table["purpose"] = table["purpose"].mask(random.random(n_rows) < 0.1)
    table["owns"] = table["housing"] == "own"
    table["since"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 90, n_rows), "D")
    table["note"] = [" ".join(random.choice(["late", "paid", "good", "owes", "new"], 4)) for _ in range(n_rows)]
    return table[EVERYTHING], table["target"]


def adapt(native: Any, table: pd.DataFrame, flavor: Any = "sklearn", **options: Any) -> AdaptedModel:
    """Adapt on the first rows of a table, with later ones as background."""
    return adapt_model(
        native, flavor=flavor, feature_names=list(table.columns), rows=table[:60], background=table[60:110], **options
    )


def assert_is_the_model(
    model: AdaptedModel, table: pd.DataFrame, expected: FloatArray, tolerance: float = 1e-9
) -> None:
    """The adapted model gives the library's numbers, and masking it is masking raw rows.

    Args:
        model: adapted with ``adapt``.
        table: the same table; its first 110 rows are looked at.
        expected: the library's own outputs for them, shape (110, n_outputs).
        tolerance: of the largest output.
    """
    rows = table[:110]
    scale = np.abs(expected).max()
    matrix = model.to_matrix(rows)
    encoded = model.encode(matrix)
    np.testing.assert_allclose(model.forward(encoded), expected, rtol=0, atol=tolerance * scale)
    np.testing.assert_allclose(model.reference(rows), expected, rtol=0, atol=tolerance * scale)
    assert matrix.shape == (110, len(model.feature_names))
    assert expected.shape[1] == len(model.output_names)
    columns = [column for group in model.column_groups for column in group]
    assert len(set(columns)) == len(columns)
    _assert_masking(model, matrix, encoded, tolerance * scale)
    assert "mask" not in " ".join(model.notes)  # they are read by people who know the table, not the method
    if model.trees is not None:
        forest = read_forest(model.trees)
        assert forest is not None
        outputs = model.tree_sign * predict(forest, forest.as_compared(encoded))
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=tolerance * scale)
    if model.linear is not None:
        linear = encoded @ model.linear.coefficients + model.linear.intercept
        np.testing.assert_allclose(linear, expected, rtol=0, atol=1e-9 * scale)


def _assert_masking(model: AdaptedModel, matrix: FloatArray, encoded: FloatArray, tolerance: float) -> None:
    """Mixing encoded rows equals encoding rows that were mixed raw, and asking the library about these."""
    random = np.random.default_rng(1)
    x, z = random.integers(110, size=(2, 120))
    taken = random.random((120, matrix.shape[1])) < 0.5
    mixed = model.table.to_frame(np.where(taken, matrix[x], matrix[z]))
    by_column = np.zeros((120, encoded.shape[1]), dtype=bool)
    for feature, group in enumerate(model.column_groups):
        by_column[:, list(group)] = taken[:, [feature]]
    masked = np.where(by_column, encoded[x], encoded[z])
    np.testing.assert_allclose(masked, model.encode(model.to_matrix(mixed)), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(model.forward(masked), model.reference(mixed), rtol=0, atol=tolerance)
