"""``interp worker``, ``interp reconcile``, ``interp status``: explain what is registered, by itself."""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import TrackingError
from interp_pipeline.plain_text import plain
from mlflow_plugin.cli.options import with_common_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.sources.policy import SourcePolicy
    from mlflow_plugin.jobs import Job, JobTable, State
    from mlflow_plugin.metrics import Metrics
    from mlflow_plugin.sandbox import Sandbox
    from mlflow_plugin.settings import Settings
    from mlflow_plugin.worker.loop import Worker

__all__ = ["reconcile", "status", "worker"]

_T = TypeVar("_T")
_RETRIED = ("failed", "skipped", "gone")
_WIDTH = 160  # characters of a table that goes to no terminal
_SHOWN = 20  # jobs that `interp status` lists
_CONNECT_AGAIN_S = 1.0  # and twice as long each time
_CONNECT_AT_LEAST_EVERY_S = 5.0
_NO_TABLE: Mapping[str, Any] = {  # what `interp status` says where no worker has been yet
    "counts": dict.fromkeys(("pending", "running", "published", "failed", "skipped", "gone"), 0),
    "oldest_unexplained_s": None,
    "last_scan_age_s": None,
    "failures_by_class": {},
    "jobs": [],
}
_logger = logging.getLogger("interp.worker")


@click.command()
@click.option("--listen", metavar="HOST:PORT", help="Serve /healthz, /readyz, /metrics and /webhooks/mlflow there.")
@click.option("--until-idle", is_flag=True, help="Stop as soon as nothing is due, instead of waiting for more.")
@with_common_options
def worker(*, settings: Settings, progress: Progress, listen: str | None, until_idle: bool) -> None:
    """Explain every version that is registered, as soon as it is.

    Any number of workers, on any number of machines, share the work if they share one job table: INTERP_JOBS_URI
    with the address of a PostgreSQL database.
    """
    try:
        from interp_pipeline.tracking.server.session import connect
        from mlflow_plugin.jobs import JobTable
        from mlflow_plugin.metrics import Metrics
        from mlflow_plugin.worker.attempt import Tools
        from mlflow_plugin.worker.drawer import Drawer
        from mlflow_plugin.worker.loop import Worker
        from mlflow_plugin.worker.workplace import workplace

        session = _patiently(connect)
        table = _patiently(lambda: JobTable.open(settings.jobs_uri_for(session.tracking_uri)))
    except KeyboardInterrupt:  # SIGTERM too: nothing was begun, so this is a stop in good order
        _logger.info("stopped before the server and the job table had answered")
        return
    metrics = Metrics()
    with workplace(), _sandbox(settings) as sandbox, Drawer(settings.worker.draw_cpu_s) as drawer:
        _tell_layers(sandbox, metrics)
        tools = Tools(
            session=session,
            table=table,
            sandbox=sandbox,
            drawer=drawer,
            settings=settings,
            config=ExplainConfig.from_mapping(settings.explain),
            policy=_policy(settings),
            metrics=metrics,
            progress=progress,
        )
        one = Worker(tools)
        address = settings.worker.listen if listen is None else listen
        with _signals_stop(one), _served(address, one, table, metrics, settings) if address else nullcontext():
            one.run(until_idle=until_idle)
    table.close()


@click.command()
@click.option(
    "--retry",
    type=click.Choice(_RETRIED),
    multiple=True,
    help="Also try these again: versions that failed, had no data, or whose run was deleted.",
)
@with_common_options
def reconcile(*, settings: Settings, progress: Progress, retry: tuple[State, ...]) -> None:
    """Compare registry and job table once, and make the jobs that are missing; a worker does this every minute."""
    from interp_pipeline.tracking.server.session import connect
    from mlflow_plugin.jobs import JobTable
    from mlflow_plugin.reconcile import reconcile as scan_registry
    from mlflow_plugin.worker.belonging import require_ours

    session = connect(making=False)
    with closing(JobTable.open(settings.jobs_uri_for(session.tracking_uri))) as table:
        require_ours(table, settings)
        table.begin_scan(0)  # whenever the last one began
        try:
            with progress.track("Reading the registry", 1) as advance:
                scan = scan_registry(session, table, settings)
                advance(1)
        except BaseException:
            table.give_up_scan()
            raise
        table.end_scan()
        again = table.reopen([key for key, each in table.states().items() if each.state in retry]) if retry else 0
    click.echo(
        f"{scan.registered} versions registered, {scan.selected} count: {scan.added} jobs are new, "
        f"{scan.reopened + again} opened again, {scan.replaced} replaced, {scan.retired} gone ({scan.seconds:.1f} s)"
    )


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_common_options
def status(*, settings: Settings, progress: Progress, as_json: bool) -> None:
    """Show how many versions are explained, what waits, and what failed why."""
    from interp_pipeline.tracking.server.session import connect
    from mlflow_plugin.jobs import JobTable

    jobs_uri = settings.jobs_uri_for(connect(making=False).tracking_uri)
    if not settings.jobs_uri and not JobTable.is_made(jobs_uri):
        progress.say("no worker has looked after this server or store from here yet: there is no job table")
        _show_status(_NO_TABLE, as_json=as_json)
        return
    with closing(JobTable.open(jobs_uri, making=False)) as table:
        jobs = table.select(("running", "pending", "failed", "skipped", "gone"), _SHOWN)
        found: dict[str, Any] = {
            "counts": table.counts(),
            "oldest_unexplained_s": table.oldest_unexplained_s(),
            "last_scan_age_s": table.last_scan_age_s(),
            "failures_by_class": table.failures_by_class(),
            "jobs": [_row(job) for job in jobs],
        }
    _show_status(found, as_json=as_json)


def _show_status(found: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        _print_status(found)


def _patiently(connect: Callable[[], _T]) -> _T:
    """What is connected to, as soon as it answers: a worker may be started before its server and its database."""
    wait_s = _CONNECT_AGAIN_S
    while True:
        try:
            return connect()
        except TrackingError as error:
            _logger.warning("%s; asking again in %.0f s", error, wait_s)
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, _CONNECT_AT_LEAST_EVERY_S)


def _sandbox(settings: Settings) -> Sandbox:
    from mlflow_plugin.sandbox import Limits, Sandbox

    chosen = settings.sandbox
    limits = Limits(wall_s=chosen.max_seconds, memory_bytes=int(chosen.max_memory_gb * 2**30))
    readable = tuple(Path(each) for each in chosen.readable)
    return Sandbox(mode=chosen.layers, least_abi=chosen.least_abi, limits=limits, readable=readable)


def _tell_layers(sandbox: Sandbox, metrics: Metrics) -> None:
    """Say in the log and in the metrics what will hold the code of models."""
    for layer, on in sandbox.layers.items():
        metrics.sandbox_layer.labels(layer).set(on)
    metrics.sandbox_landlock_abi.set(sandbox.landlock_abi)
    active = [name for name, on in sandbox.layers.items() if on]
    lacking = [name for name, on in sandbox.layers.items() if not on]
    _logger.log(
        logging.WARNING if lacking else logging.INFO,
        "code of models is held by %s%s%s",
        ", ".join(active),
        f" (Landlock's ABI {sandbox.landlock_abi})" if sandbox.landlock_abi else "",
        f", and not by {', '.join(lacking)}" if lacking else "",
        extra={"fields": {"layers": active, "landlock_abi": sandbox.landlock_abi}},
    )


def _policy(settings: Settings) -> SourcePolicy:
    from interp_pipeline.tracking.sources.policy import SourcePolicy

    sources = settings.sources
    return SourcePolicy(
        prefixes=sources.allow,
        max_bytes=int(sources.max_gb * 2**30),
        max_files=sources.max_files,
        max_table_bytes=int(sources.max_table_gb * 2**30),
    )


@contextmanager
def _signals_stop(one: Worker) -> Iterator[None]:
    """SIGTERM, Ctrl-C and a closed terminal end the worker in good order; a second Ctrl-C ends it at once."""
    before = {}

    def stop(number: int, _frame: object) -> None:
        if signal.SIGINT in before:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        _logger.info("stopping, as %s asks", signal.Signals(number).name)
        one.stop()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup, or a script's `&`, wants it
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _served(address: str, one: Worker, table: JobTable, metrics: Metrics, settings: Settings) -> Iterator[None]:
    """Serve health, metrics and webhooks beside the worker."""
    from mlflow_plugin.worker_http.app import create_app
    from mlflow_plugin.worker_http.server import parse_listen, serve_in_background

    app = create_app(note=table.note, not_ready=one.not_ready, metrics=metrics, secrets=settings.webhook_secrets)
    metrics.watch_jobs(table)
    with serve_in_background(app, *parse_listen(address)) as url:
        _logger.info("serving at %s", url, extra={"fields": {"url": url}})
        yield


def _row(job: Job) -> dict[str, Any]:
    return {
        "model": f"models:/{job.name}/{job.version}",
        "state": job.state,
        "attempt": job.attempt,
        "error_class": job.error_class,
        "error": job.error,
        "key": job.key,
    }


def _print_status(found: Mapping[str, Any]) -> None:
    """Numbers first, then the jobs one may have to see to."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    counts = Table("state", "versions", title="Explanations", title_justify="left")
    for state, count in found["counts"].items():
        counts.add_row(state, str(count))
    console.print(counts)
    oldest, scanned = found["oldest_unexplained_s"], found["last_scan_age_s"]
    console.print(f"oldest unexplained: {'none' if oldest is None else f'{oldest:.0f} s'}")
    if scanned is None:
        console.print(
            "last scan of the registry: none. No worker has scanned this registry yet, so versions may be missing"
        )
        console.print("above; `interp reconcile` or `interp worker` scans it.")
    else:
        console.print(f"last scan of the registry: {scanned:.0f} s ago")
    if not found["jobs"]:
        return
    jobs = Table("version", "state", "attempt", "why", title="Not explained", title_justify="left")
    for job in found["jobs"]:
        why = f"{job['error_class']}: {job['error']}" if job["error_class"] else job["error"] or ""
        jobs.add_row(Text(plain(job["model"])), job["state"], str(job["attempt"]), Text(plain(why)))
    console.print(jobs)
