"""A model that MLflow has loaded to evaluate it: what it is, and where in the evaluation's run its explanation lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.tracking import layout
from interp_pipeline.tracking.server.registry import RegisteredVersion
from interp_pipeline.tracking.server.translate_errors import translated

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import Model

__all__ = ["EvaluatedModel", "Place", "choose_place", "find_evaluated"]

_LOGGED_MODELS = "mlflow.log-model.history"  # tag of a run that a release before MLflow 3 logged models to


@dataclass(frozen=True, kw_only=True)
class EvaluatedModel(RegisteredVersion):
    """A loaded model as a version that can be explained; ``version`` is 0 where it is registered under no name."""

    uuid: str  # by which MLflow tells it from any other
    registered_as: tuple[str, ...]  # URIs of all versions that have its files, the newest first

    @property
    def label(self) -> str:
        """What it is called behind its name."""
        return str(self.version) if self.registered_as else self.uuid

    @property
    def uri(self) -> str:
        """The newest version that has its files; else where these lie; else who it is."""
        return super().uri if self.registered_as else self.source


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a run the explanation of an evaluated model goes."""

    run_id: str
    experiment_id: str
    prefix: str  # of directory, metrics and pictures; empty: as for a version in its own run


def find_evaluated(client: MlflowClient, metadata: Model) -> EvaluatedModel:
    """Find out what a loaded model is.

    Args:
        client: the connection.
        metadata: the content of its ``MLmodel`` file.

    Returns:
        The model, with the run it was logged by, if that still exists.

    Raises:
        UsageError: no permission.
        TrackingError: the server does not answer.
    """
    source, name = _source(client, metadata)
    with translated(f"looking for {source} in the registry"):
        versions = sorted(_versions(client, metadata, source), key=lambda each: -int(each.creation_timestamp))
    newest = versions[0] if versions else None
    run_id = (newest.run_id if newest else None) or metadata.run_id
    run = _live_run(client, str(run_id)) if run_id else None
    return EvaluatedModel(
        name=newest.name if newest else name,
        version=int(newest.version) if newest else 0,
        created_ms=int(newest.creation_timestamp) if newest else 0,
        source=source,
        run_id=str(run.info.run_id) if run else "",
        experiment_id=str(run.info.experiment_id) if run else "",
        model_name=layout.safe_metric_part(name),
        uuid=str(metadata.model_uuid),
        registered_as=tuple(f"models:/{each.name}/{each.version}" for each in versions),
    )


def choose_place(client: MlflowClient, model: EvaluatedModel, run_id: str, prefix: str) -> Place:
    """Where an explanation goes that must not replace the one of a version.

    Args:
        client: the connection.
        model: what is evaluated.
        run_id: run of the evaluation.
        prefix: as asked for; empty takes none, except in a run that models were logged to: what explains these
            lies there under the plain names, or will.

    Raises:
        UsageError: no such run, or no permission.
        TrackingError: the server does not answer.
    """
    with translated(f"reading run {run_id}"):
        run = client.get_run(run_id)
    taken = run_id == model.run_id or _holds_models(run)
    return Place(
        run_id=run_id,
        experiment_id=str(run.info.experiment_id),
        prefix=prefix or (layout.EVALUATION_PREFIX if taken else ""),
    )


def _source(client: MlflowClient, metadata: Model) -> tuple[str, str]:
    """Where a model's files lie, as far as it knows, and the name it was logged under."""
    from mlflow.exceptions import MlflowException

    if metadata.model_id:
        source = f"models:/{metadata.model_id}"
        with translated(f"reading {source}"):
            try:
                return source, str(client.get_logged_model(metadata.model_id).name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":  # it is loaded, wherever it was logged
                    raise
                return source, layout.MODEL_NAME
    if metadata.run_id and metadata.artifact_path:
        path = str(metadata.artifact_path)
        return f"runs:/{metadata.run_id}/{path}", path.rpartition("/")[2]
    return f"the model {metadata.model_uuid}", layout.MODEL_NAME


def _versions(client: MlflowClient, metadata: Model, source: str) -> list[ModelVersion]:
    """The registered versions that have a model's files."""
    if metadata.model_id:
        return list(client.search_model_versions(f"source_path = '{source}'"))
    if not metadata.run_id:
        return []
    found = client.search_model_versions(f"run_id = '{metadata.run_id}'")
    return [version for version in found if str(version.source).endswith(f"/{metadata.artifact_path}")]


def _live_run(client: MlflowClient, run_id: str) -> Run | None:
    """A run that exists and is not deleted."""
    from mlflow.exceptions import MlflowException

    with translated(f"reading run {run_id}"):
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
    return None if run.info.lifecycle_stage == "deleted" else run


def _holds_models(run: Run) -> bool:
    outputs = run.outputs.model_outputs if run.outputs is not None else []
    return bool(outputs) or not {_LOGGED_MODELS, layout.TAG_EXPLAINED_MODEL}.isdisjoint(run.data.tags)
