"""What a process of its own costs per explained version: a cold one against one forked from the fork server.

    python benchmarks/sandbox_start.py [--children 30] [--cold 5]

Each side starts a process that has loaded what explaining needs, runs a task, and ends: a cold process imports
everything; the fork server forks one that has it. The tasks are nothing at all, and explaining 60 rows of a small
forest or network as a worker has it done. The sides take turns. The forked children are held by every layer that
works here; the cold processes by none.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that this folder is found as the package it is

from benchmarks.measuring.machine import describe_machine, library_versions
from interp_pipeline.config import ExplainConfig
from interp_pipeline.handover import read_answer, run_task, write_task
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.fetch import Fetched
from interp_pipeline.tracking.server.registry import RegisteredVersion
from mlflow_plugin.sandbox import Sandbox
from mlflow_plugin.sandbox.environment import bare_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.progress import Progress

ROOT = Path(__file__).parents[1]
_SELF = "benchmarks.sandbox_start:run"
_COLD = """
import sys
sys.path[:0] = [{root!r}]
from pathlib import Path
from benchmarks.sandbox_start import run
from interp_pipeline.progress import SilentProgress
run(Path(sys.argv[1]), Path(sys.argv[2]), SilentProgress())
"""
_LIBRARIES = {"nothing": (), "forest": ("sklearn",), "network": ("keras",)}
_EVERY_CHILD_HAS = ("mlflow.pyfunc", "sklearn.ensemble", "skops.io")


def run(task: Path, answer: Path, progress: Progress) -> None:
    """The task of either side: explain what the folder describes, or nothing where it is empty."""
    if (task / "task.json").exists():
        run_task(task, answer, progress)
        return
    for module in _EVERY_CHILD_HAS:
        __import__(module)


def _table() -> Any:
    import numpy as np
    import pandas as pd

    return pd.DataFrame(np.random.default_rng(0).normal(size=(120, 5)), columns=list("abcde"))


def _save(kind: str, folder: Path) -> None:
    import mlflow

    table = _table()
    target = (table["a"] > table["b"]).astype(int)
    with warnings.catch_warnings(record=True, action="always"):
        if kind == "forest":
            from sklearn.ensemble import RandomForestClassifier

            model = RandomForestClassifier(20, random_state=0).fit(table, target)
            signature = mlflow.models.infer_signature(table, target)
            trusted = ["sklearn.tree._tree.Tree"]
            mlflow.sklearn.save_model(
                model, str(folder), signature=signature, pip_requirements=["mlflow"], skops_trusted_types=trusted
            )
            return
        import keras

        inputs = table.to_numpy()
        dense = keras.layers.Dense
        network = keras.Sequential([keras.layers.Input((5,)), dense(16, "relu"), dense(1, "sigmoid")])
        signature = mlflow.models.infer_signature(inputs, network.predict(inputs, verbose=0))
        mlflow.keras.save_model(network, str(folder), signature=signature, pip_requirements=["mlflow"])


def _question(model_path: Path) -> Fetched:
    table = _table()
    version = RegisteredVersion(
        name="m", version=1, created_ms=1, source="models:/m-1", run_id="r", experiment_id="0", model_name="model"
    )
    return Fetched(
        version=version,
        record=None,
        model_path=model_path,
        rows=table[60:],
        rows_source="the given rows",
        rows_are_logged=False,
        background=table[:60],
        background_source="the given rows",
        target=None,
        outcomes=None,
        key="k" * 64,
        question="q" * 64,
    )


def _prepare(kind: str, folder: Path) -> tuple[Path, Path]:
    """Folders of model and task."""
    model, task = folder / kind / "model", folder / kind / "task"
    task.mkdir(parents=True)
    if kind == "nothing":
        model.mkdir()
    else:
        _save(kind, model)
        write_task(task, _question(model), ExplainConfig())
    return model, task


def _check(kind: str, model: Path, answer: Path) -> None:
    """The answer is one; both sides are held to it."""
    if kind != "nothing" and read_answer(answer, _question(model), ExplainConfig()).shap is None:
        sys.exit(f"{kind} was not explained")


def _timed(work: Callable[[Path], object], kind: str, model: Path) -> float:
    with tempfile.TemporaryDirectory() as name:
        started = time.perf_counter()
        work(Path(name))
        seconds = time.perf_counter() - started
        _check(kind, model, Path(name))
    return seconds


def _cold(task: Path, home: Path, answer: Path) -> None:
    command = [sys.executable, "-c", _COLD.format(root=str(ROOT)), str(task), str(answer)]
    subprocess.run(command, env=bare_environment(home), check=True, capture_output=True)  # noqa: S603 - this very file


def _forked(sandbox: Sandbox, kind: str, model: Path, task: Path, answer: Path) -> None:
    sandbox.run(task, answer, model, _LIBRARIES[kind], cancelled=lambda: False, progress=SilentProgress())


def _memory_mb(pid: int) -> str:
    """Memory of a process, of which children share most."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    return f"{kib['Rss'] / 1024:.0f} MB resident, {kib['Anonymous'] / 1024:.0f} MB of it its own"


def report(children: int, cold: int) -> None:
    """Measure and print."""
    print(describe_machine())
    print(json.dumps(library_versions()))
    with tempfile.TemporaryDirectory() as name, Sandbox(mode="auto", function=_SELF) as sandbox:
        folder = Path(name)
        held = [layer for layer, on in sandbox.layers.items() if on]
        print(f"children are held by: {', '.join(held)}\n")
        print(f"{'task':10} {'cold process':>14} {'forked child':>14} {'ratio':>8}   first forked child")
        for kind, libraries in _LIBRARIES.items():
            model, task = _prepare(kind, folder)
            forked = partial(_forked, sandbox, kind, model, task)
            first = _timed(forked, kind, model)
            turns: list[tuple[float, list[float]]] = []
            for _ in range(cold):
                alone = _timed(partial(_cold, task, folder), kind, model)
                turns.append((alone, [_timed(forked, kind, model) for _ in range(max(1, children // cold))]))
            ours = statistics.median(each for _, many in turns for each in many)
            theirs = statistics.median(alone for alone, _ in turns)
            ratio = statistics.median(alone / statistics.median(many) for alone, many in turns)
            what = "starts the fork server" if kind == "nothing" else f"loads {', '.join(libraries)} into it"
            print(f"{kind:10} {theirs:12.3f} s {ours:12.3f} s {ratio:7.1f}x   {first:.2f} s: {what}")
            print(f"{'':10} fork server: {_memory_mb(sandbox.server_pid or 0)}")


def main() -> None:
    """Run the benchmark."""
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--children", type=int, default=30, help="forked children per task")
    parser.add_argument("--cold", type=int, default=5, help="cold processes per task")
    options = parser.parse_args()
    report(options.children, options.cold)


if __name__ == "__main__":
    main()
