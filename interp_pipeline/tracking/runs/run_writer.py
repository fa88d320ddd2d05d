"""Write an explanation or a comparison to its run, where the MLflow UI and other readers find it."""

from __future__ import annotations

import io
import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from interp_pipeline.tracking import layout
from interp_pipeline.tracking.runs.artifacts import announce_tables, write_files
from interp_pipeline.tracking.runs.chart_view import side_by_side
from interp_pipeline.tracking.runs.manifest import digest
from interp_pipeline.tracking.server import links
from interp_pipeline.tracking.server.translate_errors import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow import MlflowClient

    from interp_pipeline.tracking.server.ask_once import Listener
    from interp_pipeline.tracking.server.registry import RegisteredVersion

__all__ = [
    "METRICS_PER_CALL",
    "Announcement",
    "Status",
    "announce_evaluation",
    "announce_explanation",
    "describe_parent",
    "describe_run",
    "image_path",
    "log_numbers",
    "mark_not_explained",
    "mark_status",
    "thumbnail_path",
]

Status = Literal["pending", "running", "failed", "skipped"]

_DESCRIPTION = "mlflow.note.content"  # tag the UI shows as the run's description
_DESCRIBED = "interp.description_sha256"  # of the description we wrote: a user's own is never replaced
_LONGEST_TAG = 1000  # characters of an error that are kept; MLflow takes a few thousand
# As wide as a description at 1,400 pixels with MLflow's assistant open beside it, as it is in a new browser.
_THUMBNAIL_PIXELS = 780
METRICS_PER_CALL = 1000  # MLflow's limit for one batch


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """What is told about a published explanation outside its folder."""

    key: str
    metrics: Mapping[str, float]
    images: Mapping[str, bytes]  # PNG by log_image key
    tables: tuple[str, ...]  # files of the folder that the UI shows as tables
    description: str  # Markdown, for the run's page and the version's

    @property
    def digest(self) -> str:
        """Tells what a run is told from anything else it could be told; the key is told to versions."""
        images = {name: digest(content) for name, content in self.images.items()}
        told = [dict(self.metrics), images, list(self.tables), self.description]
        return digest(json.dumps(told, sort_keys=True).encode())


def mark_status(client: Listener, name: str, version: int, status: Status, *, key: str = "", error: str = "") -> None:
    """Say on a version how its explanation stands; ``done`` is said by announcing it.

    Args:
        client: the connection.
        name: of the registered model.
        version: its number.
        status: ``running`` as soon as what lies in its run may be replaced: a "done" of before is no longer true.
        key: of the explanation this is about; empty leaves what is there.
        error: why it failed, was skipped or has to wait; empty leaves what is there.
    """
    given = {layout.TAG_KEY: key, layout.TAG_ERROR: " ".join(error.split())[:_LONGEST_TAG]}
    tags = {tag: value for tag, value in given.items() if value} | {layout.TAG_STATUS: status}
    with translated(f"tagging models:/{name}/{version}"):
        _set_tags(client, name, str(version), tags, client.get_model_version(name, str(version)).tags)


def _set_tags(client: Listener, name: str, version: str, tags: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Set those that a version has not got yet: for each MLflow's client reads the whole registered model first."""
    for tag, value in tags.items():
        if known.get(tag) != value:
            client.set_model_version_tag(name, version, tag, value)


def announce_explanation(client: MlflowClient, version: RegisteredVersion, announcement: Announcement) -> None:
    """Set metrics, image grid, tags and descriptions that lead to an explanation.

    Called after the folder is complete; calling it again gives the same state. What the run tells already, for
    another version of the same logged model, is not told again.
    """
    root, run_id = layout.explanation_root(version.model_name), version.run_id
    told = announcement.digest
    with translated(f"reading the tags of run {run_id}"):
        known = client.get_run(run_id).data.tags
    if known.get(layout.TAG_ANNOUNCED) != told:
        tags = {layout.TAG_EXPLAINED_MODEL: version.uri, layout.TAG_KEY: announcement.key}
        log_numbers(client, run_id, announcement.metrics, tags)
        announce_tables(client, run_id, root, announcement.tables)
        _write_images(client, run_id, announcement.images)
        describe_run(client, run_id, announcement.description)
        with translated(f"tagging run {run_id}"):
            client.set_tag(run_id, layout.TAG_ANNOUNCED, told)  # last: all of it is there
    _tag_version(client, version, root, announcement)


def _tag_version(client: MlflowClient, version: RegisteredVersion, root: str, announcement: Announcement) -> None:
    """Describe a version and set its tags, as far as they are not what they should be."""
    name, number = version.name, str(version.version)
    tags = {
        layout.TAG_KEY: announcement.key,
        layout.TAG_RUN_ID: version.run_id,
        layout.TAG_ARTIFACT_PATH: root,
        layout.TAG_STATUS: "done",  # last: whoever sees it finds the rest
    }
    with translated(f"tagging {version.uri}"):
        current = client.get_model_version(name, number)
        if _is_ours(current.description, current.tags.get(_DESCRIBED)):
            text = announcement.description
            if text != current.description:
                client.update_model_version(name, number, text)
            tags = {_DESCRIBED: digest(text.encode()), **tags}
        if layout.TAG_ERROR in current.tags:
            client.delete_model_version_tag(name, number, layout.TAG_ERROR)
        _set_tags(client, name, number, tags, current.tags)


def announce_evaluation(client: MlflowClient, run_id: str, root: str, uri: str, announcement: Announcement) -> None:
    """Set what leads to an explanation in the run of an evaluation. No version learns of it.

    Args:
        client: the connection.
        run_id: run of the evaluation.
        root: directory the explanation lies in.
        uri: of the model.
        announcement: what is told; its key is not: the run is none that an explanation was made a home of. An
            empty description leaves the run's.
    """
    log_numbers(client, run_id, announcement.metrics, {layout.TAG_EVALUATED_MODEL: uri})
    announce_tables(client, run_id, root, announcement.tables)
    _write_images(client, run_id, announcement.images)
    if announcement.description:
        describe_run(client, run_id, announcement.description)
    with translated(f"tagging run {run_id}"):
        if layout.TAG_ERROR in client.get_run(run_id).data.tags:  # of an evaluation before
            client.delete_tag(run_id, layout.TAG_ERROR)


def mark_not_explained(client: Listener, run_id: str, why: str) -> None:
    """Say on the run of an evaluation why the model was not explained."""
    with translated(f"tagging run {run_id}"):
        client.set_tag(run_id, layout.TAG_ERROR, " ".join(why.split())[:_LONGEST_TAG])


def log_numbers(client: MlflowClient, run_id: str, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
    """Log metrics and tags in as few calls as MLflow allows."""
    from mlflow.entities import Metric, RunTag

    now_ms = int(time.time() * 1000)
    entries = [Metric(name, float(value), now_ms, 0) for name, value in metrics.items()]
    with translated(f"logging metrics of run {run_id}"):
        client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
        for start in range(0, len(entries), METRICS_PER_CALL):
            client.log_batch(run_id, metrics=entries[start : start + METRICS_PER_CALL])


def _write_images(client: MlflowClient, run_id: str, images: Mapping[str, bytes]) -> None:
    """Show pictures in the UI's image grid.

    ``log_image`` puts the time and a random number into the file name, so a second attempt would add
    a second picture. These are the files it writes, under names that stay.
    """
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_IMAGES

    files: dict[str, bytes] = {}
    for key, content in images.items():
        files |= {image_path(key): content, thumbnail_path(key): _thumbnail(content)}
    write_files(client, run_id, files)
    with translated(f"tagging run {run_id}"):
        client.set_tag(run_id, MLFLOW_LOGGED_IMAGES, "True")


def image_path(key: str) -> str:
    """Where the picture of the image grid lies in the run."""
    return f"{_image_name(key)}.png"


def thumbnail_path(key: str) -> str:
    """Where its small copy lies, which the grid shows and which fits into a description."""
    return f"{_image_name(key)}+compressed.webp"


def _image_name(key: str) -> str:
    return f"images/{key}+step+0+timestamp+0+{uuid.uuid5(uuid.NAMESPACE_URL, key)}"


def _thumbnail(png: bytes) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image, io.BytesIO() as buffer:
        image.thumbnail((_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
        image.save(buffer, format="webp")
        return buffer.getvalue()


def describe_run(client: MlflowClient, run_id: str, text: str) -> None:
    """Set a run's description, unless a user wrote one."""
    with translated(f"describing run {run_id}"):
        tags = client.get_run(run_id).data.tags
        if _is_ours(tags.get(_DESCRIPTION), tags.get(_DESCRIBED)):
            client.set_tag(run_id, _DESCRIPTION, text)
            client.set_tag(run_id, _DESCRIBED, digest(text.encode()))


def describe_parent(
    client: MlflowClient, run_id: str, versions: Sequence[RegisteredVersion], comparison_run_id: str
) -> None:
    """Describe the run of the main job: where its children are shown side by side."""
    with translated(f"reading run {run_id}"):
        experiment_id = client.get_run(run_id).info.experiment_id
    views = side_by_side(client, experiment_id, [version.run_id for version in versions])
    report = links.artifact_link(experiment_id, comparison_run_id, f"{layout.COMPARISON}/{layout.REPORT}")
    models = ", ".join(f"`{version.uri}`" for version in versions)
    describe_run(
        client,
        run_id,
        f"Trained, explained and compared {models}.\n\n"
        f"* [What drives them, in charts]({views['charts']})\n"
        f"* [Importance side by side, as a table]({views['tables']})\n"
        f"* [Report on how far they agree]({report})\n",
    )


def _is_ours(text: str | None, described: str | None) -> bool:
    """Whether a description may be replaced: it is empty, or is what we wrote last time."""
    return not text or digest(text.encode()) == described
