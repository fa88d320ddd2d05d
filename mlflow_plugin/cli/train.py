"""``interp train``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from interp_pipeline.config import TrainConfig
from interp_pipeline.errors import UsageError
from mlflow_plugin.cli.options import given, with_common_options

if TYPE_CHECKING:
    from interp_pipeline.progress import Progress
    from mlflow_plugin.settings import Settings

__all__ = ["train"]

_KINDS = {"random-forest": "random_forest", "keras": "keras"}
# Options only one kind of model listens to: given for another, they would be passed over in silence.
_ONLY = {
    "n_estimators": "random_forest",
    "max_depth": "random_forest",
    "hidden": "keras",
    "epochs": "keras",
    "batch_size": "keras",
}


@click.command()
@click.argument("data", default="german_credit")
@click.option("--name", "name", metavar="NAME", help="Registered model name; default: made from data and kind.")
@click.option("--kind", type=click.Choice(list(_KINDS)), help="What is trained [default: random-forest].")
@click.option("--target", help="Target column [default: target].")
@click.option("--positive-class", help="Class that the summary is about; default: inferred.")
@click.option("--task", type=click.Choice(["binary", "multiclass", "regression"]), help="Default: inferred.")
@click.option("--n-estimators", type=int, help="Random forest: number of trees [default: 100].")
@click.option("--max-depth", type=int, help="Random forest: depth of the trees [default: unlimited].")
@click.option("--hidden", help="Keras: units of the hidden layers [default: 64,64].")
@click.option("--epochs", type=int, help="Keras: passes over the training rows [default: 10].")
@click.option("--batch-size", type=int, help="Keras: rows per training step [default: 32].")
@click.option("--seed", type=int, help="Of the split and of the training [default: 42].")
@with_common_options
def train(
    *,
    settings: Settings,
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
    from interp_pipeline.names import default_model_name, parse_hidden
    from interp_pipeline.steps.train import train as train_step

    chosen = given(
        kind=None if kind is None else _KINDS[kind], hidden=None if hidden is None else parse_hidden(hidden), **options
    )
    config = TrainConfig.from_mapping({**settings.train, **chosen})
    for option, only in _ONLY.items():
        if option in chosen and only != config.kind:
            msg = f"--{option.replace('_', '-')} is an option of {only.replace('_', ' ')} models; see --kind"
            raise UsageError(msg)
    if name is None:
        name = default_model_name(data, config.kind)
    result = train_step(data, name, config, progress=progress)
    for metric, value in result.metrics.items():
        progress.say(f"test {metric}: {value:.4g}")
    click.echo(result.uri)
