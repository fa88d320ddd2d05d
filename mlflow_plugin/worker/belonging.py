"""One job table, one configuration: who may scan and claim, and what is said to whoever may not."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from mlflow_plugin.jobs import JobTable
    from mlflow_plugin.metrics import Metrics
    from mlflow_plugin.settings import Settings

__all__ = ["Membership", "differences", "require_ours"]

_MOST_SHOWN = 5  # differences
_LONGEST_VALUE = 60  # characters
_logger = logging.getLogger("interp.worker")


class Membership:
    """A worker's part in a table: asked before every look for work."""

    def __init__(self, table: JobTable, settings: Settings, metrics: Metrics) -> None:
        """Prepare; the table is asked by ``is_ours``."""
        self._table = table
        self._settings = settings
        self._metrics = metrics
        self._content = settings.of_jobs()
        self._told_at: float | None = None  # since when it stands by, as was told last; None: it does not

    def is_ours(self) -> bool:
        """Whether this worker may look for work; where it may not, that is logged now and then.

        Raises:
            TrackingError: the table does not answer.
        """
        found = self._table.join(self._content, _silent_s(self._settings))
        self._metrics.configuration_current.set(found.ours)
        if found.ours:
            if found.other is not None:
                _logger.warning(
                    "the job table belongs to this worker's configuration now, and versions are explained by it; "
                    "before, %s",
                    differences(found.other, self._content),
                )
            self._told_at = None
        elif self._told_at is None or time.monotonic() - self._told_at > self._settings.worker.scan_every_s:
            self._told_at = time.monotonic()
            _logger.warning("standing by: %s", _why_not(found.other or "", self._settings))
        return found.ours

    def why_not(self) -> str:
        """What keeps this worker from work, as an error says it.

        Raises:
            TrackingError: the table does not answer.
        """
        found = self._table.join(self._content, _silent_s(self._settings))
        return "" if found.ours else _why_not(found.other or "", self._settings)

    def leave(self) -> None:
        """Say that this worker stops."""
        self._table.leave(self._content)


def require_ours(table: JobTable, settings: Settings) -> None:
    """Refuse to change jobs by hand with another configuration than the workers have.

    Raises:
        UsageError: the table belongs to another one, whose workers are there.
    """
    content = settings.of_jobs()
    found = table.join(content, _silent_s(settings), takes_over=False)
    if not found.ours:
        raise UsageError(_why_not(found.other or "", settings))
    if found.other is not None:  # no worker has it yet, and none of the others should wait for one
        table.leave(content)


def _silent_s(settings: Settings) -> float:
    """How long nothing is heard of workers before they count as gone: one may be waiting for a server to come back."""
    return settings.worker.lease_s + 2 * settings.worker.scan_every_s


def _why_not(other: str, settings: Settings) -> str:
    return (
        "the job table belongs to another configuration, with which workers run: "
        f"{differences(other, settings.of_jobs())}; use that configuration here, or another job table "
        f"(INTERP_JOBS_URI) for other models, or end those workers: {_silent_s(settings):.0f} s after the last word "
        "of them this one takes over"
    )


def differences(theirs: str, ours: str) -> str:
    """In which options two configurations differ, in words; theirs first."""
    there, here = (_flat(json.loads(text)) for text in (theirs, ours))
    names = [name for name in sorted({*there, *here}) if there.get(name) != here.get(name)]
    said = [f"{name} was {_shown(there.get(name))} and is {_shown(here.get(name))} here" for name in names]
    more = f" and {len(said) - _MOST_SHOWN} more" if len(said) > _MOST_SHOWN else ""
    return ", ".join(said[:_MOST_SHOWN]) + more


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    return {
        f"[{section}] {name}" if isinstance(options, dict) else f"[[{section}]]": value
        for section, options in content.items()
        for name, value in (options.items() if isinstance(options, dict) else [(section, options)])
    }


def _shown(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
