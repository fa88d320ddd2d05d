"""``mlflow run . -e train_random_forest``: train a random forest and register it."""

import click

from interp_pipeline.command.one_line_errors import project_command
from interp_pipeline.config import TrainConfig
from interp_pipeline.names import default_model_name
from interp_pipeline.progress import Progress
from interp_pipeline.steps.train import train


@project_command
@click.option("--data", required=True)
@click.option("--target", required=True)
@click.option("--positive-class", default="")
@click.option("--registered-model-name", default="")
@click.option("--n-estimators", type=int, required=True)
@click.option("--max-depth", type=int, required=True)
@click.option("--seed", type=int, required=True)
def run(
    *,
    progress: Progress,
    data: str,
    target: str,
    positive_class: str,
    registered_model_name: str,
    n_estimators: int,
    max_depth: int,
    seed: int,
) -> None:
    """Train, log, register."""
    config = TrainConfig(
        kind="random_forest",
        target=target,
        positive_class=positive_class or None,
        n_estimators=n_estimators,
        max_depth=max_depth or None,
        seed=seed,
    )
    train(data, registered_model_name or default_model_name(data, config.kind), config, progress=progress)


run()
