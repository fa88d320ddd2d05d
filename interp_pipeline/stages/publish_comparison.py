"""Write a comparison to its run: tables, plots, report, numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline import plots
from interp_pipeline.comparison import compute_comparison
from interp_pipeline.plots.files import to_png
from interp_pipeline.report import ComparisonColumn, ComparisonReport, describe_comparison, render_comparison_report
from interp_pipeline.tables import to_mlflow_json
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.runs.artifacts import announce_tables, write_files
from interp_pipeline.tracking.runs.chart_view import side_by_side
from interp_pipeline.tracking.runs.manifest import library_versions
from interp_pipeline.tracking.runs.run_writer import describe_run, log_numbers
from interp_pipeline.tracking.server import links

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow import MlflowClient

    from interp_pipeline.comparison import Comparison
    from interp_pipeline.data.data_dictionary import DataDictionary
    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.compared_version import ComparedVersion

__all__ = ["publish_comparison"]


def publish_comparison(
    client: MlflowClient,
    run_id: str,
    sides: Sequence[ComparedVersion],
    comparison: Comparison,
    dictionary: DataDictionary | None,
    progress: Progress,
) -> None:
    """Write everything about a comparison to a run.

    Args:
        client: the connection.
        run_id: an active run that holds nothing else.
        sides: the compared versions, the reference first.
        comparison: the numbers.
        dictionary: names for pictures and sentences; None: those of the data.
        progress: listens.

    Raises:
        UsageError: no permission to write.
        TrackingError: the server or storage does not answer.
    """
    root = layout.COMPARISON
    told = comparison if dictionary is None else _relabelled(sides, comparison, dictionary)
    pictures = _draw(told, progress)
    with progress.track("Publishing the comparison", 3) as advance:
        files = {f"{root}/{name}.json": to_mlflow_json(table).encode() for name, table in comparison.tables.items()}
        files |= {f"{root}/{layout.PLOTS}/{name}.png": content for name, content in pictures.items()}
        files[f"{root}/{layout.REPORT}"] = render_comparison_report(_report(sides, told, pictures)).encode()
        write_files(client, run_id, files)
        advance(1)
        log_numbers(
            client,
            run_id,
            {layout.comparison_metric(name): value for name, value in comparison.metrics.items()},
            {layout.TAG_COMPARED: ",".join(side.version.uri for side in sides)},
        )
        advance(1)
        announce_tables(client, run_id, root, [f"{name}.json" for name in comparison.tables])
        experiment_id = client.get_run(run_id).info.experiment_id
        runs = {side.label: side.version.run_id for side in sides if side.version.run_id}
        text = describe_comparison(
            told,
            report=links.artifact_link(experiment_id, run_id, f"{root}/{layout.REPORT}"),
            runs={s.label: links.run_link(s.version.experiment_id, runs[s.label]) for s in sides if s.label in runs},
            views=side_by_side(client, sides[0].version.experiment_id, list(runs.values())) if runs else {},
        )
        describe_run(client, run_id, text)
        advance(1)


def _relabelled(sides: Sequence[ComparedVersion], comparison: Comparison, dictionary: DataDictionary) -> Comparison:
    """The same comparison under the names that people know."""
    named = [dictionary.relabel(side.shap) for side in sides]
    return compute_comparison(named, comparison.labels, comparison.config)


def _draw(comparison: Comparison, progress: Progress) -> dict[str, bytes]:
    others = comparison.labels[1:]
    pictures = {}
    with progress.track("Drawing the comparison", 2 * len(others) + 2) as advance:
        pictures["rank_flow"] = to_png(plots.rank_flow(comparison))
        advance(1)
        for k, other in enumerate(others, start=1):
            suffix = "" if len(others) == 1 else f"_{k}"
            pictures[f"shift{suffix}"] = to_png(plots.shift(comparison, against=other))
            pictures[f"disagreement{suffix}"] = to_png(plots.disagreement(comparison, against=other))
            advance(2)
        if len(others) > 1:
            pictures["agreement_matrix"] = to_png(plots.agreement_matrix(comparison))
        advance(1)
    return pictures


def _report(sides: Sequence[ComparedVersion], comparison: Comparison, pictures: dict[str, bytes]) -> ComparisonReport:
    first = sides[0]
    return ComparisonReport(
        comparison=comparison,
        compared=tuple(
            ComparisonColumn(
                label=side.label,
                model_kind=side.facts.words,
                method=side.shap.method,
                metrics=side.facts.metrics,
                measured_on_explained=side.facts.measured_on_explained,
            )
            for side in sides
        ),
        task=first.facts.task,
        target=first.facts.target,
        data_source=first.data_source,
        pictures=pictures,
        versions=library_versions(),
    )
