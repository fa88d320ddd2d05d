"""``interp methods``."""

from __future__ import annotations

import click

__all__ = ["methods"]


@click.command()
def methods() -> None:
    """List the methods that --methods of interp explain takes by name, those of other packages too."""
    from interp_pipeline.steps.list_methods import list_methods

    for line in list_methods():
        click.echo(line)
