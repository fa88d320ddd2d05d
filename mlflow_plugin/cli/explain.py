"""``interp explain``."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import UsageError
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.names import parse_list
from interp_pipeline.summaries import summary_of_explanation
from mlflow_plugin.cli.options import (
    given,
    with_common_options,
    with_dictionary_option,
    with_effort_options,
    with_lime_options,
    with_output_options,
)

if TYPE_CHECKING:
    from interp_pipeline.progress import Progress
    from interp_pipeline.steps.explain import ExplainedVersion
    from mlflow_plugin.settings import Settings

__all__ = ["explain"]


@click.command()
@click.argument("model_uris", nargs=-1, required=True, metavar="MODEL_URI...")
@click.option("--data", help="Rows to explain: file, folder or URI; default: rows logged with the version.")
@click.option("--background", help="Background data: file, folder or URI; default: logged ones, else drawn rows.")
@click.option("--row", "row_ids", type=int, multiple=True, help="Explain the row of this number; may be repeated.")
@click.option("--rows", type=int, help="How many rows to explain [default: 200].")
@click.option("--methods", help="auto, shap, or names that interp methods lists, separated by commas [default: auto].")
@click.option("--replace", is_flag=True, help="Publish an explanation of --data or --row in place of what is there.")
@click.option(
    "--output-dir", metavar="DIR", type=click.Path(path_type=Path), help="Write the files here, not to MLflow."
)
@click.option("--no-publish", is_flag=True, help="Show a table, and write nothing to MLflow.")
@with_dictionary_option
@with_effort_options
@with_lime_options
@with_output_options
@with_common_options
def explain(  # noqa: PLR0913 - an argument for each option that is not one of the configuration
    *,
    settings: Settings,
    progress: Progress,
    model_uris: tuple[str, ...],
    data: str | None,
    background: str | None,
    dictionary: str | None,
    row_ids: tuple[int, ...],
    methods: str | None,
    replace: bool,
    output_dir: Path | None,
    no_publish: bool,
    **options: Any,
) -> None:
    """Explain registered versions and publish the result to their runs.

    An explanation of other rows than the version's own, of --data or --row, goes to a folder of its own in the run,
    beside what is published there, unless --replace is given.

    MODEL_URI is models:/name/3, models:/name@alias or models:/name/latest, of a model that anybody registered.
    """
    from interp_pipeline.steps.explain import explain as explain_step

    if methods is not None:
        options["methods"] = parse_list(methods)
    config = ExplainConfig.from_mapping({**settings.explain, **given(**options)})
    if output_dir is not None and len(model_uris) > 1:
        msg = "--output-dir takes the files of one version; name one MODEL_URI"
        raise UsageError(msg)
    if no_publish and output_dir is None:
        config = dataclasses.replace(config, interactions=False)  # the table has none
    refs = [str(ModelRef.parse(uri)) for uri in model_uris]  # all of them, before the first takes its minutes
    for model_uri in refs:
        with redirect_stdout(sys.stderr):  # what a model prints is not the result
            result = explain_step(
                model_uri,
                config,
                data=data,
                row_ids=row_ids,
                background=background,
                dictionary=dictionary,
                publishing=not no_publish,
                replacing=replace,
                output_dir=output_dir,
                progress=progress,
            )
        if no_publish:
            _show(result)
        if result.report_uri:
            click.echo(result.report_uri)


def _show(result: ExplainedVersion) -> None:
    """The most important numbers, as a table on standard output."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for explanation in filter(None, (result.shap, result.lime)):
        console.print(summary_of_explanation(explanation).to_rich())
