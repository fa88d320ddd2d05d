"""Messages between the worker and its fork server: one JSON object each, with descriptors if need be."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Channel"]

_AT_ONCE_BYTES = 65536
_MOST_DESCRIPTORS = 4  # of one message


class Channel:
    """One end of a pair of connected sockets; the other end is trusted."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected stream socket."""
        self._connection = connection
        self._received = b""
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        """The descriptor to wait on: it becomes readable with a message, or when the other end closes."""
        return self._connection.fileno()

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send a message, and copies of descriptors.

        Raises:
            OSError: the other end has gone.
        """
        data = json.dumps(message).encode() + b"\n"
        sent = socket.send_fds(self._connection, [data], list(descriptors)) if descriptors else 0
        self._connection.sendall(data[sent:])

    def receive(self) -> tuple[dict[str, Any], list[int]] | None:
        """Wait for a whole message.

        Returns:
            The message and its descriptors, which are the caller's to close; None once the other end has gone.
        """
        while b"\n" not in self._received:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._connection, _AT_ONCE_BYTES, _MOST_DESCRIPTORS)
            except ConnectionError:
                return None
            self._descriptors += descriptors
            if not data:
                return None
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        descriptors, self._descriptors = self._descriptors, []
        return json.loads(line), descriptors

    def close(self) -> None:
        """Close this end, and descriptors that nobody took."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []
        self._connection.close()
