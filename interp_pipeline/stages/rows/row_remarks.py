"""What is unusual about rows a caller gave, compared with those the model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.data.typed_rows import TypedRows
from interp_pipeline.readable import count

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.data.schema import Schema

__all__ = ["rows_remarks"]


def rows_remarks(rows: pd.DataFrame, schema: Schema, source: str) -> tuple[str, ...]:
    """Say where given rows come from, and what in them the model cannot know.

    Args:
        rows: raw features, shape (n_rows, n_features).
        schema: how the model reads them.
        source: where they came from, in words.

    Returns:
        Sentences: the rows are not the test rows; columns that are missing throughout though they were
        not in training. What is said of unknown categories, in logged rows too, is in ``unseen_categories``.
    """
    typed = TypedRows(schema.to_dict()["features"])
    matrix = typed.to_matrix(rows)
    remarks = [f"Explained here: {count(len(rows), 'row')} of {source}, not the model's test rows."]
    for position, feature in enumerate(schema.features):
        if feature.kind == "unused":
            continue
        values = matrix[:, position]
        if np.isnan(values).all():
            remarks.append(f"{feature.name!r} is missing in all of these rows.")
    return tuple(remarks)
