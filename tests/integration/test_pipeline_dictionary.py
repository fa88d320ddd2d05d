"""A data dictionary in everything that people read, and nowhere in the tables: by option, by tag, in a comparison."""

from __future__ import annotations

import dataclasses
import html
from typing import TYPE_CHECKING

import pytest
from harness.pipeline import EXPLAIN, Pipeline, train_config

import interp_pipeline
from interp_pipeline.config import CompareConfig
from interp_pipeline.errors import DataError
from interp_pipeline.progress import SilentProgress
from interp_pipeline.steps.compare import compare
from interp_pipeline.tracking.server.session import connect

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("pipeline")

_SHAP = dataclasses.replace(EXPLAIN, rows=4, instances=1, methods=("shap",))
_NAMES = """
[bmi]
label = "Body mass"
unit = "kg/m²"

[clinic]
values = { North = "the northern one" }
"""


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "names.toml"
    path.write_text(_NAMES, encoding="utf-8")
    return path


def test_people_read_labels_and_tables_keep_names(pipeline: Pipeline, names: Path) -> None:
    config = train_config("regression", "random_forest")
    uri = pipeline.train(str(pipeline.csv("regression")), "labelled", config).uri
    plain = pipeline.explain(uri, _SHAP)
    given = pipeline.explain(uri, _SHAP, dictionary=str(names))
    assert plain.manifest is not None
    assert given.manifest is not None
    assert given.manifest["key"] != plain.manifest["key"]
    assert (plain.manifest["data_dictionary"], given.manifest["data_dictionary"]) == (None, str(names))
    tables = [path for path in plain.manifest["files"] if path.endswith((".parquet", ".json"))]
    assert tables
    for path in tables:
        assert given.manifest["files"][path] == plain.manifest["files"][path]
    for picture in ("plots/importance.png", "plots/beeswarm.png"):
        assert given.manifest["files"][picture] != plain.manifest["files"][picture]
    folder = pipeline.artifacts(given.version.run_id) / "explanations" / given.version.model_name
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "Body mass (kg/m²)" in report
    assert "Body mass (kg/m²)" in pipeline.client.get_run(given.version.run_id).data.tags["mlflow.note.content"]

    pipeline.client.set_model_version_tag("labelled", "1", "interp.dictionary", str(names))
    tagged = pipeline.explain(uri, _SHAP)
    assert tagged.manifest is not None
    assert tagged.manifest["files"]["report.html"] == given.manifest["files"]["report.html"]

    explanation = interp_pipeline.relabel(given.shap, str(names)) if given.shap else None
    assert explanation is not None
    assert "Body mass (kg/m²)" in explanation.feature_names

    names.write_text('[bmii]\nlabel = "Body mass"\n', encoding="utf-8")
    remark = f"The data dictionary {names} describes 'bmii' (did you mean 'bmi'?), which is no column of {uri}."
    told = pipeline.explain(uri, _SHAP, dictionary=str(names))
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert remark in html.unescape(report)
    assert told.manifest is not None

    names.write_text('[clinic]\nvalues = { North = "South" }\n', encoding="utf-8")
    with pytest.raises(DataError, match="calls values 'North' and 'South' of column 'clinic' 'South': give them names"):
        pipeline.explain(uri, _SHAP, dictionary=str(names))

    names.write_text("[bmi]\nlabel = 3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"the data dictionary that the tag interp\.dictionary of the version names"):
        pipeline.explain(uri, _SHAP)


def test_a_comparison_is_told_in_labels(pipeline: Pipeline, names: Path) -> None:
    uris = [
        pipeline.train(
            str(pipeline.csv("regression")), "told", train_config("regression", "random_forest", n_estimators=n)
        ).uri
        for n in (4, 8)
    ]
    compared = compare(
        uris, CompareConfig(rows=4), explain_config=_SHAP, dictionary=str(names), session=connect(pipeline.uri)
    )
    assert compared.run_id is not None
    assert "bmi" in set(compared.comparison.features["feature"])
    folder = pipeline.artifacts(compared.run_id) / "comparison"
    assert "Body mass (kg/m²)" in (folder / "report.html").read_text(encoding="utf-8")
    assert "Body mass" not in (folder / "features.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("anew", [False, True])
def test_a_comparison_refuses_one_name_for_two_values_and_tells_of_unknown_columns(
    pipeline: Pipeline, names: Path, *, anew: bool
) -> None:
    uris = [
        pipeline.train(
            str(pipeline.csv("regression")), f"one{anew}", train_config("regression", "random_forest", n_estimators=n)
        ).uri
        for n in (4, 8)
    ]
    value = "South"
    for uri in () if anew else uris:
        published = pipeline.explain(uri, _SHAP).shap
        assert published is not None
        value = published.data["clinic"].dropna().iloc[0]
    said = Said()
    options = {"explain_config": _SHAP, "publishing": False, "session": connect(pipeline.uri), "progress": said}
    names.write_text(f'[clinic]\nvalues = {{ East = "{value}" }}\n', encoding="utf-8")
    with pytest.raises(DataError, match=f"calls values 'East' and '{value}' of column 'clinic' '{value}': give them"):
        compare(uris, CompareConfig(rows=4), dictionary=str(names), **options)
    names.write_text("[bmii]\n", encoding="utf-8")
    compare(uris, CompareConfig(rows=4), dictionary=str(names), **options)
    what = "column" if anew else "feature"
    assert any(
        f"describes 'bmii' (did you mean 'bmi'?), which is no {what} of {uris[0]}." in line for line in said.lines
    )


class Said(SilentProgress):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)
