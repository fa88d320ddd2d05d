"""What becomes of a job whose attempt failed."""

from __future__ import annotations

import dataclasses
import errno
from typing import Any

import pytest

from interp_pipeline.errors import (
    CheckError,
    DataError,
    GoneError,
    ModelError,
    ModelProcessError,
    NoDataError,
    RefusedError,
    SourceRefusedError,
    TrackingError,
    UsageError,
)
from mlflow_plugin.jobs import Job
from mlflow_plugin.settings import WorkerSettings
from mlflow_plugin.worker.retry import decide

_SETTINGS = WorkerSettings()


def job(**fields: Any) -> Job:
    return Job(
        **{
            "key": "k",
            "name": "credit",
            "version": 1,
            "created_ms": 0,
            "workspace": "",
            "state": "running",
            "attempt": 1,
            "owner": "w",
            "lease_until_ms": 0,
            "next_attempt_ms": 0,
            "crashes": 0,
            "lapses": 0,
            "failures": 0,
            "error_class": None,
            "error": None,
            "noticed_ms": 0,
            "changed_ms": 0,
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ModelError("unsupported"), "failed"),
        (CheckError("does not add up"), "failed"),
        (SourceRefusedError("elsewhere"), "failed"),
        (UsageError("no such method"), "failed"),
        (DataError("a column is missing"), "failed"),
        (NoDataError("no background data"), "skipped"),
        (GoneError("its run was deleted"), "gone"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else each,
)
def test_what_the_version_is_to_blame_for_ends_the_job_at_once(error: Exception, state: str) -> None:
    verdict = decide(error, job(), _SETTINGS)
    assert (verdict.state, verdict.crashed) == (state, False)
    assert verdict.error.startswith(str(error))
    assert ("interp reconcile --retry gone" in verdict.error) == (state == "gone")
    assert verdict.error_class == type(error).__name__


@pytest.mark.parametrize(
    "error",
    [
        TrackingError("no server answers"),
        RefusedError("no permission"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EMFILE, "Too many open files"),
    ],
    ids=["tracking", "refused", "disk full", "descriptors"],
)
def test_what_may_pass_is_tried_again_without_end_and_ever_later(error: Exception) -> None:
    waits = []
    for failures in range(40):
        verdict = decide(error, job(failures=failures, crashes=2), _SETTINGS)
        assert (verdict.state, verdict.crashed) == ("pending", False)
        waits.append(verdict.after_s)
    assert waits[:4] == [15, 30, 60, 120]
    assert waits == sorted(waits)
    assert waits[-1] == 900


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("crashed", "register one that does"),
        ("out_of_memory", "max_memory_gb"),
        ("out_of_time", "max_seconds"),
        ("stuck", "overhead_s"),
    ],
)
def test_a_process_that_dies_has_three_attempts(kind: Any, advice: str) -> None:
    error = ModelProcessError("killed by SIGSEGV", kind=kind)
    first, second, third = (decide(error, job(crashes=crashes), _SETTINGS) for crashes in range(3))
    assert [each.state for each in (first, second, third)] == ["pending", "pending", "failed"]
    assert all(each.crashed and each.error_class == kind for each in (first, second, third))
    assert third.error.startswith("killed by SIGSEGV, at each of the last 3 attempts; ")
    assert advice in third.error


def test_a_defect_of_ours_has_three_attempts_too() -> None:
    assert decide(KeyError("x"), job(crashes=1), _SETTINGS).state == "pending"
    last = decide(KeyError("x"), job(crashes=2), _SETTINGS)
    assert (last.state, last.error_class) == ("failed", "KeyError")
    assert last.error.endswith("report it, with the worker's log")


def test_with_one_attempt_nothing_is_tried_again() -> None:
    settings = dataclasses.replace(_SETTINGS, attempts=1)
    verdict = decide(ModelProcessError("died", kind="crashed"), job(), settings)
    assert verdict.state == "failed"
    assert verdict.error.startswith("died; ")


def test_a_message_becomes_one_line_of_bounded_length() -> None:
    verdict = decide(ModelError("a\n b\t" + "x" * 5000), job(), _SETTINGS)
    assert verdict.error.startswith("a b xxx")
    assert len(verdict.error) == 1000
    assert decide(ModelError(), job(), _SETTINGS).error == "ModelError"
