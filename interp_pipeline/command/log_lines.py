"""Log lines of a command: text or JSON, with fields that a whole block shares."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from interp_pipeline.plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LOGGER", "configure_logging", "log_fields"]

LOGGER = logging.getLogger("interp")  # of everything this project says

# These libraries set up their logging when they are imported, from variables. TensorFlow reports its
# start-up on levels up to "error" (its real errors are raised); without oneDNN's kernels it sums in
# one fixed order, and says nothing about it.
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # standard output holds the result, for scripts to read
}

# MLflow's client would try every call eight times for two minutes each. This is enough to outlast a
# restart of the server (about half a minute), and a server that is gone is reported before one gives up.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}

# These log, with tracebacks or once per attempt, what they raise as well: it would stand there twice.
_RAISED_TOO = ("mlflow.store.db.utils", "urllib3.connectionpool")

_fields: ContextVar[Mapping[str, Any]] = ContextVar("fields of every log line", default=MappingProxyType({}))


@contextmanager
def log_fields(**fields: Any) -> Iterator[None]:
    """Let every line that is logged in the block (by this thread) carry these fields, where lines are JSON.

    A line's own fields are given with it: ``logger.info(..., extra={"fields": {...}})``.
    """
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


class _JsonFormatter(logging.Formatter):
    """One event a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a JSON object."""
        event = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **({} if _is_ours(record) else {"logger": record.name}),
            **_fields.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return plain(json.dumps(event, ensure_ascii=False))  # which writes them as JSON does


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == LOGGER.name


class _TextFormatter(logging.Formatter):
    """A line as people read it; where many versions are worked on, it begins with the one it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, with the traceback it may have below it."""
        line, model = super().format(record), _fields.get().get("model")
        line = line if model is None or str(model) in line else f"{model}: {line}"
        return plain(line, "\n" if record.exc_info or not _is_ours(record) else "")


def _only_when_debugging(_record: logging.LogRecord) -> bool:
    return False


def configure_logging(log_format: str, *, debug: bool = False) -> None:
    """Send our own lines to standard error, as text or as JSON, and keep other libraries to warnings.

    As JSON every line is an object, those of other libraries too, which name the ``logger`` they come from.

    Args:
        log_format: ``text`` or ``json``.
        debug: also show what libraries log about errors that they raise as well.
    """
    for name, value in {**_QUIET, **_PATIENCE}.items():
        os.environ.setdefault(name, value)
    for name in _RAISED_TOO:  # a filter, since MLflow resets the levels of its loggers when it is imported
        logger = logging.getLogger(name)
        (logger.removeFilter if debug else logger.addFilter)(_only_when_debugging)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter("%(message)s"))
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    _take_over_others(handler if log_format == "json" else None)


def _take_over_others(handler: logging.Handler | None) -> None:
    """Let other libraries write through this handler; None: as they would by themselves."""
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if isinstance(each.formatter, _JsonFormatter)]:
        root.removeHandler(earlier)
    logging.captureWarnings(handler is not None)
    if handler is not None:
        os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")  # else it gives its loggers a handler of their own
        root.addHandler(handler)
