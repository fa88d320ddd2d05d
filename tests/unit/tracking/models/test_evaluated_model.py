"""What a loaded model is known as, and where its explanation may lie in the run of an evaluation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, RESOURCE_DOES_NOT_EXIST

from interp_pipeline.errors import RefusedError, TrackingError
from interp_pipeline.tracking.models.evaluated_model import choose_place, find_evaluated


class _Server:
    """As much of a client as is asked for; ``code`` is how it refuses what it does not have."""

    def __init__(self, code: int = RESOURCE_DOES_NOT_EXIST) -> None:
        self.models: dict[str, str] = {}  # name by id
        self.runs: dict[str, Any] = {}
        self.versions: list[Any] = []
        self.asked = ""
        self._refusal = MlflowException("no such thing", code)

    def get_logged_model(self, model_id: str) -> Any:
        if model_id not in self.models:
            raise self._refusal
        return SimpleNamespace(name=self.models[model_id])

    def get_run(self, run_id: str) -> Any:
        if run_id not in self.runs:
            raise self._refusal
        return self.runs[run_id]

    def search_model_versions(self, filter_string: str) -> list[Any]:
        self.asked = filter_string
        return self.versions


def _run(run_id: str, *, stage: str = "active", outputs: Any = None, **tags: str) -> Any:
    return SimpleNamespace(
        info=SimpleNamespace(run_id=run_id, experiment_id="5", lifecycle_stage=stage),
        data=SimpleNamespace(tags=tags),
        outputs=outputs,
    )


def _version(name: str, number: int, created_ms: int, source: str, run_id: str | None = "r1") -> Any:
    return SimpleNamespace(name=name, version=str(number), creation_timestamp=created_ms, source=source, run_id=run_id)


def _metadata(model_id: str | None = "m-1", run_id: str | None = "r1", path: str | None = None) -> Any:
    return SimpleNamespace(model_id=model_id, run_id=run_id, artifact_path=path, model_uuid=model_id or "u-1")


def test_the_newest_of_the_versions_that_have_its_files() -> None:
    server: Any = _Server()
    server.models, server.runs = {"m-1": "tree"}, {"r1": _run("r1")}
    server.versions = [_version("old", 4, 10, "models:/m-1"), _version("new", 1, 20, "models:/m-1")]
    model = find_evaluated(server, _metadata())
    assert server.asked == "source_path = 'models:/m-1'"
    assert (model.uri, model.name, model.label, model.model_name) == ("models:/new/1", "new", "1", "tree")
    assert model.registered_as == ("models:/new/1", "models:/old/4")
    assert (model.run_id, model.experiment_id) == ("r1", "5")


@pytest.mark.parametrize("runs", [{}, {"r1": _run("r1", stage="deleted")}])
def test_a_model_that_is_registered_nowhere_and_lost_its_run(runs: dict[str, Any]) -> None:
    server: Any = _Server()
    server.runs = runs
    model = find_evaluated(server, _metadata())
    assert (model.uri, model.name, model.label, model.run_id) == ("models:/m-1", "model", "m-1", "")


def test_a_model_of_a_release_before_logged_models() -> None:
    server: Any = _Server()
    server.runs = {"r1": _run("r1")}
    server.versions = [
        _version("other", 1, 30, "mlflow-artifacts:/0/r1/artifacts/other"),
        _version("mine", 2, 20, "mlflow-artifacts:/0/r1/artifacts/parts/mine"),
    ]
    model = find_evaluated(server, _metadata(None, path="parts/mine"))
    assert server.asked == "run_id = 'r1'"
    assert (model.uri, model.model_name, model.source) == ("models:/mine/2", "mine", "runs:/r1/parts/mine")


def test_a_model_that_was_only_saved() -> None:
    model = find_evaluated(_Server(), _metadata(None, None))  # type: ignore[arg-type]  # a stand-in
    assert (model.uri, model.label, model.model_name, model.run_id) == ("the model u-1", "u-1", "model", "")


def test_a_server_in_trouble_is_not_taken_for_one_without_the_model() -> None:
    server: Any = _Server(INTERNAL_ERROR)
    with pytest.raises(TrackingError, match="reading models:/m-1"):
        find_evaluated(server, _metadata())
    server.models = {"m-1": "tree"}
    with pytest.raises(TrackingError, match="reading run r1"):
        find_evaluated(server, _metadata())


@pytest.mark.parametrize(
    ("run", "taken"),
    [
        (_run("r2"), False),
        (_run("r2", outputs=SimpleNamespace(model_outputs=[])), False),
        (_run("r2", outputs=SimpleNamespace(model_outputs=["m-9"])), True),
        (_run("r2", **{"mlflow.log-model.history": "[]"}), True),
        (_run("r2", **{"interp.explained_model": "models:/a/1"}), True),
        (_run("r2", **{"interp.evaluated_model": "models:/a/1"}), False),
        (_run("r1"), True),
    ],
)
def test_plain_names_are_left_to_the_models_of_the_run(run: Any, *, taken: bool) -> None:
    server: Any = _Server()
    server.models, server.runs = {"m-1": "tree"}, {"r1": _run("r1"), run.info.run_id: run}
    model = find_evaluated(server, _metadata())
    assert choose_place(server, model, run.info.run_id, "").prefix == ("evaluation_" if taken else "")
    assert choose_place(server, model, run.info.run_id, "late_").prefix == "late_"
    with pytest.raises(RefusedError, match="reading run r3"):
        choose_place(server, model, "r3", "")
