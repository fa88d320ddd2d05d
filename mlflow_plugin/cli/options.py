"""What commands share: common options, and the reading of what was given."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, get_args

import click

from interp_pipeline.command.log_lines import configure_logging
from interp_pipeline.command.one_line_errors import run_guarded
from interp_pipeline.command.progress_bars import console_progress
from interp_pipeline.config import Output, TaskChoice
from interp_pipeline.names import parse_list
from mlflow_plugin.settings import load_settings, set_tracking_uri

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "given",
    "with_common_options",
    "with_dictionary_option",
    "with_effort_options",
    "with_lime_options",
    "with_output_options",
]


def with_common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options every command has, and turn errors into one line and an exit code."""

    @click.option("--tracking-uri", metavar="URI", help="MLflow server or store; default: MLflow's own setting.")
    @click.option("--config", "config_file", metavar="FILE", help="TOML file with defaults.")
    @click.option(
        "--log-format", type=click.Choice(["text", "json"]), default="text", help="Form of the log [default: text]."
    )
    @click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
    @wraps(command)
    def wrapped(
        *, tracking_uri: str | None, config_file: str | None, log_format: str, debug: bool, **options: Any
    ) -> None:
        configure_logging(log_format, debug=debug)

        def action() -> None:
            settings = load_settings(config_file)
            if uri := tracking_uri or settings.tracking_uri:
                set_tracking_uri(uri)
            command(
                settings=settings,
                progress=console_progress(log_format),
                **options,
            )

        run_guarded(action, debug=debug)

    return wrapped


def _names(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """A list as it is written on the command line."""
    return None if text is None else parse_list(text)


def with_output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what the outputs of a model are, above all of one that was not trained here."""
    for option in (
        click.option("--class-names", callback=_names, help="Names for its classes in its order, separated by commas."),
        click.option("--positive-class", help="Which of two classes is described; default: the second."),
        click.option("--target", help="Column that the model predicts; default: as its signature says."),
        click.option(
            "--task",
            type=click.Choice(get_args(TaskChoice)),
            help="For models that do not say it: whole numbers may be amounts or classes [default: auto].",
        ),
        click.option("--output-name", help="Which output is explained, if a network has several."),
        click.option(
            "--output",
            type=click.Choice(get_args(Output)),
            help="Output of a classifier that is explained; auto: scores where these add up, else probabilities.",
        ),
    ):
        command = option(command)
    return command


def with_dictionary_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option that names columns and values for people."""
    return click.option(
        "--dictionary", metavar="FILE", help="Data dictionary: a TOML file with labels, units and names of values."
    )(command)


def with_effort_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say against what, and how exactly, a model is explained."""
    for option in (
        click.option("--seed", type=int, help="Every random number follows from it [default: 42]."),
        click.option("--max-evaluations", type=int, help="Stop sampling after this many rows were predicted."),
        click.option("--max-error", type=float, help="Sample until the standard error is this share of mean |value|."),
        click.option("--max-seconds", type=float, help="Stop sampling a model after this time."),
        click.option("--background-rows", type=int, help="Draw this many rows of the background data [default: 100]."),
    ):
        command = option(command)
    return command


def with_lime_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how LIME's simple model of each row is made."""
    for option in (
        click.option("--lime-features", type=int, help="Most features in LIME's model of a row [default: all]."),
        click.option(
            "--lime-kernel-width",
            type=float,
            help="How far from a row perturbed rows still count [default: 0.75 * root of the number of features].",
        ),
        click.option("--lime-samples", type=int, help="Perturbed rows that LIME learns from [default: 5000]."),
    ):
        command = option(command)
    return command


def given(**options: Any) -> dict[str, Any]:
    """The options that were given on the command line."""
    return {name: value for name, value in options.items() if value is not None}
