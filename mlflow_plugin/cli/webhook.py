"""``interp webhook``: MLflow's webhooks that wake a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import click

from interp_pipeline.addresses import cleaned, is_readable, scheme_of, without_secrets
from interp_pipeline.errors import RefusedError, TrackingError, UsageError
from mlflow_plugin.cli.options import with_common_options
from mlflow_plugin.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient
    from mlflow.entities.webhook import Webhook

    from interp_pipeline.progress import Progress
    from mlflow_plugin.settings import Settings

__all__ = ["webhook"]

_EVENT: Literal["model_version.created"] = "model_version.created"
_ROUTE = "/webhooks/mlflow"
_SHORTEST_SECRET = 16
_MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
_TAKES_EFFECT = "MLflow sends it events within 60 s (MLFLOW_WEBHOOK_CACHE_TTL of the server)"
_MLFLOW_WANTS = (
    "MLflow calls public https addresses only, unless its server runs with "
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https and MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true"
)


@click.group()
def webhook() -> None:
    """Let MLflow's server wake the worker when a version is registered, instead of its next scan."""


@webhook.command()
@click.option("--url", required=True, help=f"Where the worker listens, as MLflow reaches it: https://host{_ROUTE}")
@click.option("--name", default="interp-pipeline", show_default=True, help="Name of the webhook in MLflow.")
@click.option(
    "--secret-file",
    metavar="FILE",
    help="File with the secret; default: INTERP_WEBHOOK_SECRET or its _FILE.",
)
@with_common_options
def register(
    *,
    settings: Settings,
    progress: Progress,
    url: str,
    name: str,
    secret_file: str | None,
) -> None:
    """Register the worker with MLflow."""
    from interp_pipeline.tracking.server.session import connect
    from interp_pipeline.tracking.server.translate_errors import translated

    if secret_file:
        settings = load_settings(None, {"INTERP_WEBHOOK_SECRET_FILE": secret_file})
    secret = settings.webhook_secrets.current
    _check_url(url)
    _check_secret(secret)
    client = connect(making=False).client
    for known in _ours(client):
        if known.url == url:
            calls = f"MLflow calls {without_secrets(url)} already"
            msg = f"{calls}; to replace it: interp webhook delete {known.webhook_id}"
            raise UsageError(msg)
    try:
        with translated(f"registering {without_secrets(url)}"):
            made = client.create_webhook(name=name, url=url, events=[_EVENT], secret=secret)
    except RefusedError as error:
        msg = f"{error}; {_MLFLOW_WANTS}"
        raise UsageError(msg) from error
    progress.say(f"{_TAKES_EFFECT}; try it with: interp webhook test {made.webhook_id}")
    click.echo(made.webhook_id)


@webhook.command("list")
@with_common_options
def list_(*, settings: Settings, progress: Progress) -> None:
    """List webhooks for new versions."""
    from interp_pipeline.tracking.server.session import connect

    del settings, progress
    for each in _ours(connect(making=False).client):
        click.echo(f"{each.webhook_id}  {each.status}  {without_secrets(str(each.url))}")


@webhook.command()
@click.argument("webhook_id")
@with_common_options
def delete(*, settings: Settings, progress: Progress, webhook_id: str) -> None:
    """Delete a webhook, by its id."""
    from interp_pipeline.tracking.server.session import connect
    from interp_pipeline.tracking.server.translate_errors import translated

    del settings
    client = connect(making=False).client
    with translated(f"deleting webhook {webhook_id}"):
        client.delete_webhook(webhook_id)
    progress.say(f"deleted {webhook_id}")


@webhook.command()
@click.argument("webhook_id")
@with_common_options
def test(*, settings: Settings, progress: Progress, webhook_id: str) -> None:
    """Let MLflow send a signed test event."""
    from interp_pipeline.tracking.server.session import connect
    from interp_pipeline.tracking.server.translate_errors import translated

    del settings
    client = connect(making=False).client
    with translated(f"testing webhook {webhook_id}"):
        result = client.test_webhook(webhook_id)
    if not result.success:
        said = cleaned(result.error_message or f"{result.response_status}: {result.response_body}")
        msg = f"the worker was not reached, or refused it ({said}); {_MLFLOW_WANTS}"
        raise TrackingError(msg)
    progress.say(f"the worker answered {result.response_status}")


def _ours(client: MlflowClient) -> Iterator[Webhook]:
    """The webhooks for new model versions."""
    from interp_pipeline.tracking.server.translate_errors import translated

    token = None
    while True:
        with translated("reading MLflow's webhooks"):
            page = client.list_webhooks(max_results=100, page_token=token)
        for each in page:
            if _EVENT in {str(event) for event in each.events}:
                yield each
        token = page.token
        if not token:
            return


def _check_secret(secret: str) -> None:
    if len(secret) < _SHORTEST_SECRET:
        what = f"has fewer than {_SHORTEST_SECRET} characters" if secret else "is not set"
        msg = (
            f"the secret that signs the deliveries {what}; make one with {_MAKE_ONE}, and give it to this command "
            "and to the worker as INTERP_WEBHOOK_SECRET or INTERP_WEBHOOK_SECRET_FILE"
        )
        raise UsageError(msg)


def _check_url(url: str) -> None:
    shown = without_secrets(url)
    fits = scheme_of(url) in {"http", "https"} and is_readable(url)
    if not fits or not urlsplit(shown).hostname or not urlsplit(shown).path.endswith(_ROUTE):
        msg = f"--url {shown!r}: write https://host:port{_ROUTE}, the address at which MLflow reaches the worker"
        raise UsageError(msg)
