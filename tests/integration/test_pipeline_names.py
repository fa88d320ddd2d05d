"""Names nobody should choose, and somebody will: they reach every table as they are, and break nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from harness.pipeline import EXPLAIN, Case, Pipeline
from mlflow.utils.validation import _validate_metric_name

from interp_pipeline.config import CompareConfig, TrainConfig
from interp_pipeline.steps.compare import compare
from interp_pipeline.tracking.server.session import connect

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.xdist_group("pipeline")

_LONG = "share of the household income that goes into rent, heating and insurance, averaged over " * 3
HOSTILE = (
    "<script>alert(1)</script>",
    "$a_{b}$ of 100 %",
    "line\nbreak",
    "../../up",
    "/root",
    _LONG,
    _LONG + "2",
    "output",
    "row_id",
    "shap/output",
    "größe 身長 🙂",
    "a;b`c'd\"e,f|g",
    "{{ jinja }}",
)
CLASSES = ('<b onclick="x()">no</b>', "$yes/../%s")


@pytest.fixture(scope="module")
def case(pipeline: Pipeline) -> Case:
    """A forest whose features and classes have such names."""
    random = np.random.default_rng(3)
    values = random.normal(size=(90, len(HOSTILE)))
    table = pd.DataFrame(values, columns=list(HOSTILE))
    table["<script>alert(1)</script>"] = random.choice(["<img src=x>", "$x$", "plain\ntext", "../.."], 90)
    table["the target, €"] = np.array(CLASSES)[(values[:, 1] + values[:, 5] > 0).astype(int)]
    path = pipeline.folder / "hostile names & more.csv"
    table.to_csv(path, index=False)
    config = TrainConfig(target="the target, €", n_estimators=5, positive_class=CLASSES[1])
    trained = pipeline.train(str(path), "Ünsafe <name> & $co", config)
    explained = pipeline.explain(trained.uri, EXPLAIN)
    return Case(
        task="binary",
        kind="random_forest",
        trained=trained,
        explained=explained,
        artifacts=pipeline.artifacts(trained.run_id),
    )


def test_tables_hold_the_true_names(case: Case) -> None:
    assert set(case.table("global_importance.json")["feature"]) == set(HOSTILE)
    for path in (case.published / "local").iterdir():
        assert set(case.table(f"local/{path.name}")["feature"]) == set(HOSTILE)
    shap = case.parquet("shap_values.parquet")
    assert list(shap.columns[4:]) == [f"shap/{name}" for name in HOSTILE]
    assert set(shap["output"]) == set(CLASSES)
    rows = case.parquet("explained_rows.parquet")
    assert tuple(rows.columns) == HOSTILE
    assert rows.index.name == "row_id"
    assert set(rows["<script>alert(1)</script>"]) <= {"<img src=x>", "$x$", "plain\ntext", "../.."}
    manifest = json.loads((case.published / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["model"]["output_names"]) == set(CLASSES)
    assert manifest["model"]["positive_class"] == CLASSES[1]


def test_files_have_no_such_names(case: Case) -> None:
    places = [str(path.relative_to(case.artifacts)) for path in case.artifacts.rglob("*")]
    assert _without(places, "<", "$", "\n", "..", "größe")
    assert {path.split("/")[0] for path in places} == {"explanations", "images", "training"}


def _without(texts: Iterable[str], *marks: str) -> bool:
    return not [text for text in texts if any(mark in text for mark in marks)]


def test_metrics_are_one_per_feature(case: Case, pipeline: Pipeline) -> None:
    metrics = pipeline.client.get_run(case.trained.run_id).data.metrics
    names = [name for name in metrics if name.startswith("shap_mean_abs/")]
    assert len(names) == len(HOSTILE)
    for name in names:
        _validate_metric_name(name)
    assert metrics["shap_mean_abs/output"] > 0


def test_the_report_shows_them_and_runs_none_of_them(case: Case) -> None:
    page = (case.published / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert "<b onclick" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_descriptions_do_not_let_them_out(case: Case, pipeline: Pipeline) -> None:
    text = pipeline.client.get_run(case.trained.run_id).data.tags["mlflow.note.content"]
    assert "<script>" not in text
    assert "<b onclick" not in text


def test_they_come_back_and_compare(case: Case, pipeline: Pipeline) -> None:
    import mlflow

    import interp_pipeline

    mlflow.set_tracking_uri(pipeline.uri)
    loaded = interp_pipeline.load(case.trained.uri)
    assert loaded.feature_names == HOSTILE
    assert set(loaded.output_names) == set(CLASSES)
    config = TrainConfig(target="the target, €", n_estimators=4, positive_class=CLASSES[1])
    other = pipeline.train(str(pipeline.folder / "hostile names & more.csv"), "Ünsafe <name> & $co", config)
    compared = compare(
        [case.trained.uri, other.uri],
        CompareConfig(rows=6, bootstrap_samples=100),
        explain_config=EXPLAIN,
        session=connect(pipeline.uri),
    )
    assert compared.run_id is not None
    root = pipeline.artifacts(compared.run_id) / "comparison"
    features = json.loads((root / "features.json").read_text(encoding="utf-8"))
    assert {row[0] for row in features["data"]} == set(HOSTILE)
    assert "<script>alert" not in (root / "report.html").read_text(encoding="utf-8")
