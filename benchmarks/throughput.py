"""How many small models workers explain in a minute, where the time goes, and what a worker keeps of it in memory.

    python benchmarks/throughput.py [--models forest,german-credit] [--workers 1,2] [--versions 50] [--s3]

Starts an MLflow server and workers on this machine, every program with one thread for numbers and a worker with its
own settings, but for a scan a second. Versions show the files of one logged model in runs of their own, so that each
of them is computed, drawn and published. They are registered together, after every worker has explained one. Time by
stage is what the workers' metrics say; processor time is the system's. At the end every explanation is read back and
held against its manifest. ``--s3`` lets the workers write artifacts to an S3 server (SeaweedFS, as the tests start it)
instead of passing them to MLflow's server, which keeps them in a folder.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests
from prometheus_client.parser import text_string_to_metric_families

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that this folder is found as the package it is

from benchmarks.measuring.machine import describe_machine, library_versions
from benchmarks.measuring.processes import children_of, cpu_s, memory_mb
from benchmarks.measuring.programs import free_port, program, wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient

STAGES = ("adopt", "fetch", "compute", "draw", "publish")
_WITHIN_S = 3600.0
_CONFIG = "[worker]\nscan_every_s = 1\n"
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # further processes of the server's, which nothing here uses
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
}


@dataclass(frozen=True, kw_only=True)
class Logged:
    """A model whose versions are explained."""

    name: str
    model_id: str
    training: Path | None  # folder with what its training left in its run; None: its data are its input example


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was used up at some moment."""

    stages_s: Mapping[str, float]  # of all workers
    cpu_s: Mapping[str, float]  # by kind of process
    memory_mb: tuple[tuple[float, float], ...]  # of every worker and its fork server
    requests: Counter[str]  # to the MLflow server, by what is asked for


class Site:
    """The server and the workers of one measurement."""

    def __init__(self, folder: Path, workers: int, storage: Mapping[str, str], *, proxied: bool) -> None:
        """Prepare; everything runs inside the ``with`` block.

        Args:
            folder: an empty one.
            workers: how many.
            storage: variables with the place of an S3 storage and the credentials for it.
            proxied: whether the MLflow server keeps the artifacts itself.
        """
        self._folder, self._count, self._storage, self._proxied = folder, workers, storage, proxied
        self._ports = [free_port() for _ in range(workers)]
        self.uri = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> Self:
        """Start them."""
        (self._folder / "interp.toml").write_text(_CONFIG, encoding="utf-8")
        place = ["--artifacts-destination", str(self._folder / "files")]
        if not self._proxied:
            place = ["--no-serve-artifacts", "--default-artifact-root", "s3://interp/throughput"]
        serve = ["mlflow", "server", "--host", "127.0.0.1", "--port", self.uri.rpartition(":")[2], "--workers", "1"]
        store = ["--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}"]
        variables = {
            **self._storage,
            "MLFLOW_TRACKING_URI": self.uri,
            "INTERP_JOBS_URI": f"sqlite:///{self._folder / 'jobs.db'}",
            "INTERP_CONFIG": str(self._folder / "interp.toml"),
        }
        os.environ.update(variables)
        with ExitStack() as programs:
            log = self._folder / "server.log"
            command = [*serve, *store, *place]
            self._server = programs.enter_context(program(command, f"{self.uri}/health", log, {}))
            self._workers = []
            for port in self._ports:
                command = ["interp", "worker", "--listen", f"127.0.0.1:{port}"]
                log = self._folder / f"worker-{port}.log"
                ready = f"http://127.0.0.1:{port}/healthz"
                self._workers.append(programs.enter_context(program(command, ready, log, {})))
            self._programs = programs.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        self._programs.close()

    def published(self) -> list[int]:
        """How many versions each worker has explained."""
        return [int(_sums(port, "interp_jobs_finished", "state").get("published", 0)) for port in self._ports]

    def look(self) -> Seen:
        """See what was used up by now."""
        stages: Counter[str] = Counter()
        for port in self._ports:
            stages.update(_sums(port, "interp_stage_seconds", "stage"))
        workers, server = [worker.pid for worker in self._workers], self._server.pid
        forks = [children_of(worker)[0] for worker in workers]
        cpu = {
            "worker": sum(map(cpu_s, workers)),
            "sandbox": sum(map(cpu_s, forks)),
            "MLflow server": sum(map(cpu_s, [server, *children_of(server)])),
        }
        memory = tuple((memory_mb(worker), memory_mb(fork)) for worker, fork in zip(workers, forks, strict=True))
        log = (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")
        asked = Counter(_kind(*found) for found in re.findall(r'"([A-Z]+) (/\S+) HTTP', log))
        return Seen(stages_s=stages, cpu_s=cpu, memory_mb=memory, requests=asked)


def _sums(port: int, name: str, label: str) -> dict[str, float]:
    """Counters, or sums of histograms, of a worker, by the value of a label."""
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    wanted = {f"{name}_total", f"{name}_sum"}
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return {each.labels[label]: each.value for each in samples if each.name in wanted}


def _kind(method: str, path: str) -> str:
    if "/mlflow-artifacts/" in path:
        return {"GET": "artifacts read or listed", "PUT": "artifacts written"}.get(method, "artifacts deleted")
    return "others, read" if method == "GET" or path.endswith("/search") else "others, written"


def log_forest(client: MlflowClient) -> Logged:
    """A forest of 3 trees on 60 rows of 3 features, as somebody would log it who has never heard of us."""
    import mlflow
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier

    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["income", "age", "debt"])
    target = np.where(table["income"] > table["debt"], "good", "bad")
    model = RandomForestClassifier(n_estimators=3, max_depth=3, random_state=0).fit(table, target)
    with mlflow.start_run(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            input_example=table,
            skops_trusted_types=["sklearn.tree._tree.Tree"],
            pip_requirements=["mlflow", "scikit-learn"],
        )
    client.create_registered_model("forest")
    return Logged(name="forest", model_id=info.model_id, training=None)


def log_german_credit(client: MlflowClient) -> Logged:
    """The random forest of the bundled German credit data, as this project trains it."""
    from interp_pipeline.config import TrainConfig
    from interp_pipeline.steps.train import train

    trained = train("german_credit", "trained", TrainConfig())
    source = str(client.get_model_version("trained", "1").source)
    folder = Path(client.download_artifacts(trained.run_id, "training", tempfile.mkdtemp(dir=Path.cwd())))
    client.delete_registered_model("trained")
    client.create_registered_model("german-credit")
    return Logged(name="german-credit", model_id=source.removeprefix("models:/"), training=folder)


MODELS = {"forest": log_forest, "german-credit": log_german_credit}


def register(client: MlflowClient, logged: Logged) -> None:
    """One more version, in a run of its own."""
    run_id = client.create_run("0").info.run_id
    if logged.training is not None:
        client.log_artifacts(run_id, str(logged.training), "training")
    client.set_terminated(run_id)
    source = f"models:/{logged.model_id}"
    client.create_model_version(logged.name, source, run_id, model_id=logged.model_id, await_creation_for=0)


def measure(kind: str, workers: int, versions: int, folder: Path, storage: Mapping[str, str] | None) -> list[str]:
    """Explain so many versions.

    Returns:
        The rows of the tables: throughput and stages, processor time and requests, memory.
    """
    from mlflow import MlflowClient

    with Site(folder, workers, storage or {}, proxied=storage is None) as site:
        client = MlflowClient(site.uri, site.uri)
        logged = MODELS[kind](client)
        while not all(site.published()):  # until every worker has loaded what it needs
            explain(site, client, logged, workers)
        first = site.look()
        wall_s = explain(site, client, logged, versions)
        last = site.look()
        check(client, logged.name, sum(site.published()))
    return [f"{kind} | {workers} | {row}" for row in _rows(first, last, wall_s, workers, versions)]


def explain(site: Site, client: MlflowClient, logged: Logged, versions: int) -> float:
    """Register versions, and wait until they are explained.

    Returns:
        How long that took, in s.
    """
    began, wanted = time.perf_counter(), sum(site.published()) + versions
    for _ in range(versions):
        register(client, logged)
    wait(lambda: sum(site.published()) == wanted, _WITHIN_S, f"{versions} explanations")
    return time.perf_counter() - began


def check(client: MlflowClient, name: str, count: int) -> None:
    """Hold every explanation against its manifest; end the benchmark where one does not fit."""
    from interp_pipeline.model_ref import ModelRef
    from interp_pipeline.tracking.runs.run_reader import read_verified
    from interp_pipeline.tracking.server.registry import resolve

    for number in range(1, count + 1):
        found = read_verified(client, resolve(client, ModelRef(name=name, version=number)))
        if found is None or found[0]["asked"]:
            sys.exit(f"models:/{name}/{number} has no explanation by a worker")


def _rows(first: Seen, last: Seen, wall_s: float, workers: int, versions: int) -> list[str]:
    stages = [(last.stages_s[stage] - first.stages_s[stage]) / versions for stage in STAGES]
    rest = wall_s * workers / versions - sum(stages)
    cpu = [(last.cpu_s[kind] - first.cpu_s[kind]) / versions for kind in last.cpu_s]
    asked = [f"{(last.requests[kind] - first.requests[kind]) / versions:.1f} {kind}" for kind in sorted(last.requests)]
    memory = [
        f"{a[0]:.0f} to {b[0]:.0f}, {a[1]:.0f} to {b[1]:.0f}"
        for a, b in zip(first.memory_mb, last.memory_mb, strict=True)
    ]
    return [
        " | ".join([f"{60 * versions / wall_s:.1f}", *(f"{seconds:.2f}" for seconds in (*stages, rest))]),
        " | ".join([*(f"{seconds:.2f}" for seconds in cpu), ", ".join(asked)]),
        "; ".join(memory),
    ]


def report(kinds: list[str], workers: list[int], versions: int, storage: Mapping[str, str] | None) -> None:
    """Measure everything and print the tables."""
    print(describe_machine())
    print(", ".join(f"{name} {number}" for name, number in library_versions().items()))
    print(
        f"{versions} versions; artifacts {'in S3' if storage else 'through the MLflow server'}; one thread a program\n"
    )
    found = []
    for kind in kinds:
        for count in workers:
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                found.append(measure(kind, count, versions, Path(folder), storage))
    heads = (
        f"versions a minute | {' | '.join(STAGES)} | the rest, in s a version",
        "processor time of workers | of sandboxes | of the MLflow server, in s a version | requests to it a version",
        "memory of every worker, and of its fork server, in MB",
    )
    for head, rows in zip(heads, zip(*found, strict=True), strict=True):
        columns = f"| model | workers | {head} |"
        print(columns, "|" + "---|" * (columns.count("|") - 1), *(f"| {row} |" for row in rows), "", sep="\n")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--versions", type=int, default=50)
    parser.add_argument("--s3", action="store_true", help="the workers write artifacts to S3 themselves")
    options = parser.parse_args()
    kinds = options.models.split(",")
    if not set(kinds) <= set(MODELS):
        parser.error(f"--models: choose among {', '.join(MODELS)}")
    os.environ.update(_ENVIRONMENT)
    workers = [int(count) for count in options.workers.split(",")]
    with ExitStack() as stack:
        report(kinds, workers, options.versions, _storage(stack) if options.s3 else None)


def _storage(stack: ExitStack) -> dict[str, str]:
    """Start an S3 server; the variables that lead to it."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    start: Any = importlib.import_module("harness.s3")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()), "s3")
    found: Any = stack.enter_context(start.s3_server(folder))
    return dict(found.environment)


if __name__ == "__main__":
    main()
