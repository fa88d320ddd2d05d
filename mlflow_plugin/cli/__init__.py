"""The ``interp`` command: one file per command."""

from __future__ import annotations

import click

from interp_pipeline.command.one_line_errors import OneLineGroup
from mlflow_plugin.cli.compare import compare
from mlflow_plugin.cli.explain import explain
from mlflow_plugin.cli.methods import methods
from mlflow_plugin.cli.train import train
from mlflow_plugin.cli.webhook import webhook
from mlflow_plugin.cli.worker import reconcile, status, worker

__all__ = ["main"]


@click.group("interp", cls=OneLineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="interp-pipeline", prog_name="interp")
def main() -> None:
    """Explain every model version that is registered in MLflow, when asked or by itself, and compare explanations."""


for _command in (train, explain, methods, compare, worker, reconcile, status, webhook):
    main.add_command(_command)
