"""Registered model versions: which one a reference means, and what is known of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.addresses import without_secrets
from interp_pipeline.errors import GoneError, UsageError
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.server.translate_errors import first_line, translated

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from interp_pipeline.model_ref import ModelRef

__all__ = ["RegisteredVersion", "check_registered_name", "resolve"]

_LONGEST_NAME = 250  # MLflow's tables hold 256 characters
_NAMES_SHOWN = 10
_DEFAULT_EXPERIMENT = "0"  # which every MLflow store has


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """One version of a registered model, as the registry has it."""

    name: str
    version: int
    created_ms: int  # creation time; tells a recreated version from the deleted one
    source: str  # where the model's files lie: models:/m-<id>, or any artifact URI
    run_id: str  # the run it was logged by, or that its explanation was given; empty: none yet
    experiment_id: str
    model_name: str  # name the model was logged under in its run, as it can stand in paths of artifacts

    @property
    def identity(self) -> tuple[str, int, int, str]:
        """What tells it from any other version, one of the same name and number that was registered anew too."""
        return self.name, self.version, self.created_ms, self.source

    @property
    def label(self) -> str:
        """What it is called behind its name."""
        return str(self.version)

    @property
    def uri(self) -> str:
        """The model URI of exactly this version."""
        return f"models:/{self.name}/{self.version}"


def check_registered_name(name: str) -> None:
    """Refuse a name the registry would refuse or no model URI could hold, before any work is done.

    Raises:
        UsageError: the name is empty, too long, or holds ``/``, ``:``, ``@`` or a line break.
    """
    if not name.strip() or not name.isprintable() or any(mark in name for mark in "/:@"):
        msg = f"{name!r} cannot name a registered model: use a name in one line without '/', ':' and '@'"
        raise UsageError(msg)
    if len(name) > _LONGEST_NAME:
        msg = f"a registered model's name has at most {_LONGEST_NAME} characters, {name[:40]!r}... has {len(name)}"
        raise UsageError(msg)


def resolve(client: MlflowClient, ref: ModelRef) -> RegisteredVersion:
    """Find the version a reference means, and the run it belongs to.

    A model that was logged outside any run belongs to none; its explanation gets one, which is found here again.

    Raises:
        UsageError: no such model, version or alias.
        GoneError: the version's run or files were deleted.
        TrackingError: the server does not answer.
    """
    found = _find(client, ref)
    uri = f"models:/{found.name}/{found.version}"
    model_name, experiment_id = _logged(client, found)
    run_id = found.run_id or _run_of_explanation(client, uri, found)
    return RegisteredVersion(
        name=found.name,
        version=int(found.version),
        created_ms=int(found.creation_timestamp),
        source=str(found.source),
        run_id=run_id,
        experiment_id=_live_run(client, uri, run_id) if run_id else experiment_id,
        model_name=model_name,
    )


def _run_of_explanation(client: MlflowClient, uri: str, version: ModelVersion) -> str:
    """The run that was made for the explanation of a version without one; empty where there is none (any more).

    The tag alone proves nothing: a copied version has the tags of the first one.
    """
    from mlflow.exceptions import MlflowException

    run_id = version.tags.get(layout.TAG_RUN_ID, "")
    if not run_id:
        return ""
    with translated(f"reading the run of {uri}"):
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return ""
    is_of_version = run.data.tags.get(layout.TAG_EXPLAINED_MODEL) == uri and run.info.lifecycle_stage != "deleted"
    return run_id if is_of_version else ""


def _find(client: MlflowClient, ref: ModelRef) -> ModelVersion:
    from mlflow.exceptions import MlflowException

    with translated(f"reading {ref}"):
        try:
            if ref.alias is not None:
                return client.get_model_version_by_alias(ref.name, ref.alias)
            if ref.version is not None:
                return client.get_model_version(ref.name, str(ref.version))
            versions = client.search_model_versions(f"name = '{_quoted(ref.name)}'")
            if not versions:
                raise _not_found(client, ref, None)
        except MlflowException as error:
            if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                raise
            raise _not_found(client, ref, error) from error
    return max(versions, key=lambda version: int(version.version))


def _quoted(name: str) -> str:
    return name.replace("'", "''")


def _not_found(client: MlflowClient, ref: ModelRef, error: Exception | None) -> UsageError:
    """Say which part of the reference does not exist, and what does."""
    versions = client.search_model_versions(f"name = '{_quoted(ref.name)}'")
    if not versions:
        where = without_secrets(str(client.tracking_uri))
        return UsageError(f"no registered model {ref.name!r} at {where}; {_registered(client, ref.name)}")
    if ref.alias is not None:
        aliases = sorted(client.get_registered_model(ref.name).aliases)
        return UsageError(f"{ref.name!r} has no alias {ref.alias!r}; aliases: {', '.join(aliases) or 'none'}")
    numbers = sorted(int(version.version) for version in versions)
    detail = f" ({first_line(error)})" if error is not None and ref.version in numbers else ""
    return UsageError(f"{ref.name!r} has no version {ref.version}; versions: {', '.join(map(str, numbers))}{detail}")


def _registered(client: MlflowClient, wanted: str) -> str:
    """What is registered, the likeliest first."""
    names = sorted(model.name for model in client.search_registered_models(max_results=100))
    close = difflib.get_close_matches(wanted, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return "nothing is registered there yet"
    more = ", ..." if len(names) > _NAMES_SHOWN else ""
    return f"registered models: {', '.join(map(repr, names[:_NAMES_SHOWN]))}{more}"


def _live_run(client: MlflowClient, uri: str, run_id: str) -> str:
    """Experiment of a run that has not been deleted (artifacts written to a deleted run go unseen)."""
    from mlflow.exceptions import MlflowException

    with translated(f"reading the run of {uri}"):
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            msg = f"{uri}: its run {run_id} no longer exists, so its explanation has nowhere to go; train it again"
            raise GoneError(msg) from error
    if run.info.lifecycle_stage == "deleted":
        msg = f"{uri}: its run was deleted; restore it (mlflow runs restore --run-id {run_id}) and try again"
        raise GoneError(msg)
    return str(run.info.experiment_id)


def _logged(client: MlflowClient, version: ModelVersion) -> tuple[str, str]:
    """Name and experiment of the logged model behind a version; without one, its folder and the default experiment."""
    source = str(version.source)
    if source.startswith("models:/m-"):
        from mlflow.exceptions import MlflowException

        with translated(f"reading the logged model of models:/{version.name}/{version.version}"):
            try:
                logged = client.get_logged_model(source.removeprefix("models:/"))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                msg = (
                    f"models:/{version.name}/{version.version}: its model files ({source}) were deleted; "
                    "train the model again"
                )
                raise GoneError(msg) from error
        return layout.safe_metric_part(str(logged.name)), str(logged.experiment_id)
    return layout.safe_metric_part(source.rstrip("/").rsplit("/", 1)[-1]), _DEFAULT_EXPERIMENT
