"""``interp compare``."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from interp_pipeline.config import CompareConfig, ExplainConfig
from mlflow_plugin.cli.options import (
    given,
    with_common_options,
    with_dictionary_option,
    with_effort_options,
    with_output_options,
)

if TYPE_CHECKING:
    from interp_pipeline.progress import Progress
    from mlflow_plugin.settings import Settings

__all__ = ["compare"]


@click.command()
@click.argument("model_uris", nargs=-1, required=True, metavar="MODEL_URI MODEL_URI...")
@click.option("--data", help="Rows to compare on: file, folder or URI; default: those of the first version.")
@click.option("--background", help="Background data for all versions; default: that of the first version.")
@click.option("--rows", type=int, help="How many rows to compare on [default: 200].")
@click.option("--top-k", type=int, help="Size of the top lists whose overlap is measured [default: 5].")
@with_dictionary_option
@with_effort_options
@with_output_options
@with_common_options
def compare(
    *,
    settings: Settings,
    progress: Progress,
    model_uris: tuple[str, ...],
    data: str | None,
    background: str | None,
    dictionary: str | None,
    **options: Any,
) -> None:
    """Compare what drives two or more versions, on the same rows, in a run of its own.

    Each version is explained by the best SHAP method for it, all against the same background data.
    """
    from interp_pipeline.steps.compare import compare as compare_step

    comparing = given(rows=options.pop("rows"), top_k=options.pop("top_k"), seed=options["seed"])
    config = CompareConfig.from_mapping({**settings.compare, **comparing})
    explain_config = ExplainConfig.from_mapping({**settings.explain, **given(**options)})
    with redirect_stdout(sys.stderr):
        result = compare_step(
            model_uris,
            config,
            explain_config=explain_config,
            data=data,
            background=background,
            dictionary=dictionary,
            progress=progress,
        )
    for name, value in result.comparison.metrics.items():
        progress.say(f"{name}: {value:.4g}")
    click.echo(result.report_uri)
