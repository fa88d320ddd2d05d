"""``interp explain``."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from interp_pipeline.config import ExplainConfig
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.steps.naming import parse_list
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
    from mlflow_plugin.settings import Settings

__all__ = ["explain"]


@click.command()
@click.argument("model_uris", nargs=-1, required=True, metavar="MODEL_URI...")
@click.option("--data", help="Rows to explain: file, folder or URI; default: rows logged with the version.")
@click.option("--background", help="Background data: file, folder or URI; default: logged, else drawn beside the rows.")
@click.option("--rows", type=int, help="How many rows to explain [default: 200].")
@click.option("--methods", help="auto, shap, lime, or explainer names, separated by commas [default: auto].")
@with_dictionary_option
@with_effort_options
@with_lime_options
@with_output_options
@with_common_options
def explain(
    *,
    settings: Settings,
    tracking_uri: str | None,
    progress: Progress,
    model_uris: tuple[str, ...],
    data: str | None,
    background: str | None,
    dictionary: str | None,
    methods: str | None,
    **options: Any,
) -> None:
    """Explain registered versions and publish the result to their runs.

    MODEL_URI is models:/name/3, models:/name@alias or models:/name/latest, of a model that anybody registered.
    """
    from interp_pipeline.steps.explain import explain as explain_step

    if methods is not None:
        options["methods"] = parse_list(methods)
    config = ExplainConfig.from_mapping({**settings.explain, **given(**options)})
    refs = [str(ModelRef.parse(uri)) for uri in model_uris]  # all of them, before the first takes its minutes
    for model_uri in refs:
        with redirect_stdout(sys.stderr):  # what a model prints is not the result
            result = explain_step(
                model_uri,
                config,
                data=data,
                background=background,
                dictionary=dictionary,
                tracking_uri=tracking_uri,
                progress=progress,
            )
        click.echo(result.report_uri)
