"""How soon a version is explained after its registration, by the door through which a worker hears of it.

    python benchmarks/doors.py [--repeats 5] [--doors plug-in,webhook,scan] [--scan-every 60]

Starts an MLflow server and a worker on this machine, with the worker's own settings. A linear model with 50 rows
is logged anew for every repetition; then it is registered, and the time is taken from that call until the version's
tag ``interp.status`` says done, asked for every 50 ms. How long the worker took to hear of it is what its job table
says, and is all that depends on the door; the rest is the explanation itself.
"""

from __future__ import annotations

import argparse
import os
import platform
import secrets
import statistics
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that this folder is found as the package it is

from benchmarks.measuring.programs import free_port, program, wait

if TYPE_CHECKING:
    from mlflow import MlflowClient

DOORS = ("plug-in", "webhook", "scan")
_EXPLAINED_WITHIN_S = 600.0
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_HOOKS = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_CACHE_TTL": "1",
}


def _logged_model() -> Any:
    """Log a small model to a run of its own, with rows to explain."""
    import mlflow
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(50, 5)), columns=list("abcde"))
    model = LinearRegression().fit(rows, 2 * rows["a"] - rows["b"])
    with mlflow.start_run(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mlflow.sklearn.log_model(
            model, name="model", input_example=rows, pip_requirements=["mlflow", "scikit-learn"]
        )


def _measure(client: MlflowClient, name: str) -> float:
    """Register a model and wait for its explanation.

    Returns:
        Time between the two, in s.
    """
    logged = _logged_model()
    client.create_registered_model(name)
    began = time.perf_counter()
    client.create_model_version(name, logged.model_uri, model_id=logged.model_id)

    def is_explained() -> bool:
        tags = client.get_model_version(name, "1").tags
        if tags.get("interp.status") in {"failed", "skipped"}:
            sys.exit(f"{name} was not explained: {tags}")
        return bool(tags.get("interp.status") == "done")

    wait(is_explained, _EXPLAINED_WITHIN_S, f"the explanation of {name}")
    return time.perf_counter() - began


def _heard_after(jobs_uri: str) -> dict[str, float]:
    """By model, the time from its registration to its job, in s: both clocks are this machine's."""
    from mlflow_plugin.jobs import JobTable

    table = JobTable.open(jobs_uri)
    jobs = table.select(["published"], 1000)
    table.close()
    return {job.name: (job.noticed_ms - job.created_ms) / 1000 for job in jobs}


def report(doors: list[str], repeats: int, scan_every_s: float, folder: Path) -> None:
    """Measure every door and print the table."""
    from mlflow import MlflowClient

    secret = secrets.token_urlsafe(32)
    server, worker = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    jobs_uri = f"sqlite:///{folder / 'jobs.db'}"
    (folder / "interp.toml").write_text(f"[worker]\nscan_every_s = {scan_every_s}\n")
    ours = {
        "INTERP_JOBS_URI": jobs_uri,
        "INTERP_CONFIG": str(folder / "interp.toml"),
        "INTERP_WEBHOOK_SECRET": secret,
        "MLFLOW_TRACKING_URI": server,
    }
    os.environ.update(ours)
    serve = ["mlflow", "server", "--host", "127.0.0.1", "--port", server.rpartition(":")[2], "--workers", "1"]
    place = [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    listen = ["interp", "worker", "--listen", worker.removeprefix("http://")]
    figures: dict[str, dict[str, float]] = {}
    with ExitStack() as programs:
        programs.enter_context(program([*serve, *place], f"{server}/health", folder / "server.log", _HOOKS))
        programs.enter_context(program(listen, f"{worker}/readyz", folder / "worker.log", {}))
        plain, announcing = MlflowClient(), MlflowClient(registry_uri=f"interp+{server}")
        _measure(announcing, "warm-up")
        for door in doors:
            hooks = []
            if door == "webhook":
                url = f"{worker}/webhooks/mlflow"
                hooks = [plain.create_webhook("doors", url, ["model_version.created"], secret=secret).webhook_id]
                time.sleep(2 * float(_HOOKS["MLFLOW_WEBHOOK_CACHE_TTL"]))  # until it counts
            client = announcing if door == "plug-in" else plain
            figures[door] = {}
            for i in range(repeats):
                if door == "scan":  # each comes right after a scan of the one before: spread them over the interval
                    time.sleep(scan_every_s * i / repeats)
                figures[door][f"{door}-{i}"] = _measure(client, f"{door}-{i}")
            for hook in hooks:
                plain.delete_webhook(hook)
    _print(figures, _heard_after(jobs_uri), repeats, scan_every_s)


def _print(figures: dict[str, dict[str, float]], heard: dict[str, float], repeats: int, scan_every_s: float) -> None:
    names = ("mlflow", "sqlalchemy", "scikit-learn")
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, " + ", ".join(f"{n} {version(n)}" for n in names)
    )
    print(f"Linear model, 50 rows; a scan every {scan_every_s:.0f} s; medians of {repeats} (least to most), in s\n")
    print("| door | the worker hears of it after | the explanation is visible after |")
    print("|---|---|---|")
    for door, seen in figures.items():
        print(f"| {door} | {_spread([heard[name] for name in seen])} | {_spread(list(seen.values()))} |")


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--doors", default=",".join(DOORS))
    parser.add_argument("--scan-every", type=float, default=60.0, help="s")
    options = parser.parse_args()
    doors = options.doors.split(",")
    if not set(doors) <= set(DOORS):
        parser.error(f"--doors: choose among {', '.join(DOORS)}")
    os.environ.update(_QUIET)
    with tempfile.TemporaryDirectory() as folder:
        report(doors, options.repeats, options.scan_every, Path(folder))


if __name__ == "__main__":
    main()
