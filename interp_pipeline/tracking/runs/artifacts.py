"""Files of a run: write a folder of them so that readers see all or nothing, read them back."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from interp_pipeline.tracking import layout
from interp_pipeline.tracking.bounded_parsing import parse_json
from interp_pipeline.tracking.server.translate_errors import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlflow import MlflowClient
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

__all__ = ["announce_tables", "delete_files", "list_files", "read_file", "read_folder", "replace_folder", "write_files"]


def write_files(client: MlflowClient, run_id: str, files: Mapping[str, bytes]) -> None:
    """Write files to a run, in one call for all of them.

    Args:
        client: the connection.
        run_id: the run.
        files: content by artifact path; a file that exists is overwritten.
    """
    with tempfile.TemporaryDirectory() as folder, translated(f"writing artifacts of run {run_id}"):
        for path, content in files.items():
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        client.log_artifacts(run_id, folder)


def list_files(client: MlflowClient, run_id: str, folder: str) -> list[str]:
    """Artifact paths of all files below a folder of a run; empty where there is none."""
    with translated(f"listing artifacts of run {run_id}"):
        repository = _repository(client, run_id)  # MLflow's client would ask three things more for every folder
        found: list[str] = []
        folders = [folder]
        while folders:
            for item in repository.list_artifacts(folders.pop()):
                (folders if item.is_dir else found).append(item.path)
        return sorted(found)


def delete_files(client: MlflowClient, run_id: str, paths: Sequence[str]) -> None:
    """Delete files of a run."""
    if not paths:
        return
    with translated(f"deleting artifacts of run {run_id}"):
        repository = _repository(client, run_id)
        for path in paths:
            repository.delete_artifacts(path)  # type: ignore[no-untyped-call]  # mlflow's own


def replace_folder(
    client: MlflowClient,
    run_id: str,
    folder: str,
    files: Mapping[str, bytes],
    manifest: bytes,
    still_mine: Callable[[], None] = lambda: None,
) -> None:
    """Replace what a folder of a run holds.

    The manifest counts: it is taken away first and written last, so a reader (and a crash at any
    moment) finds the whole of the old content, the whole of the new, or no manifest.

    Args:
        client: the connection.
        run_id: the run.
        folder: artifact directory.
        files: new content by path below the folder.
        manifest: content of the manifest, with the digest of every file.
        still_mine: asked before every file, the manifest too; raises where somebody else has taken this over.
    """
    manifest_path = f"{folder}/{layout.MANIFEST}"
    present = list_files(client, run_id, folder)
    if manifest_path in present:
        delete_files(client, run_id, [manifest_path])
    wanted = {f"{folder}/{path}": content for path, content in files.items()}
    for path, content in wanted.items():
        still_mine()
        write_files(client, run_id, {path: content})
    delete_files(client, run_id, [path for path in present if path not in wanted and path != manifest_path])
    still_mine()
    write_files(client, run_id, {manifest_path: manifest})


def read_file(client: MlflowClient, run_id: str, folder: str, name: str) -> bytes | None:
    """One file of a folder of a run; None where it does not exist."""
    path = f"{folder}/{name}"
    with tempfile.TemporaryDirectory() as place, translated(f"reading {path} of run {run_id}"):
        repository = _repository(client, run_id)
        if path not in {item.path for item in repository.list_artifacts(folder)}:
            return None
        return Path(repository.download_artifacts(path, place)).read_bytes()  # type: ignore[no-untyped-call]  # mlflow's own


def read_folder(client: MlflowClient, run_id: str, folder: str) -> dict[str, bytes]:
    """All files below a folder of a run.

    Returns:
        Content by path below the folder; empty where the folder does not exist.
    """
    with tempfile.TemporaryDirectory() as place, translated(f"reading {folder} of run {run_id}"):
        repository = _repository(client, run_id)
        if not repository.list_artifacts(folder):
            return {}
        root = Path(repository.download_artifacts(folder, place))  # type: ignore[no-untyped-call]  # mlflow's own
        return {
            str(PurePosixPath(path.relative_to(root))): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }


def _repository(client: MlflowClient, run_id: str) -> ArtifactRepository:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(str(client.get_run(run_id).info.artifact_uri), tracking_uri=client.tracking_uri)


def announce_tables(client: MlflowClient, run_id: str, folder: str, names: Sequence[str]) -> None:
    """Tell the MLflow UI which JSON files of a folder are tables, as ``log_table`` does, and that no others are.

    ``log_table`` itself appends to a file that exists; we write tables whole and announce them. A list that the UI
    cannot read, since somebody wrote something else there, is begun anew.
    """
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

    with translated(f"tagging run {run_id}"):
        known = _announced(client.get_run(run_id).data.tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
        others = [entry for entry in known if not entry["path"].startswith(f"{folder}/")]
        announced = others + [{"path": f"{folder}/{name}", "type": "table"} for name in names]
        if announced != known:
            client.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, json.dumps(announced))


def _announced(text: str) -> list[dict[str, str]]:
    """What a run's list of tables says; nothing where it is none."""
    try:
        found = parse_json(text)
    except ValueError:
        return []
    fits = isinstance(found, list) and all(
        isinstance(each, dict) and isinstance(each.get("path"), str) for each in found
    )
    return found if fits else []
