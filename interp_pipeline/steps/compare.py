"""Compare what drives two or more registered versions, on the same rows, in a run of its own."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from interp_pipeline.comparison import compute_comparison
from interp_pipeline.errors import UsageError
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.progress import SilentProgress
from interp_pipeline.steps.compute import compute
from interp_pipeline.steps.fetch import Fetched, fetch
from interp_pipeline.steps.side import Side
from interp_pipeline.tracking import layout, links
from interp_pipeline.tracking.registry import resolve
from interp_pipeline.tracking.run_reader import read_published
from interp_pipeline.tracking.session import connect, open_run
from interp_pipeline.tracking.training_run import read_training_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from mlflow import MlflowClient

    from interp_pipeline.comparison import Comparison
    from interp_pipeline.config import CompareConfig, ExplainConfig
    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.registry import RegisteredVersion
    from interp_pipeline.tracking.run_reader import Published

__all__ = ["ComparedVersions", "compare"]

_FEWEST = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedVersions:
    """What a comparison gave."""

    comparison: Comparison
    run_id: str | None  # None: nothing was published
    report_uri: str


def compare(
    model_uris: Sequence[str],
    config: CompareConfig,
    *,
    explain_config: ExplainConfig,
    data: str | pd.DataFrame | None = None,
    publishing: bool = True,
    tracking_uri: str | None = None,
    progress: Progress | None = None,
) -> ComparedVersions:
    """Compare the SHAP explanations of versions on the same rows against the same background.

    Published explanations are used where all versions have one for the same rows and background;
    otherwise all are explained anew on the rows and the background of the first, without touching what
    is published.

    Args:
        model_uris: two or more; the first is the reference.
        config: how many rows, and how to compare.
        explain_config: how versions are explained where that is needed.
        data: rows to compare on: path, URI or frame; None: those of the first version.
        publishing: False computes only; nothing is written.
        tracking_uri: None takes MLflow's own setting.
        progress: listens.

    Raises:
        UsageError: fewer than two versions, one named twice, or nothing in common to compare.
        ModelError: a version cannot be explained.
        TrackingError: the tracking server or a storage does not answer.
    """
    progress = progress or SilentProgress()
    refs = [ModelRef.parse(uri) for uri in model_uris]
    if len(refs) < _FEWEST:
        msg = "a comparison needs two versions or more: interp compare models:/a/1 models:/a/2"
        raise UsageError(msg)
    client = connect(tracking_uri)
    versions = [resolve(client, ref) for ref in refs]
    _check_distinct(versions)
    sides = _published(client, versions, config, progress) if data is None else None
    if sides is None:
        chosen = dataclasses.replace(explain_config, rows=config.rows, methods=("shap",))
        sides = _explained(client, versions, chosen, data, progress)
    with progress.track("Comparing", 1) as advance:
        comparison = compute_comparison([side.shap for side in sides], [side.label for side in sides], config)
        advance(1)
    if not publishing:
        return ComparedVersions(comparison=comparison, run_id=None, report_uri="")
    from interp_pipeline.steps.publish_comparison import publish_comparison

    name = " vs ".join(side.label for side in sides)[:200]
    experiment_id = sides[0].version.experiment_id
    with open_run(f"compare {name}", experiment_id) as run_id:
        publish_comparison(client, run_id, sides, comparison, progress)
        experiment_id = client.get_run(run_id).info.experiment_id
    report = f"{layout.COMPARISON}/{layout.REPORT}"
    return ComparedVersions(
        comparison=comparison,
        run_id=run_id,
        report_uri=links.report_uri(client.tracking_uri, experiment_id, run_id, report),
    )


def _check_distinct(versions: Sequence[RegisteredVersion]) -> None:
    uris = [version.uri for version in versions]
    twice = sorted({uri for uri in uris if uris.count(uri) > 1})
    if twice:
        msg = f"{', '.join(twice)} is named twice; compare different versions"
        raise UsageError(msg)


def _published(
    client: MlflowClient, versions: Sequence[RegisteredVersion], config: CompareConfig, progress: Progress
) -> list[Side] | None:
    """The sides as they are published; None unless all speak about the same rows and background."""
    found: list[Published] = []
    with progress.track("Reading published explanations", len(versions)) as advance:
        for version in versions:
            published = read_published(client, version)
            if published is None or published.shap is None:
                progress.say(
                    f"{version.uri} has no published SHAP explanation; explaining all versions on the same rows"
                )
                return None
            found.append(published)
            advance(1)
    first = found[0]
    same = all(other.rows.equals(first.rows) and other.background.equals(first.background) for other in found)
    if not same or len(first.rows) > config.rows:
        progress.say("The published explanations are of other rows; explaining all versions on the same ones")
        return None
    return [
        Side(version=version, record=read_training_record(client, version.run_id, version.uri), shap=published.shap)
        for version, published in zip(versions, found, strict=True)
        if published.shap is not None
    ]


def _explained(
    client: MlflowClient,
    versions: Sequence[RegisteredVersion],
    config: ExplainConfig,
    data: str | pd.DataFrame | None,
    progress: Progress,
) -> list[Side]:
    """The sides, all explained now on the first one's rows against its background."""
    sides = []
    with tempfile.TemporaryDirectory() as folder:
        first = fetch(client, versions[0].uri, config, _made(folder, 0), data=data, progress=progress)
        others = [
            fetch(
                client,
                version.uri,
                config,
                _made(folder, number),
                data=first.rows,
                rows_source=first.rows_source if data is not None else f"the data of {versions[0].uri}",
                background=first.background,
                progress=progress,
            )
            for number, version in enumerate(versions[1:], start=1)
        ]
        for other in others:
            _check_outputs(first, other)
        for fetched in (first, *others):
            shap = compute(fetched, config, progress).shap
            if shap is None:
                msg = f"{fetched.version.uri} was not explained"
                raise AssertionError(msg)
            sides.append(Side(version=fetched.version, record=fetched.record, shap=shap))
    return sides


def _made(folder: str, number: int) -> Path:
    place = Path(folder, str(number))
    place.mkdir()
    return place


def _check_outputs(first: Fetched, other: Fetched) -> None:
    """Refuse models that cannot be compared before minutes are spent on explaining them."""
    (uri, schema), (other_uri, other_schema) = ((each.version.uri, each.record.schema) for each in (first, other))
    if schema.output_unit != other_schema.output_unit:
        what = {"probability": "classes"}
        msg = (
            f"{uri} predicts {what.get(schema.output_unit, repr(schema.output_unit))} and {other_uri} predicts "
            f"{what.get(other_schema.output_unit, repr(other_schema.output_unit))}: "
            "compare models that predict the same thing"
        )
        raise UsageError(msg)
    if not set(schema.output_names) & set(other_schema.output_names):
        msg = (
            f"{uri} predicts {', '.join(schema.output_names)} and {other_uri} predicts "
            f"{', '.join(other_schema.output_names)}: compare models of the same target"
        )
        raise UsageError(msg)
