"""Registry → jobs: every registered version that has no explanation gets a job, however often this is asked."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from interp_pipeline.config import ExplainConfig
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.runs.manifest import explanation_key, question_digest
from interp_pipeline.tracking.server.translate_errors import translated
from interp_pipeline.tracking.sources.declared_data import declare
from mlflow_plugin.jobs import NewJob
from mlflow_plugin.version_tags import mend

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from interp_pipeline.tracking.server.session import Session
    from mlflow_plugin.jobs import JobTable, Note, Standing
    from mlflow_plugin.settings import SelectSettings, Settings

__all__ = ["Scan", "job_of", "reconcile", "take_notes"]

_PAGE = 1000
_DECLARATIONS = (layout.TAG_ROWS, layout.TAG_BACKGROUND)


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What one comparison of registry and job table found."""

    registered: int  # versions in the registry
    selected: int  # of them those that count
    added: int  # jobs that did not exist
    reopened: int  # jobs that were finished, but whose version does not show it
    replaced: int  # jobs of versions that are to be explained otherwise by now, and have another job
    retired: int  # jobs whose version does not exist or count any more
    mended: int  # versions whose tags said something else than their jobs
    seconds: float


def reconcile(session: Session, table: JobTable, settings: Settings) -> Scan:
    """Compare what is registered with what has a job, and make the missing jobs exist.

    Level-triggered: what it does depends on what is there now and on nothing that was seen before. Its cost is one
    page of the registry per 1,000 versions and one read of the table.

    Args:
        session: the connection.
        table: the jobs.
        settings: which versions count, how they are explained and with which data.

    Raises:
        TrackingError: the registry or the table does not answer; nothing is lost by that.
    """
    started = time.perf_counter()
    client = session.client
    known = table.states()  # before the registry is read: what is finished meanwhile looks unfinished in neither
    versions = list(_registered(client))
    chosen = list(_selected(versions, settings.select))
    model_tags = _declaring_models(client)
    config = ExplainConfig.from_mapping(settings.explain)
    wanted = {}
    for version in chosen:
        job = _job(version, model_tags.get(version.name, {}), settings, config, session.workspace)
        wanted[job.key] = job, version.tags
    missing = [job for key, (job, _) in wanted.items() if key not in known]
    again = [key for key, (_, tags) in wanted.items() if key in known and _is_due_again(known[key], key, tags)]
    current = {(job.name, job.version, job.created_ms) for job, _ in wanted.values()}
    stale = {key: each for key, each in known.items() if key not in wanted}
    replaced = [key for key, each in stale.items() if each.version in current]
    gone = [key for key, each in stale.items() if each.version not in current and each.state != "gone"]
    return Scan(
        registered=len(versions),
        selected=len(chosen),
        added=table.add(missing),
        reopened=table.reopen(again),
        replaced=table.forget(replaced),
        retired=table.retire(gone, "its version is not registered any more, or does not count"),
        mended=mend(session, table, known, {key: tags for key, (_, tags) in wanted.items()}),
        seconds=time.perf_counter() - started,
    )


def take_notes(session: Session, table: JobTable, settings: Settings) -> int:
    """Make jobs of what the doors noted; what a note says is only a reason to look.

    Returns:
        How many jobs are new.

    Raises:
        TrackingError: the registry or the table does not answer; the next scan finds what was noted.
    """
    notes = [note for note in table.take_notes() if note.workspace in {"", session.workspace}]
    jobs = [job_of(session, note, settings) for note in notes]
    return table.add([job for job in jobs if job is not None])


def job_of(session: Session, note: Note, settings: Settings) -> NewJob | None:
    """The job of one version as it is registered now; None where it does not exist or count.

    Raises:
        TrackingError: the registry does not answer.
    """
    from mlflow.exceptions import MlflowException

    with translated(f"reading version {note.version} of {note.name!r}"):
        try:
            version = session.client.get_model_version(note.name, str(note.version))
            model_tags = session.client.get_registered_model(note.name).tags
        except MlflowException as error:
            if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                raise
            return None
    chosen = list(_selected([version], settings.select))
    config = ExplainConfig.from_mapping(settings.explain)
    return _job(version, model_tags, settings, config, session.workspace) if chosen else None


def _job(
    version: ModelVersion,
    model_tags: Mapping[str, str],
    settings: Settings,
    config: ExplainConfig,
    workspace: str,
) -> NewJob:
    declared = declare(version.name, version.tags, model_tags, settings.data)
    source, created_ms = str(version.source), int(version.creation_timestamp)
    question = question_digest(source, config, *declared.addresses)
    identity = (version.name, int(version.version), created_ms, source)
    return NewJob(
        key=explanation_key(identity, question, workspace),
        name=version.name,
        version=int(version.version),
        created_ms=created_ms,
        workspace=workspace,
    )


def _is_due_again(standing: Standing, key: str, tags: Mapping[str, str]) -> bool:
    """Whether the end a job came to is contradicted by what its registered version shows."""
    done = tags.get(layout.TAG_STATUS) == "done"
    if standing.state == "gone":
        return standing.error_class is None  # dropped because its version was not there; else a worker found why
    if standing.state in {"failed", "skipped"}:
        return done  # somebody explained it by hand
    return standing.state == "published" and not (done and tags.get(layout.TAG_KEY) == key)


def _registered(client: MlflowClient) -> Iterator[ModelVersion]:
    """Every version that is ready, page by page."""
    token = None
    while True:
        with translated("reading the registry"):
            page = client.search_model_versions("", max_results=_PAGE, page_token=token)
        yield from (version for version in page if version.status == "READY")
        token = page.token
        if not token:
            return


def _declaring_models(client: MlflowClient) -> dict[str, Mapping[str, str]]:
    """Tags of the registered models that name data for their versions."""
    found: dict[str, Mapping[str, str]] = {}
    for tag in _DECLARATIONS:
        token = None
        while True:
            with translated("reading the registered models' tags"):
                page = client.search_registered_models(f"tags.`{tag}` LIKE '%'", max_results=_PAGE, page_token=token)
            found |= {model.name: model.tags for model in page}
            token = page.token
            if not token:
                break
    return found


def _selected(versions: Iterable[ModelVersion], select: SelectSettings) -> Iterator[ModelVersion]:
    """The versions that count. Flavors stand in the model's files, and are looked at when those are there."""
    by_name: dict[str, list[ModelVersion]] = defaultdict(list)
    for version in versions:
        if _is_named(version.name, select) and all(_is_tagged(version.tags, tag) for tag in select.tags):
            by_name[version.name].append(version)
    for of_model in by_name.values():
        newest_first = sorted(of_model, key=lambda version: int(version.version), reverse=True)
        yield from newest_first[: select.newest]


def _is_named(name: str, select: SelectSettings) -> bool:
    return any(fnmatchcase(name, each) for each in select.models) and not any(
        fnmatchcase(name, each) for each in select.exclude
    )


def _is_tagged(tags: Mapping[str, str], wanted: str) -> bool:
    """Whether tags hold ``key=value``, or ``key`` with any value."""
    key, equals, value = wanted.partition("=")
    return key in tags and (not equals or tags[key] == value)
