"""Real workers as processes of their own, and small models that anybody could have registered."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.process import bare_environment
from harness.s3 import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlflow import MlflowClient

__all__ = [
    "HANGS_S",
    "QUICK",
    "WorkerProcess",
    "eventually",
    "explained",
    "register_forest",
    "statuses",
    "worker_process",
]

# Many times what anything here takes on a busy machine: what is not done then never will be. No test is about speed.
HANGS_S = 300.0
# Small enough for a test to see many rounds of everything; the worker's own times are the defaults of its settings.
QUICK = """
[worker]
poll_s = 0.2
scan_every_s = 1
lease_s = 4
heartbeat_s = 1
retry_after_s = 0.5
retry_at_most_s = 2
[explain]
rows = 5
background_rows = 10
lime_samples = 50
instances = 1
interactions = false
"""


@dataclass(frozen=True, kw_only=True)
class WorkerProcess:
    """A worker that runs, or ran."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def events(self) -> list[dict[str, Any]]:
        """What it has logged so far, one object a line; lines that are none fail the test."""
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def kill(self) -> None:
        """End it as a crash of its machine would, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, and wait until it has; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=HANGS_S)


@contextlib.contextmanager
def worker_process(
    folder: Path,
    tracking_uri: str,
    *options: str,
    jobs_uri: str | None = None,
    config: str = QUICK,
    environment: Mapping[str, str] | None = None,
    within: Sequence[str] = (),
) -> Iterator[WorkerProcess]:
    """Run ``interp worker`` for the length of the block; a worker that is still there at its end is ended.

    Args:
        folder: an existing folder for its log and, unless ``jobs_uri`` says otherwise, its job table.
        tracking_uri: of the server or store.
        options: further ones of the command.
        jobs_uri: address of the job table.
        config: its configuration file's content.
        environment: further variables, such as storage credentials.
        within: a command that runs what follows it in surroundings of its own.
    """
    number = len(list(folder.glob("worker-*.log")))
    log, file = folder / f"worker-{number}.log", folder / f"worker-{number}.toml"
    file.write_text(config, encoding="utf-8")
    variables = {
        "INTERP_JOBS_URI": jobs_uri or f"sqlite:///{folder / 'jobs.db'}",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
        "OMP_NUM_THREADS": "1",
        **(environment or {}),
    }
    command = [*within, program("interp"), "worker", "--tracking-uri", tracking_uri, "--config", str(file)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--log-format", "json", *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=bare_environment(variables),
            cwd=folder,
            start_new_session=True,
        )
        try:
            yield WorkerProcess(process=process, log=log)
        finally:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself, and its children with it
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def eventually(
    holds: Callable[[], bool], within_s: float = HANGS_S, *, every_s: float = 0.1, said_by: WorkerProcess | None = None
) -> None:
    """Wait until something holds; where it never does, the end of the worker's log says why.

    Args:
        holds: asked again and again.
        within_s: fails after so long: it hangs.
        every_s: between two questions; those that cost a server much are better asked less often.
        said_by: whose log is shown.
    """
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            tail = said_by.log.read_text(encoding="utf-8")[-4000:] if said_by is not None else ""
            msg = f"not so within {within_s:.0f} s\n{tail}"
            raise AssertionError(msg)
        time.sleep(every_s)


def register_forest(client: MlflowClient, name: str, *, seed: int = 0, rows: int = 60) -> str:
    """Register a small forest with plain MLflow, as somebody would who has never heard of us; its URI."""
    import mlflow
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier

    chance = np.random.default_rng(seed)
    table = pd.DataFrame(chance.normal(size=(rows, 3)), columns=["income", "age", "debt"])
    target = np.where(table["income"] - table["debt"] > 0, "good", "bad")
    model = RandomForestClassifier(n_estimators=3, max_depth=3, random_state=seed).fit(table, target)
    mlflow.set_tracking_uri(client.tracking_uri)
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            input_example=table,
            skops_trusted_types=["sklearn.tree._tree.Tree"],
            pip_requirements=["scikit-learn"],  # else MLflow finds them out, in a process of its own
            registered_model_name=name,
        )
    return f"models:/{name}/{info.registered_model_version}"


def statuses(client: MlflowClient, beginning: str = "") -> dict[str, str]:
    """What every registered version, of models whose names begin so, says about its explanation; empty: nothing."""
    return {
        f"models:/{each.name}/{each.version}": each.tags.get("interp.status", "")
        for each in client.search_model_versions(f"name LIKE '{beginning}%'" if beginning else None)
    }


def explained(client: MlflowClient, uri: str) -> dict[str, Any]:
    """The manifest of a version that says it is explained, its files held against it."""
    from interp_pipeline.model_ref import ModelRef
    from interp_pipeline.tracking.runs.run_reader import read_verified
    from interp_pipeline.tracking.server.registry import resolve

    found = read_verified(client, resolve(client, ModelRef.parse(uri)))
    assert found is not None, uri
    return found[0]
