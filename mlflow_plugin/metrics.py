"""What a worker counts and measures of itself, and what the job table says, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily

from interp_pipeline.errors import TrackingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["JobFigures", "Metrics"]

# In s. Small models are explained in about one second, and none may take more than a quarter of an hour.
_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 900)
_STAGES = ("scan", "adopt", "fetch", "compute", "draw", "publish")
_ENDS = ("published", "failed", "skipped", "gone")


class JobFigures(Protocol):
    """What a job table is asked at every scrape."""

    def counts(self) -> Mapping[Any, int]:
        """How many jobs there are, by state."""

    def failures_by_class(self) -> Mapping[str, int]:
        """How many jobs' last attempt failed, by class of error: ended ones and ones to be tried again."""

    def oldest_unexplained_s(self) -> float | None:
        """How long the oldest open job has been known, in s; None: there is none."""

    def last_scan_age_s(self) -> float | None:
        """How long ago the last good scan ended, in s; None: there was none yet."""


class Metrics:
    """The metrics of one worker. Nothing of it is global: two workers in one process do not share them."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._registry = registry = CollectorRegistry()
        self.stage_seconds = Histogram(
            "interp_stage_seconds",
            "Time a scan, or a stage of one version, took.",
            ["stage"],
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self.jobs_finished = Counter(
            "interp_jobs_finished", "Jobs this worker brought to an end, by state.", ["state"], registry=registry
        )
        self.attempts_failed = Counter(
            "interp_attempts_failed",
            "Attempts of this worker that failed, by class.",
            ["error_class"],
            registry=registry,
        )
        self.leases_lost = Counter(
            "interp_leases_lost", "Jobs this worker gave up because another one has them now.", registry=registry
        )
        self.sandbox_layer = Gauge(
            "interp_sandbox_layer",
            "Whether a layer of the sandbox is active here: 1 or 0.",
            ["layer"],
            registry=registry,
        )
        self.sandbox_landlock_abi = Gauge(
            "interp_sandbox_landlock_abi",
            "Version of Landlock's ABI that holds models here; 0: Landlock does not.",
            registry=registry,
        )
        self.configuration_current = Gauge(
            "interp_configuration_current",
            "Whether the job table belongs to this worker's configuration: 1, or 0: it stands by.",
            registry=registry,
        )
        self.webhook_deliveries = Counter(
            "interp_webhook_deliveries",
            "Requests to the webhook, by what came of them.",
            ["outcome"],
            registry=registry,
        )
        for stage in _STAGES:  # a series that is there from the start can be told from one that was renamed
            self.stage_seconds.labels(stage)
        for state in _ENDS:
            self.jobs_finished.labels(state)
        ProcessCollector(namespace="interp", registry=registry)

    def watch_jobs(self, figures: JobFigures) -> None:
        """Read the job table at every scrape from now on: what it says is never older than the scrape."""
        self._registry.register(_JobCollector(figures))

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _JobCollector:
    """Asks the job table; where it does not answer, its figures are left out, and ``interp_job_table_up`` is 0."""

    def __init__(self, figures: JobFigures) -> None:
        self._figures = figures

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: the table need not be asked before the first scrape."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what the table says now."""
        try:
            families = list(self._read())
        except TrackingError:
            families = []
        yield GaugeMetricFamily(
            "interp_job_table_up", "Whether the job table answered this scrape: 1 or 0.", value=float(bool(families))
        )
        yield from families

    def _read(self) -> Iterator[GaugeMetricFamily]:
        yield _by_label("interp_jobs", "Jobs in the table, by state.", "state", self._figures.counts())
        yield _by_label(
            "interp_jobs_failing",
            "Jobs whose last attempt failed, by class: ended ones and ones to be tried again.",
            "error_class",
            self._figures.failures_by_class(),
        )
        yield GaugeMetricFamily(
            "interp_oldest_unexplained_seconds",
            "How long the oldest version that waits for its explanation has been known; 0: none waits.",
            value=self._figures.oldest_unexplained_s() or 0.0,
        )
        scanned_s = self._figures.last_scan_age_s()
        yield GaugeMetricFamily(
            "interp_last_scan_age_seconds",
            "How long ago the last good scan of the registry ended; without a value: there was none yet.",
            value=scanned_s,
        )


def _by_label(name: str, documentation: str, label: str, values: Mapping[Any, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([str(key)], value)
    return family
