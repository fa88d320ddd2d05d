"""What a worker asks of the process that it runs in: the time, an alarm, and to end."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Host"]


class Host:
    """This process and its clock; a test has others, which need no waiting."""

    def now(self) -> float:
        """A time that only grows, in s."""
        return time.monotonic()

    def alarm(self, after_s: float, ring: Callable[[], None]) -> threading.Timer:
        """Call from another thread after some time, unless it is cancelled; its log lines name the same job."""
        timer = threading.Timer(after_s, copy_context().run, (ring,))
        timer.daemon = True
        timer.start()
        return timer

    def end(self, code: int) -> None:
        """End the process at once, though a call hangs in it that nothing can end."""
        logging.shutdown()
        os._exit(code)
