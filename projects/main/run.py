"""``mlflow run .``: train a random forest and a Keras network, explain both, compare them."""

import click

from interp_pipeline.command.one_line_errors import project_command
from interp_pipeline.progress import Progress
from interp_pipeline.steps.main_job import run_main_job


@project_command
@click.option("--data", required=True)
@click.option("--target", required=True)
@click.option("--positive-class", default="")
@click.option("--name-prefix", default="")
@click.option("--rows", type=int, required=True)
def run(*, progress: Progress, data: str, target: str, positive_class: str, name_prefix: str, rows: int) -> None:
    """Train, explain, compare, in child runs of this one."""
    run_main_job(
        data,
        target=target,
        positive_class=positive_class or None,
        name_prefix=name_prefix or None,
        rows=rows,
        progress=progress,
    )


run()
