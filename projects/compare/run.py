"""``mlflow run . -e compare``: compare what drives two or more registered versions."""

import click

from interp_pipeline.config import CompareConfig, ExplainConfig
from interp_pipeline.console import project_command
from interp_pipeline.progress import Progress
from interp_pipeline.steps.compare import compare
from interp_pipeline.steps.naming import parse_model_uris


@project_command
@click.option("--model-uris", default="")
@click.option("--model-name", default="")
@click.option("--versions", default="")
@click.option("--rows", type=int, required=True)
def run(*, progress: Progress, model_uris: str, model_name: str, versions: str, rows: int) -> None:
    """Explain on the same rows where needed, compare, publish."""
    uris = parse_model_uris(model_uris, model_name, versions)
    result = compare(uris, CompareConfig(rows=rows), explain_config=ExplainConfig(), progress=progress)
    progress.say(f"Compared {', '.join(uris)}: {result.report_uri}")


run()
