"""The last stage of explaining: with credentials, put the files where the MLflow UI and others find them."""

from __future__ import annotations

import dataclasses
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from interp_pipeline.errors import GoneError, InterpError, RefusedError, UsageError
from interp_pipeline.explainers.registry import find_method, packages_of
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.report import describe_version
from interp_pipeline.stages.performance import with_performance
from interp_pipeline.stages.render import relabelled, render, require_shap
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.runs import manifest
from interp_pipeline.tracking.runs.artifacts import replace_folder
from interp_pipeline.tracking.runs.run_writer import (
    Announcement,
    announce_explanation,
    mark_status,
    thumbnail_path,
)
from interp_pipeline.tracking.server import links
from interp_pipeline.tracking.server.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlflow import MlflowClient

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.compute import Computed
    from interp_pipeline.stages.facts import Facts
    from interp_pipeline.stages.fetch import Fetched
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.server.session import Session

__all__ = ["Publication", "announce", "announcement_of", "failure_marked", "prepare", "publish", "write", "write_apart"]

Draw: TypeAlias = "Callable[[Fetched, Computed, ExplainConfig, Progress], dict[str, bytes]]"

_LOOK_AGAIN_S = 1.0  # an upload that is as quick as usual costs one look


@dataclass(frozen=True, kw_only=True, eq=False)
class Publication:
    """An explanation as it will lie in the version's run."""

    version: RegisteredVersion  # with the run it goes to
    files: Mapping[str, bytes]  # content by path below the explanation's root
    manifest: Mapping[str, Any]


def publish(
    session: Session, fetched: Fetched, computed: Computed, config: ExplainConfig, progress: Progress
) -> Mapping[str, Any]:
    """Draw, write the folder of the explanation, then everything that leads to it.

    Publishing again replaces what was there. The manifest is written last, so at no moment does a
    reader find half of an explanation and take it for a whole one.

    Args:
        session: the connection.
        fetched: the version, as it was when its files were fetched.
        computed: checked numbers.
        config: recorded with them.
        progress: listens.

    Returns:
        The manifest.

    Raises:
        GoneError: the version or its run has been deleted or recreated in the meantime.
        UsageError: no permission to write.
        TrackingError: the server or storage does not answer.
    """
    publication = prepare(fetched, computed, config, progress)
    version = publication.version
    with (
        progress.track(f"Publishing {len(publication.files) + 1} files", 2) as advance,
        failure_marked(session, version),
    ):
        write(session.client, publication)
        advance(1)
        announce(session.client, version, publication.manifest, publication.files, key=fetched.key)
        advance(1)
    return publication.manifest


def prepare(
    fetched: Fetched,
    computed: Computed,
    config: ExplainConfig,
    progress: Progress,
    *,
    asked: bool = True,
    sandbox: Mapping[str, Any] | None = None,
    draw: Draw = render,
) -> Publication:
    """Draw, and put everything into the form in which it is written.

    Args:
        fetched: the version, with the run its explanation goes to.
        computed: checked numbers.
        config: recorded with them.
        progress: listens.
        asked: somebody asked for this explanation; False: it was made because a version had none. Of the two
            the former is never replaced by itself.
        sandbox: what held the code of the model, as JSON types; None: nothing, it ran in this process.
        draw: makes the files; does what ``render`` does.
    """
    facts = with_performance(computed.facts, fetched.outcomes, computed.shap)
    computed = dataclasses.replace(computed, facts=facts)
    started = time.perf_counter()
    files = draw(fetched, computed, config, progress)
    timings = {**computed.timings_s, "draw": time.perf_counter() - started}
    record = _manifest(fetched, computed, config, timings, files) | {"asked": asked, "sandbox": sandbox}
    return Publication(version=fetched.version, files=files, manifest=record)


def write(client: MlflowClient, publication: Publication, still_mine: Callable[[], None] = lambda: None) -> None:
    """Write the folder of an explanation, in place of what was there, the manifest last.

    Version and run are looked for before the first file, and again where the files take their time: to delete them
    locks nobody out.

    Args:
        client: the connection.
        publication: what to write.
        still_mine: asked before anything is touched and again before every file; raises where somebody else has
            taken this over.

    Raises:
        GoneError: the version or its run has been deleted or recreated in the meantime.
        UsageError: no permission to write.
        TrackingError: the server or storage does not answer.
    """
    version = publication.version
    may_go_on = _look_now_and_then(client, version, still_mine)
    may_go_on()
    mark_status(client, version.name, version.version, "running")
    root = layout.explanation_root(version.model_name)
    content = manifest.to_json(publication.manifest)
    replace_folder(client, version.run_id, root, publication.files, content, may_go_on)


def write_apart(client: MlflowClient, publication: Publication, root: str) -> None:
    """Write the folder of an explanation beside the published one, which nothing is told of.

    Args:
        client: the connection.
        publication: what to write.
        root: artifact directory.

    Raises:
        GoneError: the version or its run has been deleted or recreated in the meantime.
        UsageError: no permission to write.
        TrackingError: the server or storage does not answer.
    """
    version = publication.version
    may_go_on = _look_now_and_then(client, version, lambda: None)
    content = manifest.to_json(publication.manifest)
    replace_folder(client, version.run_id, root, publication.files, content, may_go_on)


def _look_now_and_then(
    client: MlflowClient, version: RegisteredVersion, still_mine: Callable[[], None]
) -> Callable[[], None]:
    """What is asked before every file: whether the version is there still, and still ours."""
    looked = float("-inf")

    def may_go_on() -> None:
        nonlocal looked
        if time.monotonic() - looked > _LOOK_AGAIN_S:
            _require_still_there(client, version)
            looked = time.monotonic()
        still_mine()

    return may_go_on


def announce(
    client: MlflowClient,
    version: RegisteredVersion,
    record: Mapping[str, Any],
    files: Mapping[str, bytes],
    *,
    key: str,
) -> None:
    """Set what leads to an explanation that was written: metrics, pictures, tags, descriptions.

    Everything is taken from the manifest and the files beside it, so whoever finds an explanation that was not
    announced can do it. Doing it again gives the same state.

    Args:
        client: the connection.
        version: the version, with the run its explanation lies in.
        record: the manifest.
        files: content by path below the explanation's root; the announced pictures among them.
        key: of the explanation that was due, which this one is or stands for.
    """
    announce_explanation(client, version, announcement_of(record, files, key))


def announcement_of(record: Mapping[str, Any], files: Mapping[str, bytes], key: str) -> Announcement:
    """What leads to an explanation, from its manifest and its files.

    Args:
        record: the manifest.
        files: content by path below the explanation's root; the announced pictures among them.
        key: of the explanation that was due.
    """
    told = record["announcement"]
    return Announcement(
        key=key,
        metrics=told["metrics"],
        tables=tuple(told["tables"]),
        images={name: files[path] for name, path in told["images"].items()},
        description=told["description"],
    )


def _require_still_there(client: MlflowClient, version: RegisteredVersion) -> None:
    try:
        found = resolve(client, ModelRef.parse(version.uri))
    except RefusedError:
        raise
    except UsageError as error:
        msg = f"{version.uri} was deleted while it was explained ({error})"
        raise GoneError(msg) from error
    if found.identity != version.identity:
        msg = f"{version.uri} was deleted and registered again while it was explained; explain it again"
        raise GoneError(msg)


@contextmanager
def failure_marked(session: Session, version: RegisteredVersion) -> Iterator[None]:
    """Leave no version "running" that nobody works on, as far as the server still listens.

    Raises:
        GoneError: as the block raised it; a version that is gone is not tagged.
    """
    try:
        yield
    except GoneError:
        raise
    except BaseException as error:
        try:
            # Asked once: the error is most likely a server that is gone, and then nothing can be said.
            told = str(error) or type(error).__name__
            mark_status(session.asked_once, version.name, version.version, "failed", error=told)
        except InterpError:
            error.add_note(f"{version.uri} could not be tagged as failed either")
        raise


def _manifest(
    fetched: Fetched,
    computed: Computed,
    config: ExplainConfig,
    timings_s: dict[str, float],
    files: Mapping[str, bytes],
) -> dict[str, Any]:
    version, facts, explained = fetched.version, computed.facts, require_shap(computed)
    whys = {choice.name: choice.why for choice in computed.choices}
    return {
        "format": manifest.FORMAT,
        "key": fetched.key,
        "question": fetched.question,
        "workspace": fetched.workspace,
        "model": {
            **dataclasses.asdict(version),
            "uri": version.uri,
            "kind": facts.kind,
            "words": facts.words,
            "trained_here": fetched.record is not None,
            "task": facts.task,
            "target": facts.target,
            "output_names": list(explained.output_names),
            "output_unit": explained.output_unit,
            "positive_class": explained.positive_class,
            "notes": list(facts.notes),
        },
        "config": config.to_dict(),
        "config_digest": config.digest,
        "methods": [
            _method(explanation, whys[explanation.method])
            for explanation in (computed.shap, computed.lime)
            if explanation is not None
        ],
        "unseen_categories": {feature: dict(told) for feature, told in explained.unseen.items()},
        "failed_methods": {choice.name: choice.failed for choice in computed.choices if choice.failed},
        "interactions": {
            "rows": 0 if computed.interactions is None else len(computed.interactions.rows),
            "why": computed.interactions_why,
        },
        "rows": {"count": len(computed.rows), "source": fetched.rows_source},
        "background_rows": len(computed.background),
        "background_source": fetched.background_source,
        "data_dictionary": None if fetched.dictionary is None else fetched.dictionary.source,
        "performance": _performance(facts),
        "checks": dict(computed.checks),
        "timings_s": {name: round(value, 3) for name, value in timings_s.items()},
        "libraries": manifest.library_versions(packages_of(whys)),
        "announcement": _announcement(fetched, computed, files),
        "files": {path: manifest.digest(content) for path, content in sorted(files.items())},
    }


def _performance(facts: Facts) -> dict[str, Any] | None:
    """How well a model of others does on the explained rows; None where that is not known, or training says it."""
    return {"rows": facts.n_test, "metrics": dict(facts.metrics)} if facts.measured_on_explained else None


def _method(explanation: Explanation, why: str) -> dict[str, Any]:
    method = find_method(explanation.method)
    return {
        "kind": method.kind,
        "name": method.name,
        "why": why,
        "exact": method.exact,
        "seconds": round(explanation.cost.seconds, 3),
        "model_evaluations": explanation.cost.model_evaluations,
        "details": dict(explanation.details),
    }


def _announcement(fetched: Fetched, computed: Computed, files: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "metrics": _metrics(computed),
        "tables": [name for name in (layout.GLOBAL_IMPORTANCE, layout.INTERACTIONS) if name in files],
        "images": {
            key: path for key, name in layout.IMAGE_KEYS.items() if (path := f"{layout.PLOTS}/{name}.png") in files
        },
        "description": _description(fetched, computed),
    }


def _description(fetched: Fetched, computed: Computed) -> str:
    """Markdown that leads from the run's and the version's page to the explanation."""
    version, facts, shap = fetched.version, computed.facts, require_shap(relabelled(fetched, computed))
    root = layout.explanation_root(version.model_name)
    return describe_version(
        model_kind=facts.words,
        task=facts.task,
        target=facts.target,
        metrics=facts.metrics,
        of_explained_rows=facts.measured_on_explained,
        n_test=facts.n_test,
        report=links.artifact_link(version.experiment_id, version.run_id, f"{root}/{layout.REPORT}"),
        picture=links.picture_source(version.run_id, thumbnail_path("shap_importance")),
        shap=shap,
        remarks=fetched.remarks,
    )


def _metrics(computed: Computed) -> dict[str, float]:
    metrics = {layout.check_metric(name): value for name, value in computed.checks.items()}
    explanations = [e for e in (computed.shap, computed.lime) if e is not None]
    seconds = sum(e.cost.seconds for e in explanations)
    metrics |= {
        layout.cost_metric("seconds"): seconds,
        layout.cost_metric("rows_per_second"): len(computed.rows) / max(seconds, 1e-9),
        layout.cost_metric("model_evaluations"): sum(e.cost.model_evaluations for e in explanations),
        layout.cost_metric("peak_memory_mb"): computed.peak_memory_mb,
    }
    if computed.facts.measured_on_explained:
        metrics |= {layout.performance_metric(name): value for name, value in computed.facts.metrics.items()}
    shap = require_shap(computed)
    return metrics | layout.feature_metrics(dict(zip(shap.feature_names, shap.importance.tolist(), strict=True)))
