"""``mlflow run . -e compare``: compare what drives two or more registered versions."""

import click

from interp_pipeline.command.one_line_errors import project_command
from interp_pipeline.config import CompareConfig, ExplainConfig
from interp_pipeline.names import parse_model_uris
from interp_pipeline.progress import Progress
from interp_pipeline.steps.compare import compare


@project_command
@click.option("--model-uris", default="")
@click.option("--model-name", default="")
@click.option("--versions", default="")
@click.option("--data", default="")
@click.option("--rows", type=int, required=True)
@click.option("--background", default="")
@click.option("--output", default="auto")
@click.option("--output-name", default="")
@click.option("--target", default="")
@click.option("--task", default="auto")
def run(
    *,
    progress: Progress,
    model_uris: str,
    model_name: str,
    versions: str,
    data: str,
    rows: int,
    background: str,
    output: str,
    output_name: str,
    target: str,
    task: str,
) -> None:
    """Explain on the same rows where needed, compare, publish."""
    uris = parse_model_uris(model_uris, model_name, versions)
    result = compare(
        uris,
        CompareConfig(rows=rows),
        explain_config=ExplainConfig.from_mapping(
            {"output": output, "output_name": output_name or None, "target": target or None, "task": task}
        ),
        data=data or None,
        background=background or None,
        progress=progress,
    )
    progress.say(f"Compared {', '.join(uris)}: {result.report_uri}")


run()
