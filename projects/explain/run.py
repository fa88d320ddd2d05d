"""``mlflow run . -e explain``: explain one registered version, publish to its run."""

import click

from interp_pipeline.command.one_line_errors import project_command
from interp_pipeline.config import ExplainConfig
from interp_pipeline.names import parse_list, parse_numbers
from interp_pipeline.progress import Progress
from interp_pipeline.steps.explain import explain


@project_command
@click.option("--model-uri", required=True)
@click.option("--data", default="")
@click.option("--background", default="")
@click.option("--rows", type=int, required=True)
@click.option("--methods", required=True)
@click.option("--output", default="auto")
@click.option("--output-name", default="")
@click.option("--target", default="")
@click.option("--task", default="auto")
@click.option("--lime-samples", type=int, default=5000)
@click.option("--lime-kernel-width", type=float, default=0.0)  # 0: lime's own
@click.option("--lime-features", type=int, default=0)  # 0: all
@click.option("--row", default="")
@click.option("--replace", type=bool, default=False)
def run(
    *,
    progress: Progress,
    model_uri: str,
    data: str,
    background: str,
    rows: int,
    methods: str,
    output: str,
    output_name: str,
    target: str,
    task: str,
    lime_samples: int,
    lime_kernel_width: float,
    lime_features: int,
    row: str,
    replace: bool,
) -> None:
    """Fetch, compute, publish."""
    options = {
        "rows": rows,
        "methods": parse_list(methods),
        "output": output,
        "output_name": output_name or None,
        "target": target or None,
        "task": task,
        "lime_samples": lime_samples,
        "lime_kernel_width": lime_kernel_width or None,
        "lime_features": lime_features or None,
    }
    config = ExplainConfig.from_mapping(options)
    result = explain(
        model_uri,
        config,
        data=data or None,
        row_ids=parse_numbers("row", row),
        background=background or None,
        replacing=replace,
        progress=progress,
    )
    progress.say(f"Explained {result.version.uri}: {result.report_uri}")


run()
