"""``mlflow run``: the environment of conda.yaml is built and used, and every door leads to the same steps."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from harness.pipeline_tables import credit
from harness.process import bare_environment
from harness.s3 import program
from mlflow import MlflowClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2e.conftest import ExplainedStore  # type: ignore[import-not-found]
    from mlflow.entities import Run

pytestmark = pytest.mark.timeout(900)

_ROOT = Path(__file__).parents[2]
_own_store = pytest.mark.xdist_group("mlflow-run")


@dataclass(frozen=True, kw_only=True)
class Store:
    """An embedded store and a small CSV file, as somebody has them who starts these projects."""

    folder: Path
    environments: Path
    data: Path

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self._uri)

    @property
    def _uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def start(
        self, project: str, *, entry: str = "main", manager: str = "local", **parameters: object
    ) -> subprocess.CompletedProcess[str]:
        """Run ``mlflow run`` from an empty folder."""
        given = [text for name, value in parameters.items() for text in ("-P", f"{name}={value}")]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        variables = {"MLFLOW_TRACKING_URI": self._uri, "MLFLOW_ENV_ROOT": str(self.environments), "PATH": path}
        return subprocess.run(
            [program("mlflow"), "run", str(_ROOT / project), "-e", entry, "--env-manager", manager, *given],
            env=bare_environment(variables),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )

    def run(self, project: str, *, entry: str = "main", manager: str = "local", **parameters: object) -> Run:
        """Run ``mlflow run``, see that it went well, and give its run."""
        done = self.start(project, entry=entry, manager=manager, **parameters)
        assert done.returncode == 0, done.stdout
        started = re.search(r"Run \(ID '([0-9a-f]{32})'\) succeeded", done.stdout)
        assert started is not None, done.stdout
        run = self.client.get_run(started[1])
        assert run.info.status == "FINISHED"
        for name, value in parameters.items():
            assert run.data.params[name] == shlex.quote(str(value))  # as MLflow writes it into the command
        return run

    def artifacts(self, run: Run) -> Path:
        """Artifact folder of a run."""
        return Path(run.info.artifact_uri.removeprefix("file://"))

    def manifest(self, uri: str) -> Mapping[str, object]:
        """The manifest of a version's explanation."""
        _, name, number = uri.split("/")
        version = self.client.get_model_version(name, number)
        place = self.artifacts(self.client.get_run(str(version.run_id))) / "explanations/model/manifest.json"
        return dict(json.loads(place.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One for all tests of this file: each uses what it registered itself."""
    folder = tmp_path_factory.mktemp("mlflow run")  # a blank, as in many a home directory
    data = folder / "loans of 2024.csv"
    credit().head(120).to_csv(data, index=False)
    return Store(folder=folder, environments=tmp_path_factory.mktemp("environments"), data=data)


@_own_store
def test_the_environment_of_conda_yaml_is_built_and_trains(store: Store) -> None:
    name = "in-its-own-environment"
    run = store.run(
        *("",),
        entry="train_random_forest",
        manager="uv",
        data=store.data,
        registered_model_name=name,
        n_estimators=3,
        max_depth=2,
        positive_class="good",
        seed=7,
    )
    version = store.client.get_model_version(name, "1")
    assert version.run_id == run.info.run_id
    assert run.data.params["positive_class_used"] == "good"
    (environment,) = [
        place for place in store.environments.rglob("pyvenv.cfg") if place.parent.name.startswith("mlflow-")
    ]
    pinned = _pins()
    assert _installed(environment.parent) >= pinned.items()
    # the model asks for what it was trained with: the versions of conda.yaml, not those of the tests
    requirements = (_model(store, run) / "requirements.txt").read_text().split()
    asked = dict(line.split("==") for line in requirements if line.partition("==")[0] in pinned)
    assert {"mlflow", "scikit-learn", "skops"} <= set(asked)
    assert asked.items() <= pinned.items()


def _pins() -> dict[str, str]:
    (pip,) = [
        part for part in yaml.safe_load((_ROOT / "conda.yaml").read_text())["dependencies"] if isinstance(part, dict)
    ]
    lines = [line.partition(";") for line in pip["pip"]]
    return dict(text.strip().split("==") for text, _, marker in lines if "!=" not in marker)


def _installed(environment: Path) -> set[tuple[str, str]]:
    code = "from importlib.metadata import distributions as d; print(*(f'{x.name}=={x.version}' for x in d()))"
    done = subprocess.run([environment / "bin/python", "-c", code], capture_output=True, text=True, check=True)
    pairs = (line.split("==") for line in done.stdout.split())
    return {(name.lower().replace("_", "-"), version) for name, version in pairs}


def _model(store: Store, run: Run) -> Path:
    (logged,) = store.client.search_logged_models(
        [run.info.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'"
    )
    return Path(logged.artifact_location.removeprefix("file://"))


@_own_store
@pytest.mark.parametrize(
    ("project", "entry"), [("", "train_keras"), ("projects/train_keras", "main")], ids=["entry", "project"]
)
def test_a_network_is_trained_as_asked(project: str, entry: str, store: Store) -> None:
    run = store.run(project, entry=entry, data=store.data, hidden="5,3", epochs=2, batch_size=16, seed=1)
    history = store.client.get_metric_history(run.info.run_id, "epoch/loss")
    assert [point.step for point in history] == [0, 1]
    assert run.data.params["positive_class_used"] == "bad"  # inferred
    (weights,) = _model(store, run).rglob("*.keras")
    with zipfile.ZipFile(weights) as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
    assert [layer["config"]["units"] for layer in layers if layer["class_name"] == "Dense"] == [5, 3, 1]
    versions = store.client.search_model_versions("name = 'loans-of-2024-keras'")
    assert run.info.run_id in {version.run_id for version in versions}


@pytest.fixture(scope="module")
def forests(store: Store) -> tuple[str, str]:
    """Two versions, trained through the project of its own."""
    for seed in (1, 2):
        run = store.run(
            "projects/train_random_forest",
            data=store.data,
            registered_model_name="forest",
            n_estimators=4,
            max_depth=3,
            seed=seed,
        )
        assert run.data.tags["mlflow.project.entryPoint"] == "main"
    return "models:/forest/1", "models:/forest/2"


@_own_store
def test_an_entry_point_explains(store: Store, forests: tuple[str, str]) -> None:
    store.run("", entry="explain", model_uri=forests[0], rows=4, methods="shap")
    manifest = store.manifest(forests[0])
    assert manifest["rows"] == {"count": 4, "source": "the test split logged at training"}
    assert [method["name"] for method in manifest["methods"]] == ["shap_tree"]  # type: ignore[attr-defined]


@_own_store
def test_a_project_explains_rows_of_a_file(store: Store, forests: tuple[str, str]) -> None:
    asked = {"model_uri": forests[1], "data": store.data, "rows": 3, "methods": "shap,lime"}
    store.run("projects/explain", **asked, replace="true")
    manifest = store.manifest(forests[1])
    assert manifest["rows"] == {"count": 3, "source": str(store.data)}
    assert [method["kind"] for method in manifest["methods"]] == ["shap", "lime"]  # type: ignore[attr-defined]


@_own_store
@pytest.mark.parametrize(
    ("project", "entry", "named"),
    [
        ("", "compare", {"model_uris": "models:/forest/1,models:/forest/2"}),
        ("projects/compare", "main", {"model_name": "forest", "versions": "1,2"}),
    ],
    ids=["entry", "project"],
)
@pytest.mark.usefixtures("forests")
def test_versions_are_compared(project: str, entry: str, named: Mapping[str, str], store: Store) -> None:
    run = store.run(project, entry=entry, rows=6, **named)
    assert run.data.tags["interp.compared"] == "models:/forest/1,models:/forest/2"
    assert (store.artifacts(run) / "comparison/report.html").exists()


@_own_store
def test_the_main_job_as_a_project_takes_any_table(store: Store) -> None:
    run = store.run("projects/main", data=store.data, name_prefix="v1.2", rows=3, positive_class="good")
    children = store.client.search_runs(
        [run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'", order_by=["start_time"]
    )
    assert [child.info.status for child in children] == ["FINISHED"] * 3
    for kind in ("random-forest", "keras"):
        manifest = store.manifest(f"models:/v1.2-{kind}/1")
        assert manifest["rows"]["count"] == 3  # type: ignore[index]
        assert manifest["model"]["positive_class"] == "good"  # type: ignore[index]


@_own_store
def test_a_mistake_is_one_line_and_fails_the_run(store: Store) -> None:
    before = {model.name for model in store.client.search_registered_models()}
    done = store.start(
        "", entry="train_random_forest", data=store.data, target="credit_amout", registered_model_name="never"
    )
    assert done.returncode == 1
    line = "error: target column 'credit_amout' is not in the data: did you mean 'credit_amount'"
    assert [text.startswith(line) for text in done.stdout.splitlines() if "is not in the data" in text] == [True]
    assert "Traceback" not in done.stdout
    (run, *_) = store.client.search_runs(["0"], order_by=["start_time DESC"], max_results=1)
    assert run.info.status == "FAILED"
    assert {model.name for model in store.client.search_registered_models()} == before


@pytest.mark.xdist_group("ui")  # the worker that has run the main job
def test_the_main_job_is_one_run_with_three_children(explained_store: ExplainedStore) -> None:
    client = explained_store.client
    parent = client.get_run(explained_store.parent_run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.params["data"] == "german_credit"
    assert parent.data.tags["mlflow.note.content"]
    runs = client.search_runs([explained_store.experiment_id])
    children = {run.info.run_id: run for run in runs if run.info.run_id != parent.info.run_id}
    assert set(children) == {*explained_store.versions.values(), explained_store.comparison_run_id}
    assert len(children) == 3
    for run in children.values():
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert set(explained_store.versions) == {"german-credit-random-forest", "german-credit-keras"}
    for name, run_id in explained_store.versions.items():
        assert children[run_id].data.tags["interp.explained_model"] == f"models:/{name}/1"
        assert client.get_model_version(name, "1").tags["interp.status"] == "done"
    compared = children[explained_store.comparison_run_id].data.tags["interp.compared"]
    assert set(compared.split(",")) == {f"models:/{name}/1" for name in explained_store.versions}
