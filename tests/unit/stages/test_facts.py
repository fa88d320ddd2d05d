"""What is known of a version that was not trained here: what its explanation says, and no more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.data.schema import Feature, Schema
from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.stages.facts import facts_of_manifest, facts_of_model, facts_of_training
from interp_pipeline.tracking.runs.training_run import TrainingRecord


def _explained(names: tuple[str, ...], unit: str, positive: str | None = None) -> Explanation:
    outputs = np.zeros((1, len(names)))
    return Explanation(
        values=np.zeros((1, 1, len(names))),
        base_values=outputs,
        predictions=outputs,
        data=pd.DataFrame({"x": [0.0]}),
        output_names=names,
        output_unit=unit,
        positive_class=positive,
        method="shap_exact",
        seed=0,
        cost=Cost(seconds=0.0, model_evaluations=0),
    )


@pytest.mark.parametrize(
    ("explained", "target", "task", "named"),
    [
        (_explained(("no", "yes"), "probability", "yes"), None, "binary", None),
        (_explained(("yes",), "log-odds", "yes"), "paid", "binary", "paid"),
        (_explained(("a", "b", "c"), "probability"), None, "multiclass", None),
        (_explained(("a", "b", "c"), "decision function"), None, "multiclass", None),
        (_explained(("a", "b", "c"), "share of votes"), None, "multiclass", None),
        (_explained(("income",), "income"), None, "regression", "income"),
        (_explained(("prediction",), "prediction"), "income", "regression", "income"),
        (_explained(("y", "z"), "prediction"), None, "regression", None),
    ],
)
def test_the_task_is_seen_in_the_outputs(explained: Explanation, target: Any, task: str, named: Any) -> None:
    facts = facts_of_model("sklearn", "SVC", explained, target)
    assert (facts.task, facts.target) == (task, named)
    assert (facts.metrics, facts.pictures, facts.data_source, facts.n_train) == ({}, {}, "", None)


def test_the_manifest_keeps_what_a_comparison_needs() -> None:
    model = {"kind": "sklearn", "words": "SVC", "task": "binary", "target": None}
    facts = facts_of_manifest({"model": model})
    assert (facts.kind, facts.words, facts.task, facts.target) == ("sklearn", "SVC", "binary", None)


def test_training_tells_where_values_were_missing() -> None:
    features = (
        Feature(name="grade", kind="category", categories=("a", "b"), n_missing=1610),
        Feature(name="id", kind="unused", n_missing=3, note="an identifier; not used"),
        Feature(name="age", kind="numeric", n_missing=2),
    )
    schema = Schema(features=features, target="paid", task="binary", classes=("no", "yes"), positive_class="yes")
    rows = pd.DataFrame()
    record = TrainingRecord(
        schema=schema, background=rows, rows=rows, params={"kind": "keras"}, metrics={}, pictures={}
    )
    assert facts_of_training(record).notes == (
        "id: an identifier; not used",
        "Missing values: 'grade' 1,610, 'age' 2.",
    )
