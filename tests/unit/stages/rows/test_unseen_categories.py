from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline import plots
from interp_pipeline.data.schema import Feature, Schema
from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.report.decisions import compute_decision
from interp_pipeline.report.drivers import compute_drivers
from interp_pipeline.stages.rows.unseen_categories import mark_unseen, unseen_remarks
from interp_pipeline.tables import to_local_table
from interp_pipeline.tracking.runs.training_run import TrainingRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = Schema(
    features=(
        Feature(name="age", kind="numeric"),
        Feature(name="purpose", kind="category", categories=("house", "used car")),
        Feature(name="town", kind="category", categories=("Bonn", "(other)")),
    ),
    target="paid",
    task="binary",
    classes=("no", "yes"),
    positive_class="yes",
)
ROWS = pd.DataFrame(
    {
        "age": [31.0, 40.0, 50.0, 60.0],
        "purpose": ["yacht", "house", None, "yacht"],
        "town": ["Bonn", "Bonn", "Kyritz", "Bonn"],
    },
    index=[7, 8, 9, 11],
)


def record(kind: str, schema: Schema = SCHEMA, **params: str) -> TrainingRecord:
    return TrainingRecord(
        schema=schema, background=ROWS, rows=ROWS, params={"kind": kind, **params}, metrics={}, pictures={}
    )


def explanation(*, lime: bool = False) -> Explanation:
    values = np.tile(np.array([0.1, 0.3, -0.2])[:, None] * np.array([-1.0, 1.0]), (len(ROWS), 1, 1))
    base = np.full((len(ROWS), 2), 0.5)
    return Explanation(
        values=values,
        base_values=base,
        predictions=base + values.sum(axis=1),
        data=ROWS,
        output_names=("no", "yes"),
        output_unit="probability",
        positive_class="yes",
        method="lime" if lime else "shap_tree",
        seed=0,
        cost=Cost(seconds=0.0, model_evaluations=0),
        local_r2=np.ones((len(ROWS), 2)) if lime else None,
    )


def texts(figure: Figure) -> str:
    from matplotlib.text import Text

    return " ".join(" ".join(found.get_text().split()) for found in figure.findobj(Text))


def test_every_place_that_shows_such_a_value_says_what_it_is_to_the_model() -> None:
    shap, lime = (mark_unseen(explanation(lime=each), SCHEMA) for each in (False, True))
    assert to_local_table(7, shap, lime)["value"].tolist() == ["yacht (not seen in training)", "Bonn", "31"]
    assert to_local_table(9, shap, lime)["value"].tolist() == ["missing", "Kyritz (read as “(other)”)", "50"]
    assert "yacht (not seen in training)" in texts(plots.waterfall(shap, 7))
    assert "yacht (not seen in training)" in texts(plots.lime(lime, 11))
    assert "yacht (not seen in training)" in texts(plots.dependence(shap, "purpose"))
    assert [push.value for push in compute_decision(shap, lime, 7).up] == ["“yacht (not seen in training)”", "31"]
    labels = {group.label for group in compute_drivers(five_times(shap), 1)[0].groups}
    assert labels == {"yacht (not seen in training)", "house"}


def five_times(shap: Explanation) -> Explanation:
    data = pd.concat([ROWS] * 5, ignore_index=True)
    base = np.tile(shap.base_values, (5, 1))
    effects = np.tile(shap.values, (5, 1, 1)) * np.where(data["purpose"] == "yacht", 1.0, 2.0)[:, None, None]
    return replace(shap, values=effects, base_values=base, predictions=base + effects.sum(axis=1), data=data)


def test_known_values_are_shown_as_they_are() -> None:
    plain = explanation()
    pd.testing.assert_frame_equal(plain.shown_data, ROWS)
    known = replace(plain, data=ROWS.assign(purpose="house", town="Bonn"))
    assert mark_unseen(known, SCHEMA).unseen == {}
    assert unseen_remarks(known.data, record("keras")) == ()


OTHER = (
    "“town” holds “Kyritz” in 1 of the 4 explained rows, which the model reads as “(other)”, like every rare value: "
    "the effect shown is that of all of these."
)
YACHT = "“purpose” holds “yacht” in 2 of the 4 explained rows, which training never saw: "


@pytest.mark.parametrize(
    ("kind", "params", "told"),
    [
        (
            "keras",
            {},
            "to the network it is none of its values, so the effect shown is that of knowing none.",
        ),
        (
            "random_forest",
            {},
            "the forest scores it exactly like “used car”, so the effect shown is that of “used car”. Train it again.",
        ),
        (
            "random_forest",
            {"unseen_category": "missing"},
            (
                "the forest takes it like none: each split follows most training rows, so the effect shown says "
                "nothing about the value itself."
            ),
        ),
    ],
)
def test_a_sentence_says_how_the_model_takes_such_values(kind: str, params: dict[str, str], told: str) -> None:
    assert unseen_remarks(ROWS, record(kind, **params)) == (YACHT + told, OTHER)


def test_where_training_rows_had_gaps_the_forest_takes_them_as_missing() -> None:
    features = tuple(replace(feature, n_missing=3) for feature in SCHEMA.features)
    told = unseen_remarks(ROWS, record("random_forest", replace(SCHEMA, features=features), unseen_category="missing"))
    assert told[0].startswith(f"{YACHT}the forest takes it like a missing value, so")


def test_names_are_those_that_models_read() -> None:
    """2.0 in the rows is the category "2", and true is "True"."""
    schema = replace(SCHEMA, features=(Feature(name="level", kind="category", categories=("1", "2", "True")),))
    cells: list[Any] = [2.0, 1.0, True, 3.0, ""]
    rows = pd.DataFrame({"level": pd.Series(cells, dtype=object)})
    assert unseen_remarks(rows, record("keras", schema))[0].startswith("“level” holds “3.0” in 1 of the 5")
