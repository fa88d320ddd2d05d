"""One run of the main job through ``mlflow run``, on the bundled real data, for all who look at its results."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.process import bare_environment
from harness.s3 import program
from harness.tracking_server import tracking_server
from mlflow import MlflowClient

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]
_ROWS = 60  # explained rows: enough for every page, and quick


@dataclass(frozen=True, kw_only=True)
class ExplainedStore:
    """A tracking server that holds what the main job left behind."""

    uri: str
    experiment_id: str
    parent_run_id: str
    comparison_run_id: str
    versions: dict[str, str]  # registered name → run id of its version 1
    output: str  # what the command printed

    @property
    def client(self) -> MlflowClient:
        """A client of the server."""
        return MlflowClient(self.uri)


@pytest.fixture(scope="session")
def explained_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExplainedStore]:
    """The store after ``mlflow run . -e main``, served by a real MLflow server."""
    folder = tmp_path_factory.mktemp("explained")
    with tracking_server(folder, store=f"sqlite:///{folder / 'mlflow.db'}", artifacts=str(folder / "artifacts")) as uri:
        command = [program("mlflow"), "run", str(_ROOT), "--env-manager", "local", "--experiment-name", "credit"]
        done = subprocess.run(
            [*command, "-P", f"rows={_ROWS}"],
            env=bare_environment({"MLFLOW_TRACKING_URI": uri, "PATH": _path()}),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=540,
        )
        assert done.returncode == 0, done.stdout
        yield _read_store(uri, done.stdout)


def _path() -> str:
    """PATH on which ``python`` is the one that runs the tests, as in an activated environment."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def _read_store(uri: str, output: str) -> ExplainedStore:
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("credit")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    (comparison,) = [run for run in runs if "interp.compared" in run.data.tags]
    return ExplainedStore(
        uri=uri,
        experiment_id=experiment.experiment_id,
        parent_run_id=parent.info.run_id,
        comparison_run_id=comparison.info.run_id,
        versions={version.name: str(version.run_id) for version in client.search_model_versions()},
        output=output,
    )
