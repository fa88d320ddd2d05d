"""``mlflow run . -e explain``: explain one registered version, publish to its run."""

import click

from interp_pipeline.config import ExplainConfig
from interp_pipeline.console import project_command
from interp_pipeline.progress import Progress
from interp_pipeline.steps.explain import explain
from interp_pipeline.steps.naming import parse_methods


@project_command
@click.option("--model-uri", required=True)
@click.option("--data", default="")
@click.option("--rows", type=int, required=True)
@click.option("--methods", required=True)
def run(*, progress: Progress, model_uri: str, data: str, rows: int, methods: str) -> None:
    """Fetch, compute, publish."""
    config = ExplainConfig(rows=rows, methods=parse_methods(methods))
    result = explain(model_uri, config, data=data or None, progress=progress)
    progress.say(f"Explained {result.version.uri}: {result.report_uri}")


run()
