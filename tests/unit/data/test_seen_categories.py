from __future__ import annotations

from dataclasses import replace

import pandas as pd

from interp_pipeline.data.schema import Feature, Schema
from interp_pipeline.data.seen_categories import with_seen_categories

SCHEMA = Schema(
    features=(
        Feature(name="age", kind="numeric"),
        Feature(name="purpose", kind="category", categories=("boat", "car", "tv", "yacht"), note="a note"),
    ),
    target="paid",
    task="regression",
)


def seen(values: list[str | None], categories: tuple[str, ...] = ("boat", "car", "tv", "yacht")) -> Feature:
    schema = replace(SCHEMA, features=(SCHEMA.features[0], replace(SCHEMA.features[1], categories=categories)))
    return with_seen_categories(schema, pd.DataFrame({"age": 1.0, "purpose": values, "paid": 1.0})).features[1]


def test_where_training_has_them_all_nothing_changes() -> None:
    assert seen(["car", "boat", "yacht", None, "tv"]) == SCHEMA.features[1]


def test_what_only_test_rows_have_is_unknown_to_the_model() -> None:
    """Its code would lie between two others, and a forest would score it as one of them."""
    found = seen(["boat", "tv", None])
    assert found.categories == ("boat", "tv")
    assert found.note == "a note; 'car', 'yacht' occur in no training row, so the model knows nothing about them"
    assert seen(["boat", "car", "tv"]).note.endswith(
        "'yacht' occurs in no training row, so the model knows nothing about it"
    )
    many = seen(["v0"], tuple(f"v{i}" for i in range(6)))
    assert many.note.endswith(
        "'v1', 'v2', 'v3', 2 more occur in no training row, so the model knows nothing about them"
    )


def test_rare_values_that_training_does_not_have_are_unknown_too() -> None:
    found = seen(["boat", "car"], ("boat", "car", "(other)"))
    assert found.categories == ("boat", "car")
    assert found.note.endswith("the rarer values occur in no training row, so the model knows nothing about them")
    assert seen(["boat", "car", "else"], ("boat", "car", "(other)")).categories == ("boat", "car", "(other)")


def test_a_column_without_any_value_is_not_used() -> None:
    found = seen([None, None])
    assert (found.kind, found.categories, found.note) == ("unused", (), "a note; no training row has a value; not used")
