"""An MLflow server without a server: what a worker asks its client, answered from memory, artifacts in a folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WRITES", "ServerInMemory"]

WRITES = frozenset(
    {
        "create_run",
        "delete_model_version_tag",
        "log_artifacts",
        "log_batch",
        "set_model_version_tag",
        "set_tag",
        "set_terminated",
        "update_model_version",
    }
)
_EXPERIMENT = "0"


class _Page(list[Any]):
    """What a search found, all of it."""

    token = None


@dataclass(eq=False)
class ServerInMemory:
    """Versions and runs, and the methods of ``mlflow.MlflowClient`` that look at them and change them.

    Attributes:
        folder: for the artifacts of runs.
        before: told the name of every method before anything is done; may raise, or change the world.
        writes: how many calls have changed something.
    """

    folder: Path
    tracking_uri: str = "memory://server"
    before: Callable[[str], None] = lambda _name: None
    writes: int = 0
    _versions: dict[tuple[str, str], SimpleNamespace] = field(default_factory=dict)
    _runs: dict[str, SimpleNamespace] = field(default_factory=dict)

    def __getattribute__(self, name: str) -> Any:
        """Every method of MLflow's client first tells ``before``."""
        found = object.__getattribute__(self, name)
        if name.startswith("_") or name in {"register", "version"} or not callable(found) or name == "before":
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            self.before(name)
            self.writes += name in WRITES
            return found(*arguments, **options)

        return call

    def register(self, name: str, source: Path, *, with_run: bool = True, **tags: str) -> SimpleNamespace:
        """Register a folder with a model as the next version of a model; no worker is asked."""
        number = 1 + sum(known == name for known, _ in self._versions)
        version = SimpleNamespace(
            name=name,
            version=str(number),
            creation_timestamp=1_700_000_000_000 + number,
            source=str(source),
            run_id=self._new_run({}) if with_run else "",
            tags=dict(tags),
            description="",
            status="READY",
        )
        self._versions[name, str(number)] = version
        return version

    def version(self, name: str, number: int = 1) -> SimpleNamespace:
        """A version as it is; no client is asked."""
        return self._versions[name, str(number)]

    def get_model_version(self, name: str, version: str) -> SimpleNamespace:
        return self._known(self._versions, (name, version))

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        return str(self._known(self._versions, (name, version)).source)

    def get_registered_model(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, tags={}, aliases={})

    def search_model_versions(self, _filter: str | None = None, **_page: Any) -> _Page:
        return _Page(self._versions.values())

    def search_registered_models(self, _filter: str | None = None, **_page: Any) -> _Page:
        return _Page()

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        self._known(self._versions, (name, version)).tags[key] = value

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        del self._known(self._versions, (name, version)).tags[key]

    def update_model_version(self, name: str, version: str, description: str) -> None:
        self._known(self._versions, (name, version)).description = description

    def delete_model_version(self, name: str, version: str) -> None:
        del self._versions[name, version]

    def get_experiment(self, _experiment_id: str) -> SimpleNamespace:
        return SimpleNamespace(artifact_location=str(self.folder / _EXPERIMENT))

    def get_run(self, run_id: str) -> SimpleNamespace:
        return self._known(self._runs, run_id)

    def search_runs(self, _experiments: list[str], wanted: str, **_page: Any) -> _Page:
        tag, _, value = wanted.removeprefix("tags.").partition(" = ")
        return _Page(run for run in self._runs.values() if run.data.tags.get(tag.strip("`")) == value.strip("'"))

    def create_run(self, _experiment_id: str, *, run_name: str, tags: dict[str, str]) -> SimpleNamespace:
        del run_name
        return self._runs[self._new_run(tags)]

    def set_terminated(self, run_id: str) -> None:
        self._known(self._runs, run_id).info.status = "FINISHED"

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self._known(self._runs, run_id).data.tags[key] = value

    def log_batch(self, run_id: str, metrics: Any = (), tags: Any = ()) -> None:
        data = self._known(self._runs, run_id).data
        data.metrics |= {metric.key: metric.value for metric in metrics}
        data.tags |= {tag.key: tag.value for tag in tags}

    def log_artifacts(self, run_id: str, local_dir: str) -> None:
        place = Path(self._known(self._runs, run_id).info.artifact_uri)
        shutil.copytree(local_dir, place, dirs_exist_ok=True)

    def _new_run(self, tags: dict[str, str]) -> str:
        run_id = f"run{len(self._runs)}"
        place = self.folder / _EXPERIMENT / run_id / "artifacts"
        place.mkdir(parents=True)
        info = SimpleNamespace(
            run_id=run_id,
            artifact_uri=str(place),
            experiment_id=_EXPERIMENT,
            lifecycle_stage="active",
            status="FINISHED",
        )
        data, inputs = SimpleNamespace(tags=dict(tags), metrics={}), SimpleNamespace(dataset_inputs=[])
        self._runs[run_id] = SimpleNamespace(info=info, data=data, inputs=inputs)
        return run_id

    def _known(self, things: dict[Any, SimpleNamespace], key: Any) -> SimpleNamespace:
        if key not in things:
            from mlflow.exceptions import MlflowException
            from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

            msg = f"{key} not found"
            raise MlflowException(msg, error_code=RESOURCE_DOES_NOT_EXIST)
        return things[key]
