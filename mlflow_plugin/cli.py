"""The ``interp`` command."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from functools import wraps
from typing import TYPE_CHECKING, Any, get_args

import click

from interp_pipeline.config import CompareConfig, ExplainConfig, Output, TrainConfig
from interp_pipeline.console import OneLineGroup, configure_logging, console_progress, run_guarded
from interp_pipeline.errors import UsageError
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.steps.naming import parse_list
from mlflow_plugin.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.progress import Progress

__all__ = ["main"]

_KINDS = {"random-forest": "random_forest", "keras": "keras"}
# Options only one kind of model listens to: given for another, they would be passed over in silence.
_ONLY = {
    "n_estimators": "random_forest",
    "max_depth": "random_forest",
    "hidden": "keras",
    "epochs": "keras",
    "batch_size": "keras",
}


def _with_common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options every command has, and turn errors into one line and an exit code."""

    @click.option("--tracking-uri", metavar="URI", help="MLflow server or store; default: MLflow's own setting.")
    @click.option("--config", "config_file", metavar="FILE", help="TOML file with defaults.")
    @click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
    @click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
    @wraps(command)
    def wrapped(
        *, tracking_uri: str | None, config_file: str | None, log_format: str, debug: bool, **options: Any
    ) -> None:
        configure_logging(log_format, debug=debug)

        def action() -> None:
            settings = load_settings(config_file)
            command(
                settings=settings,
                tracking_uri=tracking_uri or settings.tracking_uri,
                progress=console_progress(log_format),
                **options,
            )

        run_guarded(action, debug=debug)

    return wrapped


def _names(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """A list as it is written on the command line."""
    return None if text is None else parse_list(text)


def _with_output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what the outputs of a model are, above all of one that was not trained here."""
    for option in (
        click.option("--class-names", callback=_names, help="Names for its classes in its order, with commas between."),
        click.option("--positive-class", help="Which of its two classes is spoken about; default: the second."),
        click.option("--target", help="Column it predicts; default: what its signature says."),
        click.option(
            "--output",
            type=click.Choice(get_args(Output)),
            help="What is explained of a classifier; auto: scores where these add up, else probabilities.",
        ),
    ):
        command = option(command)
    return command


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given on the command line."""
    return {name: value for name, value in options.items() if value is not None}


@click.group("interp", cls=OneLineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="interp-pipeline", prog_name="interp")
def main() -> None:
    """Train models, explain registered model versions, compare explanations."""


@main.command()
@click.argument("data", default="german_credit")
@click.option("--name", "name", metavar="NAME", help="Registered model name; default: made from data and kind.")
@click.option("--kind", type=click.Choice(list(_KINDS)), help="[default: random-forest]")
@click.option("--target", help="Target column [default: target].")
@click.option("--positive-class", help="Class whose probability the summary speaks about; default: inferred.")
@click.option("--task", type=click.Choice(["binary", "multiclass", "regression"]), help="Default: inferred.")
@click.option("--n-estimators", type=int, help="Random forest: trees [default: 100].")
@click.option("--max-depth", type=int, help="Random forest: depth [default: unlimited].")
@click.option("--hidden", help="Keras: units of the hidden layers [default: 64,64].")
@click.option("--epochs", type=int, help="Keras [default: 10].")
@click.option("--batch-size", type=int, help="Keras [default: 32].")
@click.option("--seed", type=int, help="[default: 42]")
@_with_common_options
def train(
    *,
    settings: Settings,
    tracking_uri: str | None,
    progress: Progress,
    data: str,
    name: str | None,
    kind: str | None,
    hidden: str | None,
    **options: Any,
) -> None:
    """Train a model on DATA and register it.

    DATA is a CSV or Parquet file or folder: local, s3:// or http(s)://; default: the German credit data.
    """
    from interp_pipeline.steps.naming import default_model_name, parse_hidden
    from interp_pipeline.steps.train import train as train_step

    given = _given(
        kind=None if kind is None else _KINDS[kind], hidden=None if hidden is None else parse_hidden(hidden), **options
    )
    config = TrainConfig.from_mapping({**settings.train, **given})
    for option, only in _ONLY.items():
        if option in given and only != config.kind:
            msg = f"--{option.replace('_', '-')} is an option of {only.replace('_', ' ')} models; see --kind"
            raise UsageError(msg)
    if name is None:
        name = default_model_name(data, config.kind)
    result = train_step(data, name, config, tracking_uri=tracking_uri, progress=progress)
    for metric, value in result.metrics.items():
        progress.say(f"test {metric}: {value:.4g}")
    click.echo(result.uri)


@main.command()
@click.argument("model_uris", nargs=-1, required=True, metavar="MODEL_URI...")
@click.option("--data", help="Rows to explain: file, folder or URI; default: rows logged with the version.")
@click.option("--background", help="Background data: file, folder or URI; default: logged, else drawn beside the rows.")
@click.option("--background-rows", type=int, help="Draw this many rows of the background data [default: 100].")
@click.option("--rows", type=int, help="How many rows to explain [default: 200].")
@click.option("--methods", help="auto, shap, lime, or explainer names, separated by commas [default: auto].")
@click.option("--max-seconds", type=float, help="Stop sampling after this time.")
@click.option("--max-error", type=float, help="Sample until the standard error is this share of mean |value|.")
@click.option("--max-evaluations", type=int, help="Stop sampling after asking the model about so many rows.")
@click.option("--seed", type=int, help="[default: 42]")
@_with_output_options
@_with_common_options
def explain(
    *,
    settings: Settings,
    tracking_uri: str | None,
    progress: Progress,
    model_uris: tuple[str, ...],
    data: str | None,
    background: str | None,
    methods: str | None,
    **options: Any,
) -> None:
    """Explain registered versions and publish the result to their runs.

    MODEL_URI is models:/name/3, models:/name@alias or models:/name/latest, of a model that anybody registered.
    """
    from interp_pipeline.steps.explain import explain as explain_step

    if methods is not None:
        options["methods"] = parse_list(methods)
    config = ExplainConfig.from_mapping({**settings.explain, **_given(**options)})
    refs = [str(ModelRef.parse(uri)) for uri in model_uris]  # all of them, before the first takes its minutes
    for model_uri in refs:
        with redirect_stdout(sys.stderr):  # what a model prints is not the result
            result = explain_step(
                model_uri, config, data=data, background=background, tracking_uri=tracking_uri, progress=progress
            )
        click.echo(result.report_uri)


@main.command()
@click.argument("model_uris", nargs=-1, required=True, metavar="MODEL_URI MODEL_URI...")
@click.option("--data", help="Rows to compare on: file, folder or URI; default: those of the first version.")
@click.option("--rows", type=int, help="How many rows to compare on [default: 200].")
@click.option("--top-k", type=int, help="Size of the top lists whose overlap is measured [default: 5].")
@_with_output_options
@_with_common_options
def compare(
    *,
    settings: Settings,
    tracking_uri: str | None,
    progress: Progress,
    model_uris: tuple[str, ...],
    data: str | None,
    **options: Any,
) -> None:
    """Compare what drives two or more versions, on the same rows, in a run of its own."""
    from interp_pipeline.steps.compare import compare as compare_step

    outputs = _given(**{name: options.pop(name) for name in ("output", "target", "positive_class", "class_names")})
    config = CompareConfig.from_mapping({**settings.compare, **_given(**options)})
    explain_config = ExplainConfig.from_mapping({**settings.explain, **outputs})
    with redirect_stdout(sys.stderr):
        result = compare_step(
            model_uris, config, explain_config=explain_config, data=data, tracking_uri=tracking_uri, progress=progress
        )
    for name, value in result.comparison.metrics.items():
        progress.say(f"{name}: {value:.4g}")
    click.echo(result.report_uri)
