"""One attempt at one job: everything between the claim and the tags, in the order that a crash at any moment allows."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from interp_pipeline import handover
from interp_pipeline.errors import (
    GoneError,
    InterpError,
    ModelError,
    ModelProcessError,
    NoDataError,
    RefusedError,
    TrackingError,
    UsageError,
)
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.stages.fetch import fetch
from interp_pipeline.stages.publish import prepare, write
from interp_pipeline.steps.adopt import adopt
from interp_pipeline.tracking.layout import explanation_root
from interp_pipeline.tracking.models.model_file import read_model_file
from interp_pipeline.tracking.runs.manifest import question_digest
from interp_pipeline.tracking.runs.run_writer import mark_status
from interp_pipeline.tracking.server.registry import resolve
from interp_pipeline.tracking.server.version_run import run_goes_on, with_run, with_run_if_any
from interp_pipeline.tracking.sources.declared_data import read_declared
from mlflow_plugin.worker.lease import LeaseLostError
from mlflow_plugin.worker.retry import NotSelectedError, NotYetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow import MlflowClient

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.compute import Computed
    from interp_pipeline.stages.fetch import Fetched
    from interp_pipeline.stages.publish import Publication
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.server.session import Session
    from interp_pipeline.tracking.sources.policy import SourcePolicy
    from mlflow_plugin.jobs import Job, JobTable
    from mlflow_plugin.metrics import Metrics
    from mlflow_plugin.sandbox import Sandbox
    from mlflow_plugin.settings import Settings
    from mlflow_plugin.worker.drawer import Drawer
    from mlflow_plugin.worker.lease import Lease

__all__ = ["Attempt", "Tools"]

_ROOM_BYTES = 64 * 2**20  # for a small answer, and what libraries put down while they load a model
_WAITS_FOR_DATA = 8  # attempts, over about an hour: a run that was left open for ever must not hide what is missing


@dataclass(frozen=True, kw_only=True, eq=False)
class Tools:
    """What every attempt of a worker uses."""

    session: Session
    table: JobTable
    sandbox: Sandbox
    drawer: Drawer
    settings: Settings
    config: ExplainConfig
    policy: SourcePolicy
    metrics: Metrics
    progress: Progress

    @property
    def client(self) -> MlflowClient:
        """MLflow's, of the connection."""
        return self.session.client


class Attempt:
    """One claimed job, from the look at what is there to the tags on the version.

    Attributes:
        doing: the stage it is at, or was at last: "while it <doing>".
    """

    def __init__(self, tools: Tools, job: Job, lease: Lease, cancelled: Callable[[], bool]) -> None:
        """Prepare to work on a job that this worker holds.

        Args:
            tools: the worker's.
            job: as it was claimed.
            lease: keeps it.
            cancelled: whether the computation is to end now: the lease was lost, or the worker must stop.
        """
        self._tools = tools
        self._job = job
        self._lease = lease
        self._cancelled = cancelled
        self.doing = "looked at what is there"

    def run(self) -> Literal["adopted", "computed"]:
        """Make the explanation, or find that it is there.

        Returns:
            Whether something was computed.

        Raises:
            GoneError: the version is not what it was when the job was made, or is not there any more.
            InterpError: as each step raises it.
            LeaseLostError: somebody else has the job; nothing was written since.
        """
        tools, job = self._tools, self._job
        version = self._version()
        found = with_run_if_any(tools.client, version, job.key)
        tools.policy.check_run(tools.client, found)
        if found.run_id:
            with self._stage("adopt", "looked at what is there"):
                adopted = self._is_led_to(found, self._question(found))
            if adopted:
                self._finish_published()
                return "adopted"
        self._lease.require()
        mark_status(tools.client, job.name, job.version, "running", key=job.key)
        with tempfile.TemporaryDirectory(prefix="interp-") as folder:
            return self._explain(version, Path(folder))

    @contextlib.contextmanager
    def _stage(self, name: str, doing: str) -> Iterator[None]:
        """Time a stage, and remember it for what is said of an attempt that does not end."""
        self.doing = doing
        with self._tools.metrics.stage_seconds.labels(name).time():
            yield

    def _version(self) -> RegisteredVersion:
        """The version, if it is still the one the job was made for."""
        job = self._job
        try:
            version = resolve(self._tools.client, ModelRef(name=job.name, version=job.version))
        except RefusedError:
            raise
        except UsageError as error:  # there is no such model or version
            raise GoneError(str(error)) from error
        if version.created_ms != job.created_ms:
            msg = f"{version.uri} was deleted and registered again; the new one has a job of its own"
            raise GoneError(msg)
        return version

    def _question(self, version: RegisteredVersion) -> str:
        """What is asked of the version, by the tags it has now."""
        declared = read_declared(self._tools.client, version, self._tools.settings.data)
        return question_digest(version.source, self._tools.config, *declared.addresses)

    def _is_led_to(self, version: RegisteredVersion, question: str) -> bool:
        """Whether an explanation that counts lies in the version's run; if so, everything leads to it now."""
        tools = self._tools
        tools.policy.check_run_folder(tools.client, version, explanation_root(version.model_name))
        return adopt(tools.session, version, question) is not None

    def _explain(self, version: RegisteredVersion, folder: Path) -> Literal["adopted", "computed"]:
        tools = self._tools
        tools.drawer.begin()  # its libraries take as long to load as a small model takes to be explained
        places = {name: folder / name for name in ("model", "task", "answer")}
        for place in places.values():
            place.mkdir()
        with self._stage("fetch", "fetched the model and its data"):
            fetched = self._fetched(version, places["model"])
        libraries = self._libraries(fetched)
        with self._stage("compute", "computed"):
            computed = self._computed(fetched, libraries, places["task"], places["answer"])
        self._lease.require()
        placed = dataclasses.replace(fetched, version=with_run(tools.client, fetched.version, self._job.key))
        if self._is_led_to(placed.version, placed.question):  # made meanwhile: by hand, or for a version beside it
            self._finish_published()
            return "adopted"
        with self._stage("draw", "drew"):
            publication = self._prepared(placed, computed)
        with self._stage("publish", "wrote the explanation"):
            write(tools.client, publication, self._lease.require)
            self._announce(placed)
        self._finish_published()
        return "computed"

    def _fetched(self, version: RegisteredVersion, folder: Path) -> Fetched:
        """What the computation needs, if it is still what the job is about."""
        tools, job = self._tools, self._job
        try:
            fetched = fetch(
                tools.session,
                version,
                tools.config,
                folder,
                data=None,
                defaults=tools.settings.data,
                policy=tools.policy,
                progress=tools.progress,
            )
        except NoDataError as error:
            if job.failures < _WAITS_FOR_DATA and run_goes_on(tools.client, version):
                msg = f"{error} (its run has not ended, so they may still come)"
                raise NotYetError(msg) from error
            raise
        if fetched.key != job.key:
            msg = f"{version.uri}: what it is to be explained with was changed; that is another job"
            raise GoneError(msg)
        return fetched

    def _computed(self, fetched: Fetched, libraries: tuple[str, ...], task: Path, answer: Path) -> Computed:
        """What a process of its own made of the model, looked through."""
        tools = self._tools
        handover.write_task(task, fetched, tools.config)
        try:
            tools.sandbox.run(
                task, answer, fetched.model_path, libraries, cancelled=self._cancelled, progress=tools.progress
            )
            return handover.read_answer(answer, fetched, tools.config)
        except (ModelError, ModelProcessError) as error:
            _require_room(answer, error)
            raise

    def _prepared(self, fetched: Fetched, computed: Computed) -> Publication:
        """What is to be written, drawn by the process that draws."""
        tools = self._tools
        return prepare(
            fetched,
            computed,
            tools.config,
            tools.progress,
            asked=False,
            sandbox={"layers": tools.sandbox.layers, "landlock_abi": tools.sandbox.landlock_abi},
            draw=partial(tools.drawer.draw, cancelled=self._cancelled),
        )

    def _announce(self, fetched: Fetched) -> None:
        """Lead to what lies in the run, once it was read back and is whole; the job is finished after that.

        Versions of one logged model share a run. Who explains another one of them at this moment may have written
        over some of these files; a later attempt adopts what is there then, or writes it again.
        """
        self._lease.require()
        if not self._is_led_to(fetched.version, fetched.question):
            msg = f"the explanation of {fetched.version.uri} is not as it was written; another one is written there"
            raise TrackingError(msg)

    def _finish_published(self) -> None:
        if not self._tools.table.finish(self._job, "published"):
            msg = f"models:/{self._job.name}/{self._job.version} was taken over by another worker"
            raise LeaseLostError(msg)
        self._lease.end()

    def _libraries(self, fetched: Fetched) -> tuple[str, ...]:
        """What the model is loaded with, if models of such flavors are explained."""
        file = read_model_file(fetched.model_path, fetched.version.uri)
        wanted = self._tools.settings.select.flavors
        if wanted and not set(wanted) & set(file.flavors):
            flavors = ", ".join(file.flavors)
            msg = f"{fetched.version.uri} has the flavors {flavors}, and only {', '.join(wanted)} count here"
            raise NotSelectedError(msg)
        return (*file.flavors, *([file.own["kind"]] if file.own is not None else []))


def _require_room(answer: Path, error: InterpError) -> None:
    """Do not blame a model for what may be the fault of a full disk.

    What its process wrote is removed first, so that no model can bring this about itself.

    Args:
        answer: folder of its answer.
        error: how it ended.

    Raises:
        TrackingError: there is hardly any room for temporary files.
    """
    shutil.rmtree(answer)
    free = shutil.disk_usage(answer.parent).free
    if free < _ROOM_BYTES:
        msg = (
            f"there is hardly any room for temporary files, {free / 2**20:.1f} MiB at {tempfile.gettempdir()}: make "
            f"room, or let TMPDIR name another place ({error})"
        )
        raise TrackingError(msg) from error
