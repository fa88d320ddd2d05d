"""What becomes of a job whose attempt failed: decided by the branch of the error, and by nothing else."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from interp_pipeline.errors import (
    GoneError,
    InterpError,
    ModelError,
    ModelProcessError,
    NoDataError,
    RefusedError,
    TrackingError,
)

if TYPE_CHECKING:
    from mlflow_plugin.jobs import Job
    from mlflow_plugin.settings import WorkerSettings

__all__ = ["NotSelectedError", "NotYetError", "RetryDecision", "decide"]

_WHEN_RESTORED = "; once it is there again: interp reconcile --retry gone"
_LONGEST_ERROR = 1000  # characters that are kept of a message
_ADVICE = {  # what to do about a process that died every time, by what ended it
    "out_of_time": "make it answer sooner, or raise max_seconds in [sandbox] and run: interp reconcile --retry failed",
    "out_of_memory": "make it need less, or raise max_memory_gb in [sandbox] and run: interp reconcile --retry failed",
    "stuck": "see what does not answer there, or raise overhead_s in [worker] and run: interp reconcile --retry failed",
    "crashed": "see by its own code why it does not live to answer for these rows, and register one that does",
}
_OURS = "a defect of interp-pipeline: report it, with the worker's log"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class NotSelectedError(ModelError):
    """The version is registered, but of a kind that is not explained here."""


class NotYetError(TrackingError):
    """What is missing may still come, for the run that makes it has not ended."""


@dataclass(frozen=True, kw_only=True)
class RetryDecision:
    """What to do with the job, and what is said about it."""

    state: Literal["pending", "failed", "skipped", "gone"]  # pending: it is tried again
    after_s: float  # until it is tried again
    crashed: bool  # the attempt counts
    error_class: str
    error: str


def decide(error: Exception, job: Job, settings: WorkerSettings) -> RetryDecision:
    """Decide.

    What may change by itself or by somebody else (a server, a storage, a right, a full disk) is tried again without
    limit, each time later. What died is tried again a few times, for the next attempt may get further. What the
    version itself is to blame for ends the job at once.

    Args:
        error: what ended the attempt.
        job: as it was claimed, with the failures before this one.
        settings: how often and how long after each other.
    """
    name, text = _class_of(error), " ".join(str(error).split())[:_LONGEST_ERROR] or type(error).__name__
    if isinstance(error, NoDataError | NotSelectedError):
        return RetryDecision(state="skipped", after_s=0, crashed=False, error_class=name, error=text)
    if isinstance(error, GoneError):
        return RetryDecision(state="gone", after_s=0, crashed=False, error_class=name, error=f"{text}{_WHEN_RESTORED}")
    if isinstance(error, TrackingError | RefusedError) or (isinstance(error, OSError) and error.errno in _NO_ROOM):
        wait_s = min(settings.retry_after_s * 2 ** min(job.failures, 30), settings.retry_at_most_s)
        return RetryDecision(state="pending", after_s=wait_s, crashed=False, error_class=name, error=text)
    if isinstance(error, ModelProcessError) or not isinstance(error, InterpError):
        if job.crashes + 1 < settings.attempts:
            wait_s = min(settings.retry_after_s * 2**job.crashes, settings.retry_at_most_s)
            return RetryDecision(state="pending", after_s=wait_s, crashed=True, error_class=name, error=text)
        tried = "" if settings.attempts == 1 else f", at each of the last {settings.attempts} attempts"
        text = f"{text}{tried}; {_ADVICE.get(name, _OURS)}"
        return RetryDecision(state="failed", after_s=0, crashed=True, error_class=name, error=text)
    return RetryDecision(state="failed", after_s=0, crashed=False, error_class=name, error=text)


def _class_of(error: Exception) -> str:
    """The name failures are counted under."""
    return error.kind if isinstance(error, ModelProcessError) else type(error).__name__
