"""Where files really lie: addresses that only MLflow understands, followed to the storage they end in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.addresses import shown_address
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from interp_pipeline.tracking.server.registry import RegisteredVersion

__all__ = ["final_location", "location_of_version"]

_LONGEST_CHAIN = 8  # a version of a version of a version ...


def final_location(client: MlflowClient, address: str) -> str:
    """Follow ``models:/`` and ``runs:/`` to an address of a storage; any other address is that already.

    What is found is what MLflow would read. Whoever checks a location and then reads must read this one: a version
    or run of the same name may mean another place a moment later.

    Args:
        client: the connection.
        address: any URI or path.

    Raises:
        UsageError: it is no such address, or leads in a circle.
        MlflowException: the model or run does not exist, or the server does not answer.
    """
    for _ in range(_LONGEST_CHAIN):
        scheme, _, rest = address.partition(":")
        if scheme.lower() == "models":
            address = _of_model(client, rest)
        elif scheme.lower() == "runs":
            address = _of_run(client, rest.lstrip("/"))
        else:
            return address
    msg = f"{shown_address(address)} leads from one model to the next and to no files; name the files themselves"
    raise UsageError(msg)


def location_of_version(client: MlflowClient, version: RegisteredVersion) -> str:
    """Where the files of a registered version lie, as ``final_location`` finds it.

    Raises:
        UsageError: it leads in a circle, or to no files.
        MlflowException: the version or its logged model is gone, or the server does not answer.
    """
    return final_location(client, client.get_model_version_download_uri(version.name, str(version.version)))


def _of_model(client: MlflowClient, rest: str) -> str:
    """``/m-<id>`` or ``/name/3``, both with a path below it or without."""
    from mlflow.utils.uri import append_to_uri_path

    first, _, path = rest.strip("/").partition("/")
    number, _, below = path.partition("/")
    if number.isdecimal() and not rest.startswith("//"):
        place, path = client.get_model_version_download_uri(first, number), below
    elif first.startswith("m-") and not rest.startswith("//"):
        place = client.get_logged_model(first).artifact_location
    else:
        msg = f"{shown_address(f'models:{rest}')} names no model for good: write models:/name/3, with a number"
        raise UsageError(msg)
    return str(append_to_uri_path(place, path)) if path else str(place)  # type: ignore[no-untyped-call]  # mlflow's own


def _of_run(client: MlflowClient, path: str) -> str:
    """``<run id>/<path>``: a logged model of the run by its name, else an artifact of the run."""
    from mlflow.utils.uri import append_to_uri_path

    run_id, _, path = path.partition("/")
    info = client.get_run(run_id).info
    name, _, below = path.partition("/")
    place = _logged_model(client, str(info.experiment_id), run_id, name) if name else None
    place, path = (str(info.artifact_uri), path) if place is None else (place, below)
    return str(append_to_uri_path(place, path)) if path else place  # type: ignore[no-untyped-call]  # mlflow's own


def _logged_model(client: MlflowClient, experiment_id: str, run_id: str, name: str) -> str | None:
    """Where a model lies that was logged in a run under a name; None: there is none."""
    if any(mark in name for mark in "/:.%\"'"):  # which no logged model's name holds
        return None
    token = None
    while True:
        page = client.search_logged_models([experiment_id], filter_string=f"name = '{name}'", page_token=token)
        for model in page:
            if model.source_run_id == run_id:
                return str(model.artifact_location)
        token = page.token
        if not token:
            return None
