"""One store for many tests: models are trained and explained when a test first asks for them."""

from __future__ import annotations

import contextlib
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from harness.pipeline_tables import TABLES

from interp_pipeline.config import ExplainConfig, TrainConfig
from interp_pipeline.steps.explain import explain
from interp_pipeline.steps.train import train
from interp_pipeline.tracking.server.session import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from interp_pipeline.config import ModelKind
    from interp_pipeline.steps.explain import ExplainedVersion
    from interp_pipeline.steps.train import TrainedVersion

__all__ = ["CASES", "EXPLAIN", "FOLDER", "Case", "Pipeline", "train_config"]

FOLDER = "explanations/model"
CASES = [(task, kind) for task in TABLES for kind in ("random_forest", "keras")]
EXPLAIN = ExplainConfig(rows=8, background_rows=12, lime_samples=200, sampling_rounds=2, instances=2)


def train_config(task: str, kind: ModelKind, **options: Any) -> TrainConfig:
    """A small model of this kind for the table of this task."""
    small: dict[str, Any] = {"n_estimators": 12, "max_depth": 6, "hidden": (12,), "epochs": 4, "background_rows": 20}
    return TrainConfig(**{"kind": kind, "target": TABLES[task][1], **small, **options})


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One trained version and the explanation published for it."""

    task: str
    kind: ModelKind
    trained: TrainedVersion
    explained: ExplainedVersion
    artifacts: Path  # of its run

    @property
    def published(self) -> Path:
        """The folder of its explanation."""
        return self.artifacts / FOLDER

    @property
    def manifest(self) -> dict[str, Any]:
        """As it lies in the run."""
        return dict(json.loads((self.published / "manifest.json").read_text(encoding="utf-8")))

    def parquet(self, name: str) -> pd.DataFrame:
        """A published value table."""
        return pd.read_parquet(self.published / name)

    def table(self, name: str) -> pd.DataFrame:
        """A published table in MLflow's form."""
        content = json.loads((self.published / name).read_text(encoding="utf-8"))
        return pd.DataFrame(content["data"], columns=content["columns"])


class Pipeline:
    """An MLflow store with local artifacts, and what the tests have put into it so far."""

    def __init__(self, folder: Path) -> None:
        """Use an empty folder."""
        self.folder = folder
        self.uri = f"sqlite:///{folder / 'mlflow.db'}"
        self.case = functools.cache(self._case)

    @functools.cached_property
    def client(self) -> MlflowClient:
        """A client of the store."""
        from mlflow import MlflowClient

        return MlflowClient(self.uri)

    @functools.cache  # noqa: B019 - as long-lived as its tests
    def csv(self, task: str) -> Path:
        """The table of a task as a CSV file."""
        path = self.folder / f"{task}.csv"
        TABLES[task][0]().to_csv(path, index=False)
        return path

    def train(self, data: str, name: str, config: TrainConfig) -> TrainedVersion:
        """Train, with artifacts inside the folder of the store."""
        with contextlib.chdir(self.folder):  # where the store puts artifacts by default
            return train(data, name, config, session=connect(self.uri))

    def explain(self, model_uri: str, config: ExplainConfig = EXPLAIN, **options: Any) -> ExplainedVersion:
        """Explain and, unless told otherwise, publish."""
        return explain(model_uri, config, session=connect(self.uri), **options)

    def artifacts(self, run_id: str) -> Path:
        """Artifact folder of a run."""
        return Path(self.client.get_run(run_id).info.artifact_uri.removeprefix("file://"))

    def _case(self, task: str, kind: ModelKind) -> Case:
        trained = self.train(str(self.csv(task)), f"{task}-{kind}", train_config(task, kind))
        explained = self.explain(trained.uri)
        return Case(
            task=task, kind=kind, trained=trained, explained=explained, artifacts=self.artifacts(trained.run_id)
        )
