"""Explaining again replaces what was there: the same numbers byte for byte, nothing stale, nothing of the user's."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from harness.pipeline import EXPLAIN, FOLDER, Pipeline, train_config

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from interp_pipeline.config import ExplainConfig

pytestmark = pytest.mark.xdist_group("pipeline")

_SHAP = dataclasses.replace(EXPLAIN, rows=3, instances=1, methods=("shap",))
_FEW = dataclasses.replace(_SHAP, rows=2)
_LIME = dataclasses.replace(_SHAP, methods=("lime",))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Version:
    """A version that belongs to one test module alone."""

    pipeline: Pipeline
    name: str
    uri: str
    run_id: str

    @property
    def artifacts(self) -> Path:
        return self.pipeline.artifacts(self.run_id)

    def explain(self, config: ExplainConfig = EXPLAIN) -> dict[str, bytes]:
        """Explain, and give the explanation's files."""
        self.pipeline.explain(self.uri, config)
        return self.files()

    def files(self) -> dict[str, bytes]:
        root = self.artifacts / FOLDER
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def images(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.artifacts / "images").iterdir()}


@pytest.fixture(scope="module")
def version(pipeline: Pipeline) -> Version:
    """A forest on six features."""
    config = train_config("regression", "random_forest")
    trained = pipeline.train(str(pipeline.csv("regression")), "again", config)
    return Version(pipeline=pipeline, name="again", uri=trained.uri, run_id=trained.run_id)


@pytest.mark.parametrize(
    ("task", "kind"),
    [("multiclass", "random_forest"), ("multiclass", "keras"), ("binary", "keras")],
    ids=["trees", "enumeration", "sampling"],
)
def test_the_same_question_gets_the_same_bytes(task: str, kind: str, pipeline: Pipeline) -> None:
    uri, run_id = pipeline.case(task, kind).trained.uri, pipeline.case(task, kind).trained.run_id
    version = Version(pipeline=pipeline, name=f"{task}-{kind}", uri=uri, run_id=run_id)
    first, images = version.files(), version.images()
    for path in (version.artifacts / FOLDER).rglob("*"):
        if path.suffix in {".parquet", ".html", ".png"}:
            path.write_bytes(b"to be replaced")
    second = version.explain()
    assert set(first) == set(second)
    assert {name for name in first if first[name] != second[name]} == {"manifest.json"}
    assert _without_times(first["manifest.json"]) == _without_times(second["manifest.json"])
    assert version.images() == images  # replaced, not added to


def _without_times(manifest: bytes) -> dict[str, Any]:
    content = json.loads(manifest)
    del content["timings_s"]
    for method in content["methods"]:
        del method["seconds"]
    for name in ("seconds", "rows_per_second", "peak_memory_mb"):
        del content["announcement"]["metrics"][f"explanation_cost/{name}"]
    return dict(content)


def test_fewer_rows_and_methods_leave_nothing_of_before(version: Version) -> None:
    before = version.explain()
    files = version.explain(_SHAP)
    assert {name for name in before if "lime" in name}
    manifest = json.loads(files["manifest.json"])
    assert set(files) == {*manifest["files"], "manifest.json"}
    assert not [name for name in files if "lime" in name]
    assert len([name for name in files if name.startswith("local/")]) == 1
    assert "lime_mean_abs_weight" not in json.loads(files["global_importance.json"])["columns"]


def test_interactions_that_are_no_longer_wanted_leave_nothing_of_before(version: Version) -> None:
    def tables() -> list[str]:
        announced = version.pipeline.client.get_run(version.run_id).data.tags["mlflow.loggedArtifacts"]
        return [entry["path"].removeprefix(f"{FOLDER}/") for entry in json.loads(announced)]

    with_them = version.explain(_SHAP)
    assert tables() == ["global_importance.json", "interactions.json"]
    without = version.explain(dataclasses.replace(_SHAP, interactions=False))
    assert tables() == ["global_importance.json"]
    assert set(with_them) - set(without) == {"interactions.json", "plots/interactions.png"}
    why = "Interactions were not computed: the setting interactions is off."
    assert json.loads(without["manifest.json"])["interactions"]["why"] == why
    assert why in without["report.html"].decode()


def test_lime_alone_does_not_take_the_place_of_shap(version: Version) -> None:
    before = version.explain(_SHAP)
    assert len(version.images()) == 4
    with pytest.raises(UsageError, match="LIME is published beside SHAP, not in its place"):
        version.explain(_LIME)
    assert version.files() == before
    assert len(version.images()) == 4


def test_descriptions_are_ours_until_a_user_writes_one(version: Version) -> None:
    client, name = version.pipeline.client, version.name
    note = "mlflow.note.content"

    def texts() -> tuple[str | None, str | None]:
        return client.get_run(version.run_id).data.tags.get(note), client.get_model_version(name, "1").description

    version.explain(_FEW)
    of_few = texts()
    version.explain(_SHAP)
    ours = texts()
    assert ours[0]
    assert ours[0] == ours[1] != of_few[0]  # ours is brought up to date

    client.set_tag(version.run_id, note, "Ask Ada before use.")
    client.update_model_version(name, "1", "Ada's.")
    version.explain(_FEW)
    assert texts() == ("Ask Ada before use.", "Ada's.")

    client.set_tag(version.run_id, note, "")
    client.update_model_version(name, "1", "")
    version.explain(_SHAP)
    assert texts() == ours


def test_the_tags_of_a_version_say_running_while_it_is_replaced(
    version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A "done" of before must not stand beside files that are being swapped."""
    from interp_pipeline.stages import publish

    version.explain(_SHAP)
    seen = []

    def watched(*arguments: Any) -> None:
        seen.append(version.pipeline.client.get_model_version(version.name, "1").tags["interp.status"])
        replace_folder(*arguments)
        seen.append(version.pipeline.client.get_model_version(version.name, "1").tags["interp.status"])

    replace_folder = publish.replace_folder
    monkeypatch.setattr(publish, "replace_folder", watched)
    version.explain(_SHAP)
    assert seen == ["running", "running"]
    assert version.pipeline.client.get_model_version(version.name, "1").tags["interp.status"] == "done"


def test_rows_of_a_callers_own_are_named_wherever_the_explanation_is_read(version: Version, tmp_path: Path) -> None:
    table = tmp_path / "newcomers.csv"
    rows = pd.read_csv(version.pipeline.csv("regression")).head(6)
    rows[rows.columns[0]] = None
    rows.to_csv(table, index=False)
    explained = version.pipeline.explain(version.uri, _SHAP, data=str(table), replacing=True)
    manifest = explained.manifest
    assert manifest is not None
    assert manifest["rows"] == {"count": 3, "source": str(table)}
    report = version.files()["report.html"].decode()
    assert "newcomers.csv, which need not be its test rows" in report
    assert "is missing in all of these rows" in report
    description = version.pipeline.client.get_run(version.run_id).data.tags["mlflow.note.content"]
    assert "not the model's test rows" in description

    version.explain(_SHAP)
    assert "newcomers" not in version.files()["report.html"].decode()
