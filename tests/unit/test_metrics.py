"""Prometheus reads what the worker counted and what the job table says at that moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from interp_pipeline.errors import TrackingError
from mlflow_plugin.jobs import JobTable, NewJob
from mlflow_plugin.jobs.job import CLOSED
from mlflow_plugin.metrics import Metrics

if TYPE_CHECKING:
    from pathlib import Path


def _values(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels, as Prometheus reads them."""
    return {
        f"{sample.name}{sorted(sample.labels.values()) or ''}": sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


@dataclass
class _Figures:
    """A job table's answers."""

    waiting: int = 2
    oldest_s: float | None = 12.5
    scan_age_s: float | None = 3.25
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        if self.failure is not None:
            raise self.failure
        return {"pending": self.waiting, "failed": 1}

    def failures_by_class(self) -> dict[str, int]:
        return {'Odd"Error\n\\': 1}

    def oldest_unexplained_s(self) -> float | None:
        return self.oldest_s

    def last_scan_age_s(self) -> float | None:
        return self.scan_age_s


def test_what_a_worker_counts_is_shown() -> None:
    metrics = Metrics()
    metrics.stage_seconds.labels("compute").observe(0.2)
    metrics.jobs_finished.labels("published").inc()
    metrics.attempts_failed.labels("ModelProcessError").inc(3)
    metrics.leases_lost.inc()
    metrics.sandbox_layer.labels("seccomp").set(1)
    metrics.sandbox_landlock_abi.set(4)
    metrics.webhook_deliveries.labels("noted").inc()
    values = _values(metrics)
    assert values["interp_stage_seconds_sum['compute']"] == 0.2
    assert values["interp_stage_seconds_bucket['0.3', 'compute']"] == 1
    assert values["interp_stage_seconds_bucket['0.1', 'compute']"] == 0
    assert values["interp_jobs_finished_total['published']"] == 1
    assert values["interp_attempts_failed_total['ModelProcessError']"] == 3
    assert values["interp_leases_lost_total"] == 1
    assert values["interp_sandbox_layer['seccomp']"] == 1
    assert values["interp_sandbox_landlock_abi"] == 4
    assert values["interp_webhook_deliveries_total['noted']"] == 1
    assert values["interp_process_resident_memory_bytes"] > 1e6
    assert all(name.startswith("interp_") for name in values)


def test_a_series_is_there_before_its_first_event() -> None:
    values = _values(Metrics())
    assert {f"interp_jobs_finished_total['{state}']" for state in CLOSED} <= set(values)
    for stage in ("scan", "adopt", "fetch", "compute", "draw", "publish"):
        assert values[f"interp_stage_seconds_count['{stage}']"] == 0


def test_the_table_is_asked_at_every_scrape_and_not_before() -> None:
    figures, metrics = _Figures(), Metrics()
    figures.failure = AssertionError("asked too early")
    metrics.watch_jobs(figures)
    figures.failure = None
    values = _values(metrics)
    assert values["interp_jobs['pending']"] == 2
    assert values["interp_jobs_failing['Odd\"Error\\n\\\\']"] == 1
    assert values["interp_oldest_unexplained_seconds"] == 12.5
    assert values["interp_last_scan_age_seconds"] == 3.25
    assert values["interp_job_table_up"] == 1
    figures.waiting, figures.oldest_s, figures.scan_age_s = 7, None, None
    values = _values(metrics)
    assert values["interp_jobs['pending']"] == 7
    assert values["interp_oldest_unexplained_seconds"] == 0
    assert "interp_last_scan_age_seconds" not in values


def test_a_table_that_does_not_answer_takes_nothing_else_with_it() -> None:
    figures, metrics = _Figures(failure=TrackingError("gone")), Metrics()
    metrics.watch_jobs(figures)
    metrics.leases_lost.inc()
    values = _values(metrics)
    assert values["interp_job_table_up"] == 0
    assert values["interp_leases_lost_total"] == 1
    assert "interp_oldest_unexplained_seconds" not in values


def test_a_real_job_table_is_read(tmp_path: Path) -> None:
    table, metrics = JobTable.open(f"sqlite:///{tmp_path / 'jobs.db'}"), Metrics()
    metrics.watch_jobs(table)
    table.add([NewJob(key="k", name="credit", version=1, created_ms=1, workspace="")])
    values = _values(metrics)
    assert values["interp_jobs['pending']"] == 1
    assert values["interp_jobs['published']"] == 0
    assert values["interp_oldest_unexplained_seconds"] >= 0


def test_two_workers_in_one_process_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.leases_lost.inc()
    assert _values(other)["interp_leases_lost_total"] == 0
