"""Explain one registered version: fetch → compute → publish, in one process."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp_pipeline.errors import UsageError
from interp_pipeline.explainers.registry import check_methods, only_second_opinions
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.compute import compute
from interp_pipeline.stages.fetch import fetch
from interp_pipeline.stages.publish import publish
from interp_pipeline.stages.publish_apart import (
    apart_name,
    keep_apart,
    require_folder,
    rests_on_other_rows,
    write_locally,
)
from interp_pipeline.stages.render import lime_alone, lime_alone_in_a_folder
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.server import links
from interp_pipeline.tracking.server.registry import resolve
from interp_pipeline.tracking.server.session import connect
from interp_pipeline.tracking.server.version_run import with_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from mlflow import MlflowClient

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.interactions import Interactions
    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.fetch import Fetched
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.server.session import Session

__all__ = ["ExplainedVersion", "explain"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplainedVersion:
    """What explaining a version gave."""

    version: RegisteredVersion
    shap: Explanation | None
    lime: Explanation | None
    interactions: Interactions | None
    interactions_why: str  # why they were computed, for how many rows, or why not
    manifest: Mapping[str, Any] | None  # None: nothing was written
    report_uri: str  # where the report is read; empty: nothing was written


def explain(  # noqa: PLR0913 - most are keywords with a default: what is explained, and where it goes
    model_uri: str,
    config: ExplainConfig,
    *,
    data: str | pd.DataFrame | None = None,
    background: str | pd.DataFrame | None = None,
    row_ids: Sequence[int] = (),
    dictionary: str | None = None,
    publishing: bool = True,
    replacing: bool = False,
    output_dir: Path | None = None,
    session: Session | None = None,
    progress: Progress | None = None,
) -> ExplainedVersion:
    """Explain a registered version and publish the result to its own run.

    An explanation of rows that the caller names is kept apart from the one of the version's own rows, see
    ``steps.apart``.

    Args:
        model_uri: ``models:/name/3``, ``models:/name@alias`` or ``models:/name/latest``.
        config: methods, rows, accuracy.
        data: rows to explain: path, URI or frame; None takes the test rows that training logged or, of a model
            that was not trained here, what was logged with it.
        background: background data, likewise; None takes what was logged, or rows beside those of ``data``.
        row_ids: numbers of the rows to explain, of ``data`` or of what None takes; empty draws them.
        dictionary: data dictionary, with which pictures and sentences are made: path or URI; None takes what was
            declared.
        publishing: False computes only; nothing is written to MLflow.
        replacing: publish also what rests on rows that the caller names, in place of what was published.
        output_dir: write the files to this folder, and nothing to MLflow.
        session: the connection; None makes one by MLflow's own setting.
        progress: listens.

    Returns:
        The numbers, and where they are.

    Raises:
        UsageError: no such version, or data or methods that cannot be used.
        ModelError: the version cannot be explained, or its explanation failed the checks.
        TrackingError: the tracking server or a storage does not answer.
    """
    progress = progress or SilentProgress()
    publishing = publishing and output_dir is None
    _check_call(config, publishing=publishing, replacing=replacing, output_dir=output_dir)
    ref = ModelRef.parse(model_uri)
    session = session or connect(making=False)
    client = session.client
    with tempfile.TemporaryDirectory() as folder:
        fetched = fetch(
            session,
            resolve(client, ref),
            config,
            Path(folder),
            data=data,
            row_ids=row_ids,
            background=background,
            dictionary=dictionary,
            progress=progress,
        )
        for remark in fetched.remarks:
            progress.say(remark)
        by_hand = data is not None or bool(row_ids)
        name = ""  # of an explanation that is kept apart
        if publishing and by_hand and not replacing and rests_on_other_rows(client, fetched):
            name = apart_name(data, row_ids, fetched.key)
            progress.say(_kept_apart(fetched, name))
        computed = compute(fetched, config, progress)
        record, report = None, ""
        if output_dir is not None:
            record = write_locally(fetched, computed, config, output_dir, progress).manifest
            report = str(output_dir / layout.REPORT)
        elif name:
            record = keep_apart(client, fetched, computed, config, name, progress).manifest
            report = _report(client, fetched.version, layout.apart_root(fetched.version.model_name, name), progress)
        elif publishing:
            fetched = dataclasses.replace(fetched, version=with_run(client, fetched.version, fetched.key))
            record = publish(session, fetched, computed, config, progress)
            report = _report(client, fetched.version, layout.explanation_root(fetched.version.model_name), progress)
    return ExplainedVersion(
        version=fetched.version,
        shap=computed.shap,
        lime=computed.lime,
        interactions=computed.interactions,
        interactions_why=computed.interactions_why,
        manifest=record,
        report_uri=report,
    )


def _check_call(config: ExplainConfig, *, publishing: bool, replacing: bool, output_dir: Path | None) -> None:
    """Refuse what cannot be, before anything is done."""
    check_methods(config.methods)
    if only_second_opinions(config.methods):
        if output_dir is not None:
            raise lime_alone_in_a_folder()
        if publishing:
            raise lime_alone()
    if replacing and not publishing:
        msg = "an explanation that is not published replaces none: publish it, or leave replace out"
        raise UsageError(msg)
    if output_dir is not None:
        require_folder(output_dir)


def _kept_apart(fetched: Fetched, name: str) -> str:
    uri, root = fetched.version.uri, layout.apart_root(fetched.version.model_name, name)
    return (
        f"This explanation is of rows that were chosen for it, not of {uri}'s own rows: it is kept apart, in {root} of "
        f"its run, and what is published stays as it is (--replace would replace it). In Python: load({uri!r}, "
        f"name={name!r})"
    )


def _report(client: MlflowClient, version: RegisteredVersion, root: str, progress: Progress) -> str:
    """Where the report is read; how, is said where that is no link."""
    path = f"{root}/{layout.REPORT}"
    if told := links.how_to_read(client, version.run_id, path):
        progress.say(told)
    return links.report_uri(client.tracking_uri, version.experiment_id, version.run_id, path)
