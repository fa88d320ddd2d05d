"""Where the time of the main job goes, and what MLflow's own explanation does with the same models.

    python benchmarks/end_to_end.py [--rows 200] [--peer-limit-s 300]

Runs train → explain → compare on the bundled German credit data in a process of its own, prints every
stage, then hands the same forest and the same network to ``mlflow.models.evaluate`` with its SHAP
evaluator, each in a process of its own with a time limit. The peer gets the models in the form it can
take best: the bare forest and the bare network on encoded numbers, as scikit-learn and Keras models.
What both computed is checked: ours must add up to the predictions; of MLflow it is recorded which
files it logged and whether any of them holds values.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
KINDS = ("random_forest", "keras")


class Stopwatch:
    """A progress listener that remembers how long each stage took."""

    def __init__(self) -> None:
        """Start with no stage."""
        self.stages: list[tuple[str, float]] = []

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Time a stage."""
        del total
        started = time.perf_counter()
        yield lambda _steps: None
        self.stages.append((stage, time.perf_counter() - started))

    def say(self, message: str) -> None:
        """Drop remarks."""


def run_ours(rows: int) -> dict[str, Any]:
    """The main job, stage by stage; runs in a child process."""
    import resource

    started = time.perf_counter()
    from interp_pipeline.command.log_lines import configure_logging

    configure_logging("text")
    from interp_pipeline.steps.main_job import run_main_job

    imported = time.perf_counter() - started
    watch = Stopwatch()
    result = run_main_job("german_credit", rows=rows, progress=watch)
    total = time.perf_counter() - started
    from mlflow import MlflowClient

    client = MlflowClient()
    checks = {}
    for uri in result.model_uris:
        run_id = client.get_model_version(*uri.removeprefix("models:/").split("/")).run_id
        checks[uri] = client.get_run(str(run_id)).data.metrics["explanation_check/additivity_error"]
    return {
        "stages": [("Importing the library", imported), *watch.stages],
        "total_s": total,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "additivity_error": checks,
    }


def run_peer(kind: str, rows: int) -> dict[str, Any]:
    """``mlflow.models.evaluate`` with SHAP on the same forest or network; runs in a child process."""
    import mlflow
    import pandas as pd

    from interp_pipeline.config import TrainConfig
    from interp_pipeline.data.dataset import load_dataset
    from interp_pipeline.data.typed_rows import TypedRows
    from interp_pipeline.training.keras_mlp import fit_keras_mlp
    from interp_pipeline.training.random_forest import fit_random_forest

    config = TrainConfig(kind="keras" if kind == "keras" else "random_forest")
    dataset = load_dataset("german_credit", config)
    test = dataset.test.head(rows)
    matrix = TypedRows(dataset.schema.to_dict()["features"]).to_matrix(test)
    if kind == "keras":
        model = fit_keras_mlp(dataset.train, dataset.test, dataset.schema, config, lambda _n: None)
        encoder: Any = model.encoder
        frame = pd.DataFrame(encoder.transform(matrix))
        info = mlflow.keras.log_model(model.estimator, name="model")
    else:
        model = fit_random_forest(dataset.train, dataset.schema, config, lambda _n: None)
        frame = pd.DataFrame(matrix)
        info = mlflow.sklearn.log_model(model.estimator, name="model", skops_trusted_types=["sklearn.tree._tree.Tree"])
    frame.columns = [f"f{i}" for i in range(frame.shape[1])]
    frame["target"] = dataset.target(test)
    started = time.perf_counter()
    with mlflow.start_run() as run:
        mlflow.models.evaluate(  # type: ignore[no-untyped-call]  # mlflow's own
            info.model_uri,
            frame,
            targets="target",
            model_type="classifier",
            evaluators=["default", "shap"],
            evaluator_config={"shap": {"log_explainer": False}},
        )
    seconds = time.perf_counter() - started
    files = [item.path for item in mlflow.MlflowClient().list_artifacts(run.info.run_id)]
    return {"seconds": seconds, "files": files}


def in_child(part: str, rows: int, limit_s: float) -> dict[str, Any]:
    """Run one part in a fresh process and directory.

    Returns:
        What it returned, or ``{"error": …}`` with the last line it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true"}
        environment.pop("MLFLOW_TRACKING_URI", None)
        command = [sys.executable, __file__, "--part", part, "--rows", str(rows), "--answer", str(answer)]
        started = time.perf_counter()
        try:
            done = subprocess.run(  # noqa: S603 - this very script
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=limit_s, check=False
            )
        except subprocess.TimeoutExpired:
            return {"error": f"not finished after {limit_s:.0f} s", "wall_s": limit_s}
        wall = time.perf_counter() - started
        if done.returncode or not answer.exists():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            return {"error": lines[-1] if lines else f"exit code {done.returncode}", "wall_s": wall}
        return {**json.loads(answer.read_text()), "wall_s": wall, "log": done.stderr}


def report(rows: int, peer_limit_s: float) -> None:
    """Run all parts one after another and print the tables."""
    names = ("mlflow", "shap", "lime", "scikit-learn", "keras", "numpy")
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, " + ", ".join(f"{n} {version(n)}" for n in names)
    )
    ours = in_child("ours", rows, 600)
    if "error" in ours:
        sys.exit(f"our own run failed: {ours['error']}")
    print(f"\nThe main job, {rows} rows: {ours['wall_s']:.1f} s, peak memory {ours['peak_memory_mb']:.0f} MB")
    for stage, seconds in ours["stages"]:
        print(f"  {seconds:7.2f} s  {stage}")
    inside = sum(seconds for _, seconds in ours["stages"])
    print(f"  {ours['wall_s'] - inside:7.2f} s  between the stages: MLflow calls, interpreter start and end")
    for uri, error in ours["additivity_error"].items():
        print(f"  {uri}: base value + attributions differ from the prediction by at most {error:.1e}")
    for kind in KINDS:
        peer = in_child(kind, rows, peer_limit_s)
        print(f"\nmlflow.models.evaluate with SHAP, {kind}: ", end="")
        if "error" in peer:
            print(f"failed after {peer['wall_s']:.0f} s: {peer['error'][:300]}")
            continue
        print(f"{peer['seconds']:.1f} s for the call; files: {', '.join(peer['files']) or 'none'}")
        for line in peer["log"].splitlines():
            if "WARNING" in line or "Error" in line:
                print(f"  it said: {line[:300]}")


def main() -> None:
    """Run the benchmark, or one of its parts in a child process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--peer-limit-s", type=float, default=300)
    parser.add_argument("--part", choices=("ours", *KINDS), help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part is None:
        report(options.rows, options.peer_limit_s)
        return
    result = run_ours(options.rows) if options.part == "ours" else run_peer(options.part, options.rows)
    options.answer.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
