"""How long MLflow's answers take, with and without acknowledgements at once, by the number of the server's processes.

    python benchmarks/answers.py [--processes 1,4] [--repeats 200]

Starts ``mlflow server`` on this machine, once with every number of processes, and asks it for a run, in turn with
MLflow's client as it is and within ``interp_pipeline.command.prompt_sockets.prompt_answers``, as our own commands
ask. Both ways must give the same run.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that this folder is found as the package it is

from benchmarks.measuring.programs import free_port, program
from interp_pipeline.command.prompt_sockets import prompt_answers

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import requests

_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
_WARM_UP = 10
_WAYS: dict[str, Callable[[], AbstractContextManager[None]]] = {"plain": nullcontext, "prompt": prompt_answers}


def measure(processes: int, repeats: int, folder: Path) -> dict[str, list[float]]:
    """Seconds of every answer, by the way of asking."""
    import requests
    from mlflow import MlflowClient

    address = f"http://127.0.0.1:{free_port()}"
    serve = ["mlflow", "server", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    command = [*serve, "--workers", str(processes), *store]
    seconds: dict[str, list[float]] = {way: [] for way in _WAYS}
    with program(command, f"{address}/health", folder / "server.log", _QUIET):
        run_id = MlflowClient(address, address).create_run("0").info.run_id
        sessions = {way: requests.Session() for way in _WAYS}  # a connection each, kept open as MLflow's client does
        for _ in range(_WARM_UP):
            _ask_both(sessions, address, run_id)
        for _ in range(repeats):
            for way, took_s in _ask_both(sessions, address, run_id).items():
                seconds[way].append(took_s)
    return seconds


def _ask_both(sessions: dict[str, requests.Session], address: str, run_id: str) -> dict[str, float]:
    took_s, answers = {}, set()
    for way, session in sessions.items():
        with _WAYS[way]():
            started = time.perf_counter()
            answer = session.get(f"{address}/api/2.0/mlflow/runs/get", params={"run_id": run_id}, timeout=30)
            took_s[way] = time.perf_counter() - started
        answer.raise_for_status()
        answers.add(answer.content)
    if len(answers) > 1:
        sys.exit("the two ways of asking gave different answers")
    return took_s


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--processes", default="1,4")
    parser.add_argument("--repeats", type=int, default=200)
    options = parser.parse_args()
    os.environ.update(_QUIET)
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, mlflow {version('mlflow')}, {platform.system()}"
    )
    print(f"GET of a run; medians of {options.repeats} (least to most), in ms\n")
    print("| processes of the server | MLflow's client | ours | ratio of medians |")
    print("|---|---|---|---|")
    for processes in (int(each) for each in options.processes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(processes, options.repeats, Path(folder))
        shown = [
            f"{1e3 * statistics.median(each):.1f} ({1e3 * min(each):.1f} to {1e3 * max(each):.1f})"
            for each in found.values()
        ]
        ratio = statistics.median(found["plain"]) / statistics.median(found["prompt"])
        print(f"| {processes} | {' | '.join(shown)} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
