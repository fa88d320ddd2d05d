"""The HTTP application: four routes, and nothing else that answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from interp_pipeline.errors import TrackingError
from mlflow_plugin.worker_http.blocking import Blocking
from mlflow_plugin.worker_http.webhook import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mlflow_plugin.metrics import Metrics
    from mlflow_plugin.settings import WebhookSecrets

__all__ = ["create_app"]

_PROBES = ("/healthz", "/readyz")
_MOST_REQUESTS = 200  # under way, probes not among them; more are told to come back later
_PROBE_WITHIN_S = 5.0  # whoever probes waits for about as long
_logger = logging.getLogger("interp.service")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_app(
    *,
    note: Callable[[str, int, str], None],
    not_ready: Callable[[], str],
    secrets: WebhookSecrets,
    metrics: Metrics,
    show_metrics: bool = True,
) -> FastAPI:
    """Make the application: ``POST /webhooks/mlflow``, ``GET /healthz``, ``/readyz`` and ``/metrics``.

    Args:
        note: leaves a note of a version: name, number, workspace (empty: the worker's). A TrackingError is
            answered with 503, so that MLflow tries again.
        not_ready: why the worker is not; empty: it is ready. A TrackingError is a reason, too.
        secrets: what webhooks are signed with; without a current one they are refused with 503.
        metrics: of the worker.
        show_metrics: whether ``/metrics`` is there; it opens without credentials.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(_Outermost)
    probes = Blocking("interp-probe", threads=4, patience_s=_PROBE_WITHIN_S)
    receiver = WebhookReceiver(note, secrets, lambda outcome: metrics.webhook_deliveries.labels(outcome).inc())

    @app.get("/healthz")
    async def healthz() -> Response:
        """Whether the process lives: it answers."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> Response:
        """Whether the worker does its work."""
        try:
            why_not = await probes.call(not_ready)
        except (TrackingError, TimeoutError):  # the worker logs what the table says; whoever asks here gets no address
            why_not = "the job table does not answer"
        return PlainTextResponse(f"{why_not or 'ready'}\n", 503 if why_not else 200)

    if show_metrics:

        @app.get("/metrics")
        async def exposition() -> Response:
            """The metrics in Prometheus' text format."""
            try:
                return Response(await probes.call(metrics.exposition), media_type=CONTENT_TYPE_LATEST)
            except TimeoutError:
                return PlainTextResponse(f"no figures within {_PROBE_WITHIN_S:.0f} s\n", 503)

    app.add_route("/webhooks/mlflow", receiver.receive, methods=["POST"])
    return app


class _Outermost:
    """Adds to every answer what keeps browsers from making anything of it; defects of ours go to the log alone.

    Probes have a door of their own: however many others are answered slowly, they are let in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way = 0
        self._added = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to the answer."""
        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message = {**message, "headers": [*message.get("headers", ()), *self._added]}
            await send(message)

        if scope.get("path") in _PROBES:
            app = self._app
        elif self._under_way >= _MOST_REQUESTS:
            app = JSONResponse({"error": "too many requests are under way; send it again"}, 503)
        else:
            app = self._counted
        try:
            await app(scope, receive, send_with_headers)
        except Exception:
            _logger.exception("service: %s %r failed", scope.get("method"), scope.get("path"))
            if has_begun:
                raise
            answer = JSONResponse({"error": "internal error; the worker's log says more"}, 500)
            await answer(scope, receive, send_with_headers)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1
