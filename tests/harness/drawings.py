"""What a process that draws may be given to do, in place of pictures."""

from __future__ import annotations

import logging
import os
import re
import signal
import time
import warnings
from typing import TYPE_CHECKING, Any

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from interp_pipeline.progress import Progress


def obey(fetched: Any, computed: Any, config: Any, progress: Progress) -> dict[str, bytes]:
    """Do what the numbers say."""
    del fetched, config
    with progress.track("Drawing", 2) as advance:
        advance(1)
        progress.say("halfway")
        _DEEDS[computed]()
        advance(1)
    return {"pid": str(os.getpid()).encode()}


def _spin() -> None:
    re.fullmatch("(a*)*b", "a" * 40)  # in compiled code, where Python hears of no signal


def _raise() -> None:
    msg = "only LIME was computed"
    raise UsageError(msg)


def _fail() -> None:
    msg = "no such name"
    raise KeyError(msg)


def _tell() -> None:
    logging.getLogger("interp").warning("no font has it")
    warnings.warn("matplotlib will change", stacklevel=1)


_DEEDS = {
    "nothing": lambda: None,
    "spin": _spin,
    "sleep": lambda: time.sleep(600),
    "die": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "leave": lambda: os._exit(3),
    "raise": _raise,
    "fail": _fail,
    "tell": _tell,
}
