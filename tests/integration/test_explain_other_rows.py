"""An explanation of other rows than a version's own is kept apart; the published one stays as it is."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.command_line import interp, script
from harness.pipeline import EXPLAIN, FOLDER, Pipeline, train_config
from harness.sessions import session_of
from harness.zoo import REQUIRED, measurements

import interp_pipeline
from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("pipeline")

_APART = "explanations_of_other_rows/model"
_QUICK = dataclasses.replace(EXPLAIN, rows=5, instances=1, methods=("shap",))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Version:
    """A version with a published explanation of its own rows."""

    pipeline: Pipeline
    uri: str
    run_id: str
    folder: Path  # of its run's artifacts

    def told(self) -> dict[str, Any]:
        """Everything a reader of the registry finds: all files but those kept apart, metrics, tags, description."""
        client, (name, number) = self.pipeline.client, self.uri.removeprefix("models:/").split("/")
        run, found = client.get_run(self.run_id), client.get_model_version(name, number)
        files = {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        return {
            "files": {path: content for path, content in files.items() if _APART not in path},
            "run": (run.data.metrics, run.data.tags),
            "version": (found.tags, found.description, found.last_updated_timestamp),
        }

    def apart(self) -> list[str]:
        return sorted(path.name for path in (self.folder / _APART).glob("*"))

    def row_ids(self) -> list[int]:
        return sorted(pd.read_parquet(self.folder / FOLDER / "explained_rows.parquet").index)


@pytest.fixture(scope="module")
def trained(pipeline: Pipeline) -> Version:
    config = train_config("regression", "random_forest")
    trained = pipeline.train(str(pipeline.csv("regression")), "other-rows", config)
    pipeline.explain(trained.uri, _QUICK)
    return Version(pipeline=pipeline, uri=trained.uri, run_id=trained.run_id, folder=pipeline.artifacts(trained.run_id))


@pytest.fixture
def version(trained: Version, monkeypatch: pytest.MonkeyPatch) -> Version:
    """The version, with nothing beside what is published; a test that replaces that puts it back."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", trained.pipeline.uri)
    shutil.rmtree(trained.folder / _APART, ignore_errors=True)
    return trained


@pytest.fixture
def one_row(pipeline: Pipeline, tmp_path: Path) -> Path:
    path = tmp_path / "one_row.csv"
    pd.read_csv(pipeline.csv("regression")).head(1).to_csv(path, index=False)
    return path


def test_one_row_does_not_replace_what_is_published(version: Version, one_row: Path) -> None:
    before = version.told()
    outcome = interp(f"explain {version.uri} --data {one_row} --methods shap")
    (name,) = version.apart()
    assert name.startswith("one_row-")
    assert outcome.require_done() == f"runs:/{version.run_id}/{_APART}/{name}/report.html"
    assert "what is published stays as it is (--replace would replace it)" in outcome.stderr
    assert version.told() == before
    assert interp_pipeline.load(version.uri).row_ids == tuple(version.row_ids())

    kept = interp_pipeline.load(version.uri, name=name)
    assert kept.row_ids == (0,)
    manifest = json.loads((version.folder / _APART / name / "manifest.json").read_text())
    assert manifest["rows"] == {"count": 1, "source": str(one_row)}
    with pytest.raises(UsageError, match=f"no shap explanation of other rows called 'another'; known: {name}"):
        interp_pipeline.load(version.uri, name="another")

    interp(f"explain {version.uri} --data {one_row} --methods shap").require_done()
    assert version.apart() == [name]  # the same question takes its own place
    interp(f"explain {version.uri} --data {one_row} --methods shap --seed 1").require_done()
    assert len(version.apart()) == 2
    assert version.told() == before


def test_it_is_replaced_where_that_is_asked_for(version: Version, one_row: Path) -> None:
    interp(f"explain {version.uri} --data {one_row} --methods shap --replace").require_done()
    assert version.row_ids() == [0]
    assert version.apart() == []
    before = version.told()["files"]
    interp(f"explain {version.uri} --data {one_row} --methods shap").require_done()  # the same question: the same place
    assert version.apart() == []
    assert {path for path, content in version.told()["files"].items() if before[path] != content} <= {
        str(version.folder / FOLDER / "manifest.json")
    }
    version.pipeline.explain(version.uri, _QUICK)


def test_a_row_of_its_own_is_asked_for_by_its_number(version: Version) -> None:
    before = version.told()
    wanted = sorted(pd.read_parquet(version.folder / "training" / "rows.parquet").index)[3]
    outcome = interp(f"explain {version.uri} --row {wanted} --methods shap")
    (name,) = version.apart()
    assert name.startswith(f"row_{wanted}-")
    assert name in outcome.require_done()
    kept = interp_pipeline.load(version.uri, name=name)
    assert kept.row_ids == (wanted,)
    assert version.told() == before
    manifest = json.loads((version.folder / _APART / name / "manifest.json").read_text())
    assert manifest["rows"]["source"] == f"row {wanted} of the test split logged at training"

    both = interp_pipeline.explain(version.uri, row=[wanted, np.int64(version.row_ids()[0])])
    assert set(both.row_ids) == {wanted, version.row_ids()[0]}
    np.testing.assert_allclose(both.values[both.row_ids.index(wanted)], kept.values[0], rtol=1e-12)
    interp(f"explain {version.uri} --row 100000").require_error(
        2, "the test split logged at training has no row 100000; its rows have the numbers"
    )
    with pytest.raises(UsageError, match="row must be the number of a row, or several, not 'first'"):
        interp_pipeline.explain(version.uri, row="first")  # type: ignore[arg-type]


def test_a_row_of_a_table_is_asked_for_by_its_number(version: Version) -> None:
    table = pd.read_csv(version.pipeline.csv("regression"))
    explained = interp_pipeline.explain(version.uri, data=table, row=17, publish=True)
    assert explained.row_ids == (17,)
    pd.testing.assert_series_equal(
        explained.data.iloc[0], table.loc[17, list(explained.feature_names)], check_dtype=False
    )
    (name,) = version.apart()
    assert name.startswith("frame-row_17-")


def test_a_table_is_shown_and_nothing_written(version: Version, one_row: Path) -> None:
    before = version.told()
    outcome = interp(f"explain {version.uri} --data {one_row} --methods shap --no-publish")
    shown = outcome.require_done()
    explained = interp_pipeline.explain(version.uri, data=str(one_row), methods="shap")
    assert [line.strip() for line in repr(explained).splitlines()] == [line.strip() for line in shown.splitlines()]
    assert "SHAP values of row 0 by shap_tree, of progression" in shown
    assert version.told() == before
    assert version.apart() == []


def test_the_same_files_are_written_to_a_folder_here(version: Version, one_row: Path, tmp_path: Path) -> None:
    before, place = version.told(), tmp_path / "here"
    command = f"explain {version.uri} --output-dir {place}"
    assert interp(f"{command} --data {one_row} --methods shap").require_done() == f"{place}/report.html"
    assert version.told() == before
    assert version.apart() == []
    manifest = json.loads((place / "manifest.json").read_text())
    found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert found == {*manifest["files"], "manifest.json"}
    assert pd.read_parquet(place / "explained_rows.parquet").index.tolist() == [0]

    version.pipeline.explain(version.uri, _QUICK, output_dir=place)  # of the version's own rows: what is published
    published = {name: content for name, content in before["files"].items() if f"/{FOLDER}/" in name}
    for name, content in published.items():
        if not name.endswith("manifest.json"):
            assert (place / name.split(f"/{FOLDER}/")[1]).read_bytes() == content
    assert (
        not (place / "local" / "row_0.json").exists()
        or "local/row_0.json" in json.loads((place / "manifest.json").read_text())["files"]
    )

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    interp(f"explain {version.uri} --output-dir {tmp_path}/mine").require_error(
        2, "holds files that are no explanation"
    )
    interp(f"explain {version.uri} --output-dir {one_row}").require_error(2, "is a file; name a folder")
    interp(f"explain {version.uri} {version.uri} --output-dir {place}").require_error(2, "takes the files of one")
    interp(f"explain {version.uri} --output-dir {place} --replace").require_error(2, "replaces none")


def test_the_project_keeps_it_apart_too(version: Version, one_row: Path) -> None:
    before = version.told()
    options = f"--model-uri {version.uri} --rows 5 --methods shap --data {one_row}"
    environment = {"MLFLOW_TRACKING_URI": version.pipeline.uri}
    outcome = script("explain", f"{options} --row '' --replace false", environment)
    assert f"/{_APART}/one_row-" in outcome.stderr
    assert version.told() == before


def test_a_stranger_without_rows_of_its_own_gets_its_explanation_from_the_first_that_are_given(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from sklearn.linear_model import LinearRegression

    monkeypatch.setenv("MLFLOW_TRACKING_URI", pipeline.uri)
    monkeypatch.chdir(pipeline.folder)
    table = measurements()
    features = table.drop(columns="amount")
    model = LinearRegression().fit(features, table["amount"])
    uris = {}
    for name, example in (("rowless", None), ("rowful", features.head(30))):
        with mlflow.start_run():
            mlflow.sklearn.log_model(
                model, name="linear", registered_model_name=name, input_example=example, **REQUIRED
            )
        uris[name] = f"models:/{name}/1"

    interp_pipeline.explain(uris["rowless"], data=table, rows=40, target="amount", publish=True)
    assert len(interp_pipeline.load(uris["rowless"]).data) == 40
    interp_pipeline.explain(uris["rowless"], data=table, row=3, target="amount", publish=True)
    assert len(interp_pipeline.load(uris["rowless"]).data) == 40

    interp_pipeline.explain(uris["rowful"], data=table, rows=40, target="amount", publish=True)
    with pytest.raises(UsageError, match="has no published shap explanation"):
        interp_pipeline.load(uris["rowful"])
    interp_pipeline.explain(uris["rowful"], target="amount", publish=True)
    assert len(interp_pipeline.load(uris["rowful"]).data) == 30


def test_a_scan_does_not_take_it_for_the_versions_own(version: Version, one_row: Path) -> None:
    """What a worker adopts is what is published, and it is no more due than before."""
    from interp_pipeline.model_ref import ModelRef
    from interp_pipeline.steps.adopt import adopt
    from interp_pipeline.tracking.server.registry import resolve

    resolved = resolve(version.pipeline.client, ModelRef.parse(version.uri))
    before = adopt(session_of(version.pipeline.client), resolved, "asked of everybody")
    version.pipeline.explain(version.uri, ExplainConfig(methods=("shap",)), data=str(one_row))
    after = adopt(session_of(version.pipeline.client), resolved, "asked of everybody")
    assert before is not None
    assert before == after
