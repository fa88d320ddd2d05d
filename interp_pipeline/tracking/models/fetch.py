"""Fetch the files of a registered version, as far as a policy allows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from interp_pipeline.errors import GoneError
from interp_pipeline.tracking.server.translate_errors import translated
from interp_pipeline.tracking.sources.address import read_address
from interp_pipeline.tracking.sources.final_location import location_of_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.sources.policy import SourcePolicy

__all__ = ["fetch_model"]


def fetch_model(client: MlflowClient, version: RegisteredVersion, folder: Path, policy: SourcePolicy | None) -> Path:
    """Download the files of a version.

    Args:
        client: the connection.
        version: which version.
        folder: where to put the files.
        policy: what may be read; None: whatever the credentials at hand open.

    Returns:
        The folder that holds the ``MLmodel`` file.

    Raises:
        SourceRefusedError: the policy forbids it.
        GoneError: the files are gone.
        UsageError: no permission to read them.
        TrackingError: the server or storage does not answer.
    """
    from mlflow.exceptions import MlflowException

    with translated(f"downloading {version.uri}"):
        try:
            path = (
                _fetch(client, version, folder) if policy is None else _fetch_checked(client, version, folder, policy)
            )
        except (MlflowException, OSError) as error:
            if _says_missing(error):
                raise _files_gone(version) from error
            raise
    if not (path / "MLmodel").is_file():
        raise _files_gone(version)
    return path


def _fetch(client: MlflowClient, version: RegisteredVersion, folder: Path) -> Path:
    """Download by the server of the connection: MLflow's own function would ask the one set for the process."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(location_of_version(client, version), tracking_uri=client.tracking_uri)
    return Path(repository.download_artifacts("", str(folder)))  # type: ignore[no-untyped-call]  # mlflow's own


def _fetch_checked(client: MlflowClient, version: RegisteredVersion, folder: Path, policy: SourcePolicy) -> Path:
    """Download from the very place that was checked: its version may be deleted and made anew meanwhile."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    location = policy.check_model(client, version)
    repository = get_artifact_repository(location, tracking_uri=client.tracking_uri)
    store = read_address(location).path
    if store is None:
        policy.check_listing(repository, "", version.uri)
    else:
        policy.check_folder(store, version.uri)
    path = Path(repository.download_artifacts("", str(folder)))  # type: ignore[no-untyped-call]  # mlflow's own
    policy.check_folder(path, version.uri)  # it may have grown
    return path


def _says_missing(error: Exception) -> bool:
    text = str(error)
    marks = ("No such artifact", "No such file", "NoSuchKey", "(404)", "does not exist", "RESOURCE_DOES_NOT_EXIST")
    return isinstance(error, FileNotFoundError) or any(mark in text for mark in marks)


def _files_gone(version: RegisteredVersion) -> GoneError:
    return GoneError(f"{version.uri}: its model files ({version.source}) were deleted; train the model again")
