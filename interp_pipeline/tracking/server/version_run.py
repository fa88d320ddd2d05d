"""The run of a registered version, to which its explanation is written; one is made for a version without any."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from interp_pipeline.tracking import layout
from interp_pipeline.tracking.server.translate_errors import translated

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from interp_pipeline.tracking.server.registry import RegisteredVersion

__all__ = ["run_goes_on", "with_run", "with_run_if_any"]


def with_run_if_any(client: MlflowClient, version: RegisteredVersion, key: str) -> RegisteredVersion:
    """The version with its own run or, where it has none, with one that was made for its explanation before.

    Args:
        client: the connection.
        version: the version.
        key: of the explanation; a run that was made for it is found by it.

    Returns:
        The version; without a run where there is none.
    """
    if version.run_id:
        return version
    with translated(f"looking for a run of {version.uri}"):
        found = client.search_runs([version.experiment_id], f"tags.`{layout.TAG_KEY}` = '{key}'", max_results=1)
    return dataclasses.replace(version, run_id=str(found[0].info.run_id)) if found else version


def with_run(client: MlflowClient, version: RegisteredVersion, key: str) -> RegisteredVersion:
    """The version with a run its explanation can be written to; where it has none, one is made.

    Nothing runs in a run that is made: it has ended at once, so that none is left open by whoever dies here, and
    none is marked by whoever has lost it to another.

    Args:
        client: the connection.
        version: the version.
        key: of the explanation.
    """
    if version.run_id:
        return version
    found = with_run_if_any(client, version, key)
    with translated(f"making a run for {version.uri}"):
        if not found.run_id:
            tags = {layout.TAG_EXPLAINED_MODEL: version.uri, layout.TAG_KEY: key}
            name = f"explanation of {version.name} v{version.version}"
            run = client.create_run(version.experiment_id, run_name=name, tags=tags)
            found = dataclasses.replace(version, run_id=str(run.info.run_id))
        client.set_terminated(found.run_id)
    return found


def run_goes_on(client: MlflowClient, version: RegisteredVersion) -> bool:
    """Whether the run a version was logged by has not ended yet."""
    if not version.run_id:
        return False
    with translated(f"reading the run of {version.uri}"):
        return bool(client.get_run(version.run_id).info.status == "RUNNING")
