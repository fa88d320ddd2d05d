"""MLflow's signatures of webhook deliveries, version 1.

``v1,`` and the Base64 of HMAC-SHA256 over delivery id, timestamp and body, with dots between, as MLflow 3 sends
them (``mlflow.webhooks.delivery``). MLflow names no window of time for them; ours is that of the Standard Webhooks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["AHEAD_S", "PAST_S", "Envelope", "SignatureError", "sign"]

PAST_S = 300  # how old a delivery may be; MLflow's own retries come within seconds
AHEAD_S = 60  # how far the sender's clock may be ahead
_DELIVERY, _TIMESTAMP, _SIGNATURE = "x-mlflow-delivery-id", "x-mlflow-timestamp", "x-mlflow-signature"
_LONGEST_ID = 200
_WHOLE_SECONDS = re.compile(r"[0-9]{1,12}")


class SignatureError(Exception):
    """A delivery that was not sent by MLflow, or not just now."""


def sign(secret: str, delivery_id: str, timestamp: str, body: bytes) -> str:
    """The signature MLflow gives a delivery."""
    signed = b".".join((delivery_id.encode("latin-1"), timestamp.encode("latin-1"), body))
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What the headers of a delivery say."""

    delivery_id: str  # the same for every try of one delivery
    timestamp: str  # when it was first sent, in whole s since 1970
    signature: str

    @classmethod
    def read(cls, headers: Mapping[str, Sequence[str]], now_s: float) -> Envelope:
        """Read the headers and hold the time against ours, before a body is looked at.

        Args:
            headers: all values by name in small letters.
            now_s: our time, in s since 1970.

        Raises:
            SignatureError: one is missing, stands there twice or cannot be one, or the time is not now.
        """
        for name in (_DELIVERY, _TIMESTAMP, _SIGNATURE):
            if len(headers.get(name, ())) != 1 or not headers[name][0]:
                msg = f"the header {name} is missing, or there are two"
                raise SignatureError(msg)
        envelope = cls(
            delivery_id=headers[_DELIVERY][0], timestamp=headers[_TIMESTAMP][0], signature=headers[_SIGNATURE][0]
        )
        if len(envelope.delivery_id) > _LONGEST_ID or not _WHOLE_SECONDS.fullmatch(envelope.timestamp):
            msg = f"{_DELIVERY} or {_TIMESTAMP} is none of MLflow's"
            raise SignatureError(msg)
        age_s = now_s - int(envelope.timestamp)
        if not -AHEAD_S <= age_s <= PAST_S:
            msg = f"{_TIMESTAMP} lies {abs(age_s):.0f} s in the {'past' if age_s > 0 else 'future'}; compare the clocks"
            raise SignatureError(msg)
        return envelope

    def verify(self, secrets: Sequence[str], body: bytes) -> None:
        """Hold the signature against every secret, in a time that says nothing about any of them.

        Raises:
            SignatureError: none of them was used.
        """
        given = self.signature.encode("latin-1")
        equal = [
            hmac.compare_digest(sign(secret, self.delivery_id, self.timestamp, body).encode(), given)
            for secret in secrets
        ]
        if not any(equal):
            msg = f"{_SIGNATURE} is not that of this secret and body; compare the secrets"
            raise SignatureError(msg)
