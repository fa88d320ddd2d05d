"""``mlflow run . -e train_keras``: train a Keras network and register it."""

import click

from interp_pipeline.command.one_line_errors import project_command
from interp_pipeline.config import TrainConfig
from interp_pipeline.names import default_model_name, parse_hidden
from interp_pipeline.progress import Progress
from interp_pipeline.steps.train import train


@project_command
@click.option("--data", required=True)
@click.option("--target", required=True)
@click.option("--positive-class", default="")
@click.option("--registered-model-name", default="")
@click.option("--hidden", required=True)
@click.option("--epochs", type=int, required=True)
@click.option("--batch-size", type=int, required=True)
@click.option("--seed", type=int, required=True)
def run(
    *,
    progress: Progress,
    data: str,
    target: str,
    positive_class: str,
    registered_model_name: str,
    hidden: str,
    epochs: int,
    batch_size: int,
    seed: int,
) -> None:
    """Train, log, register."""
    config = TrainConfig(
        kind="keras",
        target=target,
        positive_class=positive_class or None,
        hidden=parse_hidden(hidden),
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
    )
    train(data, registered_model_name or default_model_name(data, config.kind), config, progress=progress)


run()
