"""Explanations of other rows than a version's own: kept beside the published one, or in a folder here.

What people see on a version's page rests on the version's own rows: those of its training, those declared for it, or
those logged with it. Rows that somebody gives by hand, a single one maybe, are explained beside it, in the same run
under a name of their own; no metric, picture, tag or description changes. A version that has neither rows of its own
nor an explanation gets its explanation from them.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from interp_pipeline.errors import NoDataError, UsageError
from interp_pipeline.names import data_name
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.publish import prepare, write_apart
from interp_pipeline.stages.rows.logged_tables import Search
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.models.model_file import read_model_file
from interp_pipeline.tracking.runs import manifest
from interp_pipeline.tracking.runs.run_reader import published_question
from interp_pipeline.tracking.sources.declared_data import read_declared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from mlflow import MlflowClient

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.compute import Computed
    from interp_pipeline.stages.fetch import Fetched
    from interp_pipeline.stages.publish import Publication

__all__ = ["apart_name", "keep_apart", "require_folder", "rests_on_other_rows", "write_locally"]


def rests_on_other_rows(client: MlflowClient, fetched: Fetched) -> bool:
    """Whether rows that were given by hand are others than those the version's explanation rests on.

    Args:
        client: the connection.
        fetched: the version and the rows that were given.

    Raises:
        UsageError: they are, and the version has no run in which they could be kept apart.
        TrackingError: the server or a storage does not answer.
    """
    version = fetched.version
    published = published_question(client, version)
    if published == fetched.question or (published is None and not _has_rows(client, fetched)):
        return False
    if not version.run_id:
        msg = (
            f"{version.uri} has no run yet in which an explanation of other rows could be kept: explain it on its own "
            "rows first, or give --output-dir, --no-publish or --replace"
        )
        raise UsageError(msg)
    return True


def _has_rows(client: MlflowClient, fetched: Fetched) -> bool:
    """Whether a version has rows of its own, from training, by declaration or logged with it."""
    version = fetched.version
    if fetched.record is not None or read_declared(client, version, ()).rows is not None:
        return True
    file = read_model_file(fetched.model_path, version.uri)
    names = [column.name for column in file.columns if column.required]
    try:
        Search(client, version, fetched.model_path, names, file.types, None, SilentProgress()).rows()
    except NoDataError:
        return False
    return True


def apart_name(data: str | pd.DataFrame | None, row_ids: Sequence[int], key: str) -> str:
    """What an explanation of other rows is called, from what was given.

    Args:
        data: the table: a path, an address or a frame; None: the version's own.
        row_ids: numbers of its rows; empty: all, or a sample.
        key: of the explanation.
    """
    words = [data_name(data)] if isinstance(data, str) else [] if data is None else ["frame"]
    if row_ids:
        words.append(f"row_{row_ids[0]}" if len(row_ids) == 1 else f"{len(row_ids)}_rows")
    return layout.apart_name("-".join(words), key)


def keep_apart(
    client: MlflowClient, fetched: Fetched, computed: Computed, config: ExplainConfig, name: str, progress: Progress
) -> Publication:
    """Write an explanation into the version's run, beside the published one, which stays as it is.

    Raises:
        GoneError: the version or its run has been deleted or recreated in the meantime.
        UsageError: no permission to write.
        TrackingError: the server or storage does not answer.
    """
    publication = _unannounced(prepare(fetched, computed, config, progress))
    with progress.track(f"Writing {len(publication.files) + 1} files", 1) as advance:
        write_apart(client, publication, layout.apart_root(fetched.version.model_name, name))
        advance(1)
    return publication


def _unannounced(publication: Publication) -> Publication:
    """With nothing to announce: whoever finds it leads nobody to it."""
    silent = {"metrics": {}, "tables": [], "images": {}, "description": ""}
    return dataclasses.replace(publication, manifest={**publication.manifest, "announcement": silent})


def require_folder(folder: Path) -> None:
    """Refuse a folder here that holds anything but an explanation of before.

    Raises:
        UsageError: it does, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        msg = f"--output-dir {folder} is a file; name a folder"
        raise UsageError(msg)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / layout.MANIFEST).is_file():
        msg = f"--output-dir {folder} holds files that are no explanation; name an empty folder or a new one"
        raise UsageError(msg)


def write_locally(
    fetched: Fetched, computed: Computed, config: ExplainConfig, folder: Path, progress: Progress
) -> Publication:
    """Write the files of an explanation to a folder here, in place of one of before; nothing goes to MLflow.

    Raises:
        UsageError: the folder cannot be written to, or holds anything else.
    """
    publication = _unannounced(prepare(fetched, computed, config, progress))
    require_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stale in _files_of_before(folder):
            stale.unlink(missing_ok=True)
        for path, content in publication.files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        (folder / layout.MANIFEST).write_bytes(manifest.to_json(publication.manifest))
    except OSError as error:
        msg = f"--output-dir {folder} cannot be written to ({error.strerror})"
        raise UsageError(msg) from error
    return publication


def _files_of_before(folder: Path) -> list[Path]:
    """The manifest of an explanation in a folder and the files it lists, of those that lie in the folder."""
    record = folder / layout.MANIFEST
    if not record.is_file():
        return []
    try:
        listed = list(json.loads(record.read_bytes())["files"])
    except (ValueError, KeyError, TypeError) as error:
        msg = f"--output-dir {folder} holds a {layout.MANIFEST} that is no explanation's; name an empty folder"
        raise UsageError(msg) from error
    inside = [place for path in listed if (place := (folder / path).resolve()).is_relative_to(folder.resolve())]
    return [record, *inside]
