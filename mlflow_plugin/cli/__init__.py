"""The ``interp`` command: one file per command."""

from __future__ import annotations

import click

from interp_pipeline.console import OneLineGroup
from mlflow_plugin.cli.compare import compare
from mlflow_plugin.cli.explain import explain
from mlflow_plugin.cli.train import train
from mlflow_plugin.cli.webhook import webhook

__all__ = ["main"]


@click.group("interp", cls=OneLineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="interp-pipeline", prog_name="interp")
def main() -> None:
    """Train models, explain registered model versions, compare explanations."""


for _command in (train, explain, compare, webhook):
    main.add_command(_command)
