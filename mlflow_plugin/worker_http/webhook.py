"""The receiver of MLflow's webhooks: it believes only what is signed, and leaves a note of the version."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from interp_pipeline.errors import TrackingError
from mlflow_plugin.worker_http.blocking import Blocking
from mlflow_plugin.worker_http.event import EventError, read_event
from mlflow_plugin.worker_http.signature import AHEAD_S, PAST_S, Envelope, SignatureError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fastapi import Request

    from mlflow_plugin.settings import WebhookSecrets

__all__ = ["WebhookReceiver"]

_MOST_BYTES = 64 * 1024  # of a body; MLflow's are about 500
_BODY_WITHIN_S = 10.0
_NOTE_WITHIN_S = 10.0  # MLflow waits 30 s for an answer
_MOST_REMEMBERED = 100_000  # deliveries; forgetting one costs a second note, which is none
_TELL_EVERY_S = 60.0  # refusals of one kind: whoever sends them must not fill the log

_logger = logging.getLogger("interp.webhook")


class _RefusalError(Exception):
    def __init__(self, status: int, outcome: str, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.outcome = outcome


class WebhookReceiver:
    """Takes deliveries. For one event loop."""

    def __init__(
        self,
        note: Callable[[str, int, str], None],
        secrets: WebhookSecrets,
        count: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take deliveries.

        Args:
            note: leaves a note of a version: name, number, workspace. A TrackingError lets MLflow try again.
            secrets: what deliveries are signed with; without a current one every delivery is refused.
            count: is told what came of each request, in one word.
            clock: our time, in s since 1970.
        """
        self._note = note
        self._secrets = [secret for secret in (secrets.current, secrets.previous) if secret] if secrets.current else []
        self._count = count
        self._clock = clock
        self._known: dict[str, float] = {}  # delivery ids, and until when to remember them; oldest first
        self._one_at_a_time = asyncio.Lock()
        self._threads = Blocking("interp-webhook", threads=2, patience_s=_NOTE_WITHIN_S)
        self._told_at: dict[str, float] = defaultdict(lambda: float("-inf"))

    async def receive(self, request: Request) -> JSONResponse:
        """Answer one request."""
        try:
            status, outcome, said = 200, await self._take(request), {}
        except _RefusalError as refusal:
            status, outcome, said = refusal.status, refusal.outcome, {"error": str(refusal)}
            self._tell(refusal)
        except Exception:
            self._count("failed")
            raise
        self._count(outcome)
        return JSONResponse({"outcome": outcome, **said}, status)

    async def _take(self, request: Request) -> str:
        if not self._secrets:
            raise _RefusalError(503, "unconfigured", "this worker has no webhook secret; set INTERP_WEBHOOK_SECRET")
        try:
            envelope = Envelope.read(_values(request), self._clock())
            body = await _body(request)
            envelope.verify(self._secrets, body)
            event = read_event(body)
        except SignatureError as error:
            raise _RefusalError(401, "unsigned", str(error)) from error
        except EventError as error:
            raise _RefusalError(400, "malformed", str(error)) from error
        return event if isinstance(event, str) else await self._note_once(envelope.delivery_id, *event)

    async def _note_once(self, delivery_id: str, name: str, version: int) -> str:
        """Leave the note, unless this delivery has left it: what comes twice at once waits for the first."""
        try:
            async with asyncio.timeout(_NOTE_WITHIN_S), self._one_at_a_time:
                if self._is_known(delivery_id):
                    return "duplicate"
                await self._threads.call(lambda: self._note(name, version, ""))
        except (TrackingError, TimeoutError) as error:
            raise _RefusalError(503, "unavailable", "the job table does not answer; send it again") from error
        self._known[delivery_id] = self._clock() + PAST_S + AHEAD_S
        _logger.info("webhook: version %d of %r was registered", version, name)
        return "noted"

    def _is_known(self, delivery_id: str) -> bool:
        """Whether it was noted; forgets what is too old to be sent again."""
        now_s = self._clock()
        while self._known:
            oldest, until_s = next(iter(self._known.items()))
            if until_s >= now_s and len(self._known) < _MOST_REMEMBERED:
                break
            del self._known[oldest]
        return delivery_id in self._known

    def _tell(self, refusal: _RefusalError) -> None:
        now_s = time.monotonic()
        if now_s - self._told_at[refusal.outcome] >= _TELL_EVERY_S:
            self._told_at[refusal.outcome] = now_s
            detail = f" ({refusal.__cause__})" if isinstance(refusal.__cause__, TrackingError) else ""
            _logger.warning("webhook: a delivery was refused: %s%s", refusal, detail)


def _values(request: Request) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in request.headers.items():
        found[name].append(value)
    return found


async def _body(request: Request) -> bytes:
    """Read the body, and no more of it than may be."""
    if int(request.headers.get("content-length", "0")) > _MOST_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise _too_large()
    except ClientDisconnect as error:
        raise _RefusalError(400, "malformed", "the body was cut off") from error
    except TimeoutError as error:
        msg = f"the body took more than {_BODY_WITHIN_S:.0f} s"
        raise _RefusalError(408, "too_slow", msg) from error
    return bytes(body)


def _too_large() -> _RefusalError:
    return _RefusalError(413, "too_large", f"a body may have {_MOST_BYTES} bytes")
