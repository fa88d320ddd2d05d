"""The whole pipeline through the ``interp`` command: MLflow on PostgreSQL, artifacts and data in S3, all real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import walk_in_python
from harness.pipeline_tables import wines
from harness.process import bare_environment
from harness.s3 import program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.s3 import S3Server

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.timeout(600)]

_SETTINGS = """
[train]
target = "cultivar"
n_estimators = 12
max_depth = 6
hidden = [8]
epochs = 2

[explain]
rows = 6
background_rows = 10
lime_samples = 100
instances = 1

[compare]
rows = 6
bootstrap_samples = 200
"""
_TABLES = (
    "global_importance.json",
    "shap_values.parquet",
    "lime_weights.parquet",
    "explained_rows.parquet",
    "background.parquet",
)
_FOREST, _NETWORK = "models:/wine-forest/1", "models:/wine-network/1"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A store, as the person sees it who works with it."""

    uri: str
    data: str
    folder: Path
    environment: Mapping[str, str]

    @property
    def settings(self) -> str:
        return str(self.folder / "settings.toml")

    def interp(self, *arguments: str) -> str:
        """Run a command; what it prints on standard output."""
        return self._run([program("interp"), *arguments, "--tracking-uri", self.uri, "--config", self.settings], {})

    def python(self, *models: str) -> None:
        """Train and explain without the command line: kinds of model, each with its registered name."""
        tests = Path(walk_in_python.__file__).parents[1]
        command = [sys.executable, "-m", "harness.walk_in_python", self.uri, self.data, self.settings, *models]
        self._run(command, {"PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"})

    def _run(self, command: list[str], variables: Mapping[str, str]) -> str:
        done = subprocess.run(
            command,
            env=bare_environment({**self.environment, **variables}),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def artifact(self, name: str, path: str, folder: Path) -> bytes:
        """An artifact of the run of version 1 of a model, through MLflow."""
        from mlflow import MlflowClient

        client = MlflowClient(self.uri)
        run_id = str(client.get_model_version(name, "1").run_id)
        return Path(client.download_artifacts(run_id, path, str(folder))).read_bytes()


def _place(folder: Path, uri: str, data: str, environment: Mapping[str, str]) -> Place:
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_text(_SETTINGS, encoding="utf-8")
    return Place(uri=uri, data=data, folder=folder, environment=environment)


@pytest.fixture(scope="module")
def data(s3_process: S3Server) -> str:
    """The wines as a CSV file in S3."""
    s3_process.client.put_object(Bucket=s3_process.bucket, Key="data/wines.csv", Body=_csv())
    return f"s3://{s3_process.bucket}/data/wines.csv"


def _csv() -> bytes:
    return wines().to_csv(index=False).encode()


@pytest.fixture(scope="module")
def proxied(proxying_server: str, data: str, s3_process: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The server holds the credentials of the artifacts; the person needs some for the data alone."""
    folder = tmp_path_factory.mktemp("proxied")
    return _place(folder, proxying_server, data, s3_process.as_reader().environment)


@pytest.fixture(scope="module")
def walked(proxied: Place) -> list[str]:
    """Train both kinds, explain them, compare them, each by a command of its own: what these print."""
    forest = proxied.interp("train", proxied.data, "--name", "wine-forest")
    network = proxied.interp("train", proxied.data, "--name", "wine-network", "--kind", "keras")
    reports = proxied.interp("explain", forest, network)
    return [forest, network, *reports.splitlines(), proxied.interp("compare", forest, network)]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same from Python, on SQLite with local files."""
    folder = tmp_path_factory.mktemp("embedded")
    (folder / "wines.csv").write_bytes(_csv())
    place = _place(folder, f"sqlite:///{folder / 'mlflow.db'}", str(folder / "wines.csv"), {})
    place.python("random_forest", "wine-forest", "keras", "wine-network")
    return place


def test_each_command_says_where_its_result_is(walked: list[str], proxied: Place) -> None:
    forest, network, *reports, comparison = walked
    assert (forest, network) == (_FOREST, _NETWORK)
    for report in reports:
        assert report.startswith(f"{proxied.uri}/#/experiments/0/runs/")
        assert report.endswith("/artifacts/explanations/model/report.html")
    assert comparison.endswith("/artifacts/comparison/report.html")
    assert len(reports) == 2


@pytest.mark.usefixtures("walked")
def test_database_and_storage_hold_everything(proxied: Place, s3_process: S3Server) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(proxied.uri)
    for name in ("wine-forest", "wine-network"):
        version = client.get_model_version(name, "1")
        assert version.tags["interp.status"] == "done"
        run = client.get_run(str(version.run_id))
        assert run.data.params["data_source"] == proxied.data
        assert run.info.artifact_uri.startswith("mlflow-artifacts:")
        prefix = f"proxied/{run.info.experiment_id}/{run.info.run_id}/artifacts/explanations/model/"
        found = s3_process.client.list_objects_v2(Bucket=s3_process.bucket, Prefix=prefix)["Contents"]
        keys = {entry["Key"].removeprefix(prefix) for entry in found}
        assert {*_TABLES, "manifest.json", "report.html", "plots/importance.png"} <= keys
    (comparison,) = client.search_runs(["0"], "tags.interp.compared LIKE 'models:/%'")
    assert comparison.data.tags["interp.compared"] == f"{_FOREST},{_NETWORK}"
    assert comparison.info.status == "FINISHED"


@pytest.mark.usefixtures("walked")
@pytest.mark.parametrize("name", ["wine-forest", "wine-network"])
def test_where_it_is_kept_changes_no_number(name: str, proxied: Place, embedded: Place, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    for table in _TABLES:
        path = f"explanations/model/{table}"
        assert proxied.artifact(name, path, tmp_path / "there") == embedded.artifact(name, path, tmp_path / "here"), (
            table
        )


def test_clients_that_write_to_s3_themselves_get_the_same(
    direct_server: str, data: str, s3: S3Server, embedded: Place, tmp_path: Path
) -> None:
    """Written and replaced by an explanation with fewer pictures, so that files are deleted in S3 itself."""
    from mlflow import MlflowClient

    direct = _place(tmp_path / "direct", direct_server, data, s3.environment)
    direct.python("random_forest", "wine-forest")
    client = MlflowClient(direct_server)
    run = client.get_run(str(client.get_model_version("wine-forest", "1").run_id))
    assert run.info.artifact_uri.startswith(f"s3://{s3.bucket}/direct/")
    prefix = f"{run.info.artifact_uri.removeprefix(f's3://{s3.bucket}/')}/explanations/model/"
    listed = s3.client.list_objects_v2(Bucket=s3.bucket, Prefix=prefix)["Contents"]
    keys = {entry["Key"].removeprefix(prefix) for entry in listed}
    manifest = json.loads(s3.client.get_object(Bucket=s3.bucket, Key=f"{prefix}manifest.json")["Body"].read())
    assert keys == {*manifest["files"], "manifest.json"}
    (tmp_path / "here").mkdir()
    for table in _TABLES:
        kept = s3.client.get_object(Bucket=s3.bucket, Key=f"{prefix}{table}")["Body"].read()
        assert kept == embedded.artifact("wine-forest", f"explanations/model/{table}", tmp_path / "here")
