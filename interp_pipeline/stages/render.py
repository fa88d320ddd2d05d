"""The third stage of explaining: numbers in, the files that readers want out. Nothing is written here."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING

from interp_pipeline import plots, tables
from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.errors import UsageError
from interp_pipeline.explainers.registry import packages_of
from interp_pipeline.plots.files import to_png
from interp_pipeline.report import ExplanationReport, render_explanation_report
from interp_pipeline.stages.instances import choose_instances
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.runs.manifest import library_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.registry import Choice
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.interactions import Interactions
    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.compute import Computed
    from interp_pipeline.stages.fetch import Fetched

__all__ = ["lime_alone", "lime_alone_in_a_folder", "relabelled", "render", "require_shap"]

_DEPENDENCE_PLOTS = 5  # of the most important features


def render(fetched: Fetched, computed: Computed, config: ExplainConfig, progress: Progress) -> dict[str, bytes]:
    """Make every file of an explanation but the manifest.

    Args:
        fetched: version, rows and background.
        computed: the numbers.
        config: how many rows are shown one by one.
        progress: listens.

    Returns:
        Content by path below the explanation's root; equal arguments give equal bytes.

    Raises:
        UsageError: only LIME was computed.
    """
    shap = require_shap(computed)
    instances = choose_instances(shap, config.instances)
    files = _tables(computed, shap, instances)
    told = relabelled(fetched, computed)
    shap = require_shap(told)
    pictures = _draw(told, shap, instances, progress)
    files |= {f"{layout.PLOTS}/{name}.png": content for name, content in pictures.items()}
    with progress.track("Writing the report", 1) as advance:
        content = _report(fetched, told, shap, instances, pictures)
        files[layout.REPORT] = render_explanation_report(content).encode()
        advance(1)
    return files


def relabelled(fetched: Fetched, computed: Computed) -> Computed:
    """The numbers under the names that people know: those of the data dictionary, where there is one."""
    names = fetched.dictionary
    if names is None:
        return computed
    return dataclasses.replace(
        computed,
        shap=None if computed.shap is None else names.relabel(computed.shap),
        lime=None if computed.lime is None else names.relabel(computed.lime),
        interactions=None if computed.interactions is None else names.relabel_interactions(computed.interactions),
    )


def require_shap(computed: Computed) -> Explanation:
    """The SHAP explanation, without which nothing is published: versions are compared by it.

    Raises:
        UsageError: only LIME was computed.
    """
    if computed.shap is None:
        raise lime_alone()
    return computed.shap


def lime_alone() -> UsageError:
    """What is said when LIME alone is to be published: it would take the published SHAP values away."""
    return UsageError(
        "LIME is published beside SHAP, not in its place: add shap to the methods (--methods shap,lime), or have "
        'LIME alone with --no-publish, in Python with interp_pipeline.explain(..., methods="lime")'
    )


def lime_alone_in_a_folder() -> UsageError:
    """What is said when a folder is to hold LIME alone: its tables and its report are made of SHAP values."""
    return UsageError(
        "--output-dir takes a report, which is made of SHAP values and shows LIME beside them: add shap to the methods "
        "(--methods shap,lime), or have LIME's numbers alone with --no-publish in place of --output-dir"
    )


def _tables(computed: Computed, shap: Explanation, instances: tuple[int, ...]) -> dict[str, bytes]:
    lime = computed.lime
    files = {
        layout.GLOBAL_IMPORTANCE: tables.to_mlflow_json(tables.to_global_importance(shap, lime)).encode(),
        layout.EXPLAINED_ROWS: tables.to_parquet_bytes(computed.rows.rename_axis(index="row_id")),
        layout.EXPLAINED_BACKGROUND: tables.to_parquet_bytes(computed.background.rename_axis(index="row_id")),
        layout.SHAP_VALUES: tables.to_parquet_bytes(shap.to_frame()),
    }
    if lime is not None:
        files[layout.LIME_WEIGHTS] = tables.to_parquet_bytes(lime.to_frame())
    if computed.interactions is not None:
        table = tables.to_interaction_table(computed.interactions)
        files[layout.INTERACTIONS] = tables.to_mlflow_json(table).encode()
    for row in instances:
        table = tables.to_local_table(row, shap, lime)
        files[f"{layout.LOCAL}/row_{row}.json"] = tables.to_mlflow_json(table).encode()
    return files


def _draw(computed: Computed, shap: Explanation, instances: tuple[int, ...], progress: Progress) -> dict[str, bytes]:
    """Draw and rasterise one figure at a time, so that only one is held in memory."""
    jobs = _jobs(shap, computed.lime, computed.interactions, instances)
    pictures = {}
    with progress.track("Drawing", len(jobs)) as advance:
        for name, draw in jobs.items():
            pictures[name] = to_png(draw())
            advance(1)
    return pictures


def _jobs(
    shap: Explanation, lime: Explanation | None, interactions: Interactions | None, instances: tuple[int, ...]
) -> dict[str, Callable[[], Figure]]:
    jobs: dict[str, Callable[[], Figure]] = {"importance": partial(plots.importance, shap)}
    if len(shap.data) > 1:
        jobs |= _jobs_of_many_rows(shap, interactions)
    jobs |= {f"waterfall_{row}": partial(plots.waterfall, shap, row) for row in instances}
    if lime is not None:
        jobs |= {f"lime_{row}": partial(plots.lime, lime, row) for row in instances}
    return jobs


def _jobs_of_many_rows(shap: Explanation, interactions: Interactions | None) -> dict[str, Callable[[], Figure]]:
    """Pictures that tell how rows differ, or an average over them: of one row they would show a dot each."""
    jobs: dict[str, Callable[[], Figure]] = {
        "beeswarm": partial(plots.beeswarm, shap),
        "heatmap": partial(plots.heatmap, shap),
    }
    for k, feature in enumerate(shap.ranking[:_DEPENDENCE_PLOTS], start=1):
        jobs[f"dependence_{k}"] = partial(plots.dependence, shap, shap.feature_names[feature])
    if interactions is not None:
        jobs["interactions"] = partial(plots.interactions, interactions)
    return jobs


def _report(
    fetched: Fetched,
    computed: Computed,
    shap: Explanation,
    instances: tuple[int, ...],
    pictures: Mapping[str, bytes],
) -> ExplanationReport:
    facts, version = computed.facts, fetched.version
    return ExplanationReport(
        model_name=version.name,
        version=version.label,
        model_kind=facts.words,
        task=facts.task,
        target=facts.target,
        data_source=facts.data_source,
        n_train=facts.n_train,
        n_test=facts.n_test,
        n_background=len(computed.background),
        metrics=facts.metrics,
        methods={choice.name: _reason(choice) for choice in computed.choices},
        shap=shap,
        lime=computed.lime,
        importance=tables.to_global_importance(shap, computed.lime),
        interactions=computed.interactions,
        interactions_why=computed.interactions_why,
        instances=instances,
        checks=computed.checks,
        pictures={**pictures, **facts.pictures},
        notes=(*fetched.remarks, *facts.notes),
        rows_source="" if fetched.rows_are_logged else fetched.rows_source,
        versions=library_versions(packages_of(choice.name for choice in computed.choices)),
        actual=_actual(fetched, instances),
        measured_on_explained=facts.measured_on_explained,
    )


def _reason(choice: Choice) -> str:
    return f"It gave no numbers: {choice.failed}." if choice.failed else choice.why


def _actual(fetched: Fetched, instances: tuple[int, ...]) -> dict[int, str]:
    """True outcomes of the shown rows, where they are known."""
    if fetched.outcomes is None:
        return {}
    known = {row: fetched.outcomes.loc[row] for row in instances}
    return {row: name_of(outcome) for row, outcome in known.items() if outcome is not None and outcome == outcome}  # noqa: PLR0124 - a gap is not itself
