"""Read what something logged or tagged names: by an address of a storage, or one that only MLflow knows."""

from __future__ import annotations

import tempfile
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from interp_pipeline.addresses import shown_address
from interp_pipeline.data.data_dictionary import read_dictionary
from interp_pipeline.data.sources import read_table
from interp_pipeline.tracking.server.translate_errors import translated
from interp_pipeline.tracking.sources.address import read_address
from interp_pipeline.tracking.sources.final_location import final_location

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from interp_pipeline.data.data_dictionary import DataDictionary
    from interp_pipeline.data.declared import DeclaredTypes
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.sources.policy import SourcePolicy

__all__ = ["read_named_dictionary", "read_named_table"]

_T_co = TypeVar("_T_co", covariant=True)

_OF_SERVER = "mlflow-artifacts:"  # scheme of artifacts that the tracking server passes on


class _Reader(Protocol[_T_co]):
    """Reads from an address of a storage."""

    def __call__(self, source: str, *, max_bytes: int | None = None, redirects: bool = True) -> _T_co:
        """What lies there, within limits."""


def read_named_table(
    client: MlflowClient, address: str, version: RegisteredVersion, types: DeclaredTypes, policy: SourcePolicy | None
) -> pd.DataFrame:
    """Read a table that somebody named for a version.

    Args:
        client: the connection.
        address: whatever ``read_table`` reads; ``runs:/<run id>/<path>``, ``models:/name/3/<path>`` or
            ``mlflow-artifacts:/<path>``.
        version: the version it is for.
        types: what its model says of columns: the cells of a CSV file have no types.
        policy: what may be read; None: whatever the credentials at hand open.

    Raises:
        UsageError: there is nothing at the address, or it may not be read.
        DataError: what is there cannot be read as a table.
        SourceRefusedError: the policy forbids it.
        TrackingError: the server or storage did not answer.
    """
    return _read(partial(read_table, declared=types), client, address, version, policy)


def read_named_dictionary(
    client: MlflowClient, address: str, version: RegisteredVersion, policy: SourcePolicy | None
) -> DataDictionary:
    """Read a data dictionary that somebody named for a version.

    Args:
        client: the connection.
        address: whatever ``read_dictionary`` reads, or an artifact as in ``read_named_table``.
        version: the version it is for.
        policy: what may be read, as of tables; None: whatever the credentials at hand open.

    Raises:
        UsageError: there is nothing at the address, or it may not be read.
        DataError: what is there is no data dictionary.
        SourceRefusedError: the policy forbids it.
        TrackingError: the server or storage did not answer.
    """
    return _read(read_dictionary, client, address, version, policy)


def _read(
    read: _Reader[_T_co], client: MlflowClient, address: str, version: RegisteredVersion, policy: SourcePolicy | None
) -> _T_co:
    with translated(f"finding {shown_address(address)}"):
        location = final_location(client, address)
    if policy is None:
        return _fetched(read, client, location, None) if location.startswith(_OF_SERVER) else read(location)
    location = policy.check_table(client, location, version)
    if location.startswith(_OF_SERVER):
        return _fetched(read, client, location, policy)
    path = read_address(location).path
    if path is not None and path.exists():
        with translated(f"looking at {path}"):
            policy.check_folder(path, str(path), policy.max_table_bytes)
    return read(location, max_bytes=policy.max_table_bytes, redirects=False)


def _fetched(read: _Reader[_T_co], client: MlflowClient, location: str, policy: SourcePolicy | None) -> _T_co:
    """A file among the artifacts that the tracking server passes on."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    folder, _, name = location.rstrip("/").rpartition("/")
    with tempfile.TemporaryDirectory(prefix="interp-data-") as place, translated(f"fetching {shown_address(location)}"):
        repository = get_artifact_repository(f"{folder}/", tracking_uri=client.tracking_uri)
        if policy is not None:
            policy.check_listing(repository, name, location, policy.max_table_bytes)
        path = repository.download_artifacts(name, place)  # type: ignore[no-untyped-call]  # mlflow's own
        return read(str(path), max_bytes=None if policy is None else policy.max_table_bytes)
