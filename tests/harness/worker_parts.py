"""What a worker is made of, without processes, servers and waiting: each part does what a test wants of it."""

from __future__ import annotations

import json
from collections.abc import Callable  # noqa: TC003 - dataclasses read it
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from harness.handover import an_answer
from harness.job_databases import JobDatabase
from harness.server_in_memory import ServerInMemory
from harness.sessions import session_of

from interp_pipeline.config import ExplainConfig
from interp_pipeline.handover.answer import answer_files
from interp_pipeline.handover.files import ANSWER, write_arrays, write_whole
from interp_pipeline.handover.task import read_task
from interp_pipeline.progress import SilentProgress
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.sources.policy import SourcePolicy
from mlflow_plugin.jobs import JobTable
from mlflow_plugin.metrics import Metrics
from mlflow_plugin.reconcile import reconcile
from mlflow_plugin.sandbox import Cancelled
from mlflow_plugin.settings import Settings, WorkerSettings
from mlflow_plugin.worker.attempt import Tools

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow_plugin.jobs import Job

__all__ = ["NAME", "Crashed", "HostOfTest", "Parts", "TableWithEars", "a_worker_of_parts"]

NAME = "credit"


class Crashed(BaseException):
    """The process ended, instead of ending."""


class TableWithEars:
    """A job table in a file. Before every call a test hears of it, and may raise or change the world."""

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self.before: Callable[[str], None] = lambda _name: None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._table, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.before(name)
            return method(*arguments, **options)

        return call


@dataclass(eq=False)
class SandboxOfTest:
    """Answers every task with the same random numbers; ``computing`` may raise, or change the world, instead."""

    layers: dict[str, bool] = field(default_factory=lambda: {"process": True})
    landlock_abi: int = 0
    runs: int = 0
    computing: Callable[[], None] = lambda: None

    def run(
        self, task: Path, answer: Path, _model: Path, _libraries: Any, *, cancelled: Callable[[], bool], progress: Any
    ) -> None:
        del progress
        self.runs += 1
        self.computing()
        if cancelled():
            raise Cancelled
        asked = read_task(task)
        computed = an_answer(cast("Any", asked), asked.config, np.random.default_rng(0), ("amount",), "shap_exact")
        arrays, content = answer_files(computed, asked)
        write_arrays(answer, arrays)
        write_whole(answer, ANSWER, content)


@dataclass(eq=False)
class DrawerOfTest:
    """Draws a report of one word."""

    drawing: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Nothing needs to be loaded."""

    def draw(self, *_what: Any, cancelled: Callable[[], bool]) -> dict[str, bytes]:
        self.drawing()
        if cancelled():
            raise Cancelled
        return {layout.REPORT: b"report", layout.SHAP_VALUES: b"values"}


@dataclass
class _Alarm:
    at: float
    ring: Callable[[], None]
    is_set: bool = True

    def cancel(self) -> None:
        self.is_set = False


@dataclass(eq=False)
class HostOfTest:
    """A clock that a test moves, and a process that tells how it would have ended."""

    time_s: float = 1000.0
    ended: list[int] = field(default_factory=list)
    alarms: list[_Alarm] = field(default_factory=list)

    def now(self) -> float:
        return self.time_s

    def alarm(self, after_s: float, ring: Callable[[], None]) -> _Alarm:
        self.alarms.append(_Alarm(self.time_s + after_s, ring))
        return self.alarms[-1]

    def end(self, code: int) -> None:
        """Tell; a real process ends here, whatever hangs in it, and so does the call that a test lets hang."""
        self.ended.append(code)
        raise Crashed(code)

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass, and let every alarm ring that is set for it, in its order."""
        self.time_s += seconds
        for alarm in sorted(self.alarms, key=lambda each: each.at):
            if alarm.is_set and alarm.at <= self.time_s:
                alarm.cancel()
                alarm.ring()


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A worker's tools, each of them a test's own, and the database below its table."""

    server: ServerInMemory
    table: TableWithEars
    database: JobDatabase
    sandbox: SandboxOfTest
    drawer: DrawerOfTest
    tools: Tools
    folder: Path

    def register(self, *, with_run: bool = True) -> Any:
        """Register a model with its rows."""
        model = self.folder / "models" / "model"
        rows = self.folder / "models" / "rows.csv"
        if not model.exists():
            model.mkdir(parents=True)
            flavors = {"sklearn": {}, "python_function": {"loader_module": "x"}}
            (model / "MLmodel").write_text(json.dumps({"flavors": flavors}))
            table = np.random.default_rng(0).normal(size=(12, 3))
            pd.DataFrame(table, columns=["income", "age", "debt"]).to_csv(rows, index=False)
        tags = {layout.TAG_ROWS: str(rows), layout.TAG_BACKGROUND: str(rows)}
        return self.server.register(NAME, model, with_run=with_run, **tags)

    def scan(self) -> None:
        """Make jobs of what is registered."""
        reconcile(self.tools.session, cast("Any", self.table), self.tools.settings)

    def claim(self, owner: str = "one", lease_s: float = 60) -> Job:
        """Take the job that is due."""
        job: Job | None = self.table.claim(owner, lease_s)
        assert job is not None
        return job

    def take_away(self) -> None:
        """Let the lease of whoever has the job run out, and another worker take it."""
        self.database.let_pass(3600)
        assert self.table._table.claim("another", 3600) is not None

    def job(self) -> Job:
        """The one job there is."""
        (job,) = self.table._table.select(("pending", "running", "published", "failed", "skipped", "gone"), 10)
        return job

    def artifacts(self) -> dict[str, bytes]:
        """All files in all runs."""
        files = sorted((self.folder / "artifacts").rglob("*"))
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files if path.is_file()}


def a_worker_of_parts(folder: Path, **worker: Any) -> Parts:
    """Make all that a worker needs.

    Args:
        folder: an empty one.
        worker: its settings, of ``[worker]``.
    """
    database = JobDatabase(uri=f"sqlite:///{folder / 'jobs.db'}")
    table = TableWithEars(JobTable.open(database.uri))
    server = ServerInMemory(folder=folder / "artifacts")
    sandbox, drawer = SandboxOfTest(), DrawerOfTest()
    explain = {"methods": ("shap",), "rows": 5, "background_rows": 5, "interactions": False}
    settings = Settings(worker=WorkerSettings(poll_s=0.001, scan_every_s=0.002, **worker), explain=explain)
    tools = Tools(
        session=session_of(server),
        table=cast("Any", table),
        sandbox=cast("Any", sandbox),
        drawer=cast("Any", drawer),
        settings=settings,
        config=ExplainConfig.from_mapping(explain),
        policy=SourcePolicy(prefixes=(f"{folder}/",)),
        metrics=Metrics(),
        progress=SilentProgress(),
    )
    return Parts(
        server=server, table=table, database=database, sandbox=sandbox, drawer=drawer, tools=tools, folder=folder
    )
