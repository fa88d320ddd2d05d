from __future__ import annotations

import pandas as pd

from interp_pipeline.data.schema import Feature, Schema
from interp_pipeline.stages.rows.row_remarks import rows_remarks

SCHEMA = Schema(
    features=(
        Feature(name="age", kind="numeric"),
        Feature(name="purpose", kind="category", categories=("car", "house")),
        Feature(name="id", kind="unused"),
    ),
    target="paid",
    task="binary",
    classes=("no", "yes"),
    positive_class="yes",
)


def test_rows_like_those_of_training_are_named_by_their_source_alone() -> None:
    rows = pd.DataFrame({"age": [31.0, None], "purpose": ["car", None], "id": ["a", "b"]})
    assert rows_remarks(rows, SCHEMA, "new.csv") == ("Explained here: 2 rows of new.csv, not the model's test rows.",)


def test_columns_without_values_are_told() -> None:
    rows = pd.DataFrame({"age": [None, None, None], "purpose": ["boat", "car", "yacht"], "id": ["a", "b", "c"]})
    assert rows_remarks(rows, SCHEMA, "new.csv")[1:] == ("'age' is missing in all of these rows.",)
