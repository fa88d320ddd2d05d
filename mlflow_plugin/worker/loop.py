"""The worker: looks for what is due, works on one job at a time, and stops without leaving anything half done."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING

from interp_pipeline.command.log_lines import log_fields
from interp_pipeline.errors import InterpError, ModelProcessError, RefusedError, TrackingError, UsageError
from interp_pipeline.tracking.runs.run_writer import mark_status
from mlflow_plugin.reconcile import reconcile, take_notes
from mlflow_plugin.sandbox import Cancelled
from mlflow_plugin.worker.attempt import Attempt
from mlflow_plugin.worker.belonging import Membership
from mlflow_plugin.worker.host import Host
from mlflow_plugin.worker.lease import Lease, LeaseLostError
from mlflow_plugin.worker.retry import RetryDecision, decide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interp_pipeline.tracking.runs.run_writer import Status
    from mlflow_plugin.jobs import Job
    from mlflow_plugin.worker.attempt import Tools

__all__ = ["Worker"]

_TO_GIVE_BACK_S = 5.0  # of the time to stop in, kept for ending the computation and giving the job back
_TO_END_S = 1.0  # of that, kept for ending the process, where a call does not return
_logger = logging.getLogger("interp.worker")


class Worker:
    """One process that explains what is due, until it is told to stop."""

    def __init__(self, tools: Tools, host: Host | None = None) -> None:
        """Prepare; nothing is done before ``run``.

        Args:
            tools: what its attempts use, its job table among them.
            host: the process it runs in; None: this one.
        """
        self._tools = tools
        self._host = host or Host()
        self._settings = tools.settings.worker
        self.owner = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._stopping = threading.Event()
        self._stop_at = float("inf")
        self._job: Job | None = None
        self._membership = Membership(tools.table, tools.settings, tools.metrics)
        self._failures = 0  # rounds in a row in which the table or the registry did not answer

    def run(self, *, until_idle: bool = False) -> None:
        """Work until ``stop`` is called.

        What fails in one round is logged and tried again in a later one, each time after a longer wait: a table or
        a registry that does not answer, or refuses this worker for a while, ends no worker.

        Args:
            until_idle: stop as soon as nothing is due.

        Raises:
            UsageError: it is to stop when nothing is due, and the table belongs to another configuration.
        """
        _logger.info("worker %s started", self.owner, extra={"fields": {"owner": self.owner}})
        while not self._stopping.is_set():
            try:
                ours = self._membership.is_ours()
                busy = ours and self._round()
            except (TrackingError, RefusedError) as error:
                self._wait_after(error)
                continue
            self._failures = 0
            if until_idle and not ours:
                raise UsageError(self._membership.why_not())
            if until_idle and not busy:
                break
            if not busy:
                self._stopping.wait(self._settings.poll_s)
        self._leave()
        _logger.info("worker %s stopped", self.owner, extra={"fields": {"owner": self.owner}})

    def stop(self) -> None:
        """Claim nothing any more, and end within the time the settings give; may be called from a signal's handler."""
        if self._stopping.is_set():
            return
        self._stop_at = self._host.now() + self._settings.stop_within_s - _TO_GIVE_BACK_S
        self._stopping.set()
        self._host.alarm(self._settings.stop_within_s - _TO_END_S, self._give_up)

    def not_ready(self) -> str:
        """Why this worker should not be counted on; empty: it should.

        Raises:
            TrackingError: the table does not answer, which is a reason too.
        """
        if self._stopping.is_set():
            return "the worker is stopping"
        age_s = self._tools.table.last_scan_age_s()
        if age_s is None:
            return "no scan of the registry has succeeded yet"
        busy_s = self._tools.settings.sandbox.max_seconds if self._job is not None else 0.0  # it scans between versions
        if age_s > 3 * self._settings.scan_every_s + busy_s:
            return f"the last good scan of the registry is {age_s:.0f} s old"
        return ""

    def _leave(self) -> None:
        try:
            self._membership.leave()
        except TrackingError as error:
            _logger.info("the table was not told that this worker stops: %s", error)

    def _round(self) -> bool:
        """Look for work and do a piece of it; False: nothing was due. What is due is done though a look failed."""
        trouble: InterpError | None = None
        try:
            self._look()
        except (TrackingError, RefusedError) as error:
            trouble = error
        job = self._tools.table.claim(self.owner, self._settings.lease_s)
        if job is None:
            if trouble is not None:
                raise trouble
            return False
        with log_fields(key=job.key, model=f"models:/{job.name}/{job.version}", attempt=job.attempt):
            self._work_on(job)
        return True

    def _look(self) -> None:
        """Turn what was noted, and every so often what is registered, into jobs."""
        tools = self._tools
        noticed = take_notes(tools.session, tools.table, tools.settings)
        if noticed:
            _logger.info("%d new versions were announced", noticed, extra={"fields": {"added": noticed}})
        if not tools.table.begin_scan(self._settings.scan_every_s):
            return
        try:
            with tools.metrics.stage_seconds.labels("scan").time():
                scan = reconcile(tools.session, tools.table, tools.settings)
        except (TrackingError, RefusedError):
            tools.table.give_up_scan()
            raise
        tools.table.end_scan()
        if scan.added or scan.reopened or scan.replaced or scan.retired or scan.mended:
            _logger.info(
                "scan: %d versions registered, %d jobs new, %d opened again, %d replaced, %d gone, "
                "%d tags put right, in %.1f s",
                scan.registered,
                scan.added,
                scan.reopened,
                scan.replaced,
                scan.retired,
                scan.mended,
                scan.seconds,
                extra={"fields": {"registered": scan.registered, "added": scan.added, "seconds": scan.seconds}},
            )

    def _work_on(self, job: Job) -> None:
        settings = self._settings
        self._job = job
        try:
            # Held until it is settled: to say on a version what is the matter may take longer than a lease.
            with Lease(self._tools.table, job, lease_s=settings.lease_s, heartbeat_s=settings.heartbeat_s) as lease:
                if job.lapses >= settings.takeovers:
                    self._settle(job, lease, _died(job))
                else:
                    self._attempt(job, lease)
        finally:
            self._job = None

    def _attempt(self, job: Job, lease: Lease) -> None:
        tools, started = self._tools, time.perf_counter()
        attempt = Attempt(tools, job, lease, lambda: lease.lost or self._host.now() > self._stop_at)
        try:
            with self._limited(attempt, job, lease):
                how = attempt.run()
        except LeaseLostError as error:
            tools.metrics.leases_lost.inc()
            _logger.warning("%s; nothing more is written", error)
        except Cancelled:
            if tools.table.holds(job):
                self._tag(job, "pending")
            given_back = tools.table.release(job)
            lease.end()
            if given_back:
                _logger.info("given back unfinished")
            else:
                tools.metrics.leases_lost.inc()
                _logger.warning("the job was taken over by another worker; nothing of it is written")
        except Exception as error:  # noqa: BLE001 - whatever an attempt raises, the worker and the other jobs go on
            self._failed(job, lease, error)
        else:
            seconds = time.perf_counter() - started
            tools.metrics.jobs_finished.labels("published").inc()
            words = "an explanation of it was there already" if how == "adopted" else "explained"
            _logger.info("%s, in %.1f s", words, seconds, extra={"fields": {"outcome": how, "seconds": seconds}})

    @contextlib.contextmanager
    def _limited(self, attempt: Attempt, job: Job, lease: Lease) -> Iterator[None]:
        """End the process if a call of the attempt does not return: no call can be ended from outside.

        The lease is kept up meanwhile, so nobody else would ever take the job.
        """
        limit_s = self._settings.overhead_s + self._tools.settings.sandbox.max_seconds

        def end() -> None:
            msg = f"its worker was not done with it after {limit_s:.0f} s, while it {attempt.doing}"
            try:
                self._failed(job, lease, ModelProcessError(msg, kind="stuck"))
            except InterpError as error:
                _logger.warning("the table could not be told (%s); the job is taken over when its lease ends", error)
            _logger.error("a call does not return: this worker ends, start another one")
            self._host.end(1)

        alarm = self._host.alarm(limit_s, end)
        try:
            yield
        finally:
            alarm.cancel()

    def _failed(self, job: Job, lease: Lease, error: Exception) -> None:
        """Decide what becomes of a job whose attempt failed."""
        if not isinstance(error, InterpError):  # a defect: its place is needed
            _logger.error("an attempt ended with an unexpected error", exc_info=error)
        verdict = decide(error, job, self._settings)
        self._tools.metrics.attempts_failed.labels(verdict.error_class).inc()
        self._settle(job, lease, verdict)

    def _settle(self, job: Job, lease: Lease, verdict: RetryDecision) -> None:
        """Say on the version what is the matter, then write it into the table: in this order a crash repeats both."""
        table = self._tools.table
        again = verdict.state == "pending"
        fields = {"outcome": verdict.state, "error_class": verdict.error_class, "retry_after_s": verdict.after_s}
        words = f"tried again in {verdict.after_s:.0f} s" if again else verdict.state
        _logger.warning("%s: %s", words, verdict.error, extra={"fields": fields})
        if table.holds(job):
            self._tag(job, "failed" if verdict.state == "gone" else verdict.state, verdict.error)
        reason = {"error_class": verdict.error_class, "error": verdict.error}
        if verdict.state == "pending":
            kept = table.postpone(job, verdict.after_s, crashed=verdict.crashed, **reason)
        else:
            kept = table.finish(job, verdict.state, **reason)
        lease.end()
        if not kept:
            self._tools.metrics.leases_lost.inc()
        elif not again:
            self._tools.metrics.jobs_finished.labels(verdict.state).inc()

    def _tag(self, job: Job, status: Status, error: str = "") -> None:
        """Tell it on the version, if there still is one and the server listens: the table knows it in any case."""
        try:
            client = self._tools.session.asked_once
            mark_status(client, job.name, job.version, status, key=job.key, error=error)
        except InterpError as refusal:
            _logger.info("the version could not be tagged: %s", refusal)

    def _wait_after(self, error: InterpError) -> None:
        wait_s = min(self._settings.poll_s * 2 ** min(self._failures, 30), self._settings.scan_every_s)
        self._failures += 1
        _logger.warning("%s; looking again in %.0f s", error, wait_s, extra={"fields": {"retry_after_s": wait_s}})
        self._stopping.wait(wait_s)

    def _give_up(self) -> None:
        """End the process although a call did not return in time: what it holds is given back first."""
        job = self._job
        if job is not None:
            try:
                self._tools.table.release(job)
            except InterpError as error:
                _logger.warning("the job could not be given back (%s); it is taken over when its lease ends", error)
        _logger.info("stopped in the middle of a call that did not return")
        self._host.end(0)


def _died(job: Job) -> RetryDecision:
    why = f"its workers died {job.lapses} times while they explained it"
    return RetryDecision(state="failed", after_s=0, crashed=False, error_class="WorkerDied", error=why)
