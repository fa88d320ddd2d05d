"""Explain one registered version: fetch → compute → publish, in one process."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp_pipeline.explainers.registry import check_methods
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.progress import SilentProgress
from interp_pipeline.steps.compute import compute
from interp_pipeline.steps.fetch import fetch
from interp_pipeline.steps.render import lime_alone
from interp_pipeline.tracking import layout, links
from interp_pipeline.tracking.session import connect, with_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.interactions import Interactions
    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.registry import RegisteredVersion

__all__ = ["ExplainedVersion", "explain"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplainedVersion:
    """What explaining a version gave."""

    version: RegisteredVersion
    shap: Explanation | None
    lime: Explanation | None
    interactions: Interactions | None
    interactions_why: str  # why they were computed, for how many rows, or why not
    manifest: Mapping[str, Any] | None  # None: nothing was published
    report_uri: str  # where the report is read, once published


def explain(
    model_uri: str,
    config: ExplainConfig,
    *,
    data: str | pd.DataFrame | None = None,
    background: str | pd.DataFrame | None = None,
    dictionary: str | None = None,
    publishing: bool = True,
    tracking_uri: str | None = None,
    progress: Progress | None = None,
) -> ExplainedVersion:
    """Explain a registered version and publish the result to its own run.

    Args:
        model_uri: ``models:/name/3``, ``models:/name@alias`` or ``models:/name/latest``.
        config: methods, rows, accuracy.
        data: rows to explain: path, URI or frame; None takes the test rows that training logged or, of a model
            that was not trained here, what was logged with it.
        background: background data, likewise; None takes what was logged, or rows beside those of ``data``.
        dictionary: data dictionary, with which pictures and sentences are made: path or URI; None takes what was
            declared.
        publishing: False computes only; nothing is written.
        tracking_uri: None takes MLflow's own setting.
        progress: listens.

    Returns:
        The numbers, and where they are.

    Raises:
        UsageError: no such version, or data or methods that cannot be used.
        ModelError: the version cannot be explained, or its explanation failed the checks.
        TrackingError: the tracking server or a storage does not answer.
    """
    progress = progress or SilentProgress()
    check_methods(config.methods)
    if publishing and set(config.methods) == {"lime"}:
        raise lime_alone()
    ref = ModelRef.parse(model_uri)
    client = connect(tracking_uri)
    manifest = None
    with tempfile.TemporaryDirectory() as folder:
        fetched = fetch(
            client,
            str(ref),
            config,
            Path(folder),
            data=data,
            background=background,
            dictionary=dictionary,
            progress=progress,
        )
        for remark in fetched.remarks:
            progress.say(remark)
        computed = compute(fetched, config, progress)
        if publishing:
            from interp_pipeline.steps.publish import publish

            fetched = dataclasses.replace(fetched, version=with_run(client, fetched.version, fetched.key))
            manifest = publish(client, fetched, computed, config, progress)
    version = fetched.version
    report = f"{layout.explanation_root(version.model_name)}/{layout.REPORT}"
    return ExplainedVersion(
        version=version,
        shap=computed.shap,
        lime=computed.lime,
        interactions=computed.interactions,
        interactions_why=computed.interactions_why,
        manifest=manifest,
        report_uri=links.report_uri(client.tracking_uri, version.experiment_id, version.run_id, report),
    )
