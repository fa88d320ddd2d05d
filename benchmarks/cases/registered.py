"""End to end: a registered forest of default depth, 200 rows, everything logged, against MLflow's own doors."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring.children import ChildError, ChildTimeoutError, call_in_child
from benchmarks.measuring.records import Figure, Speed
from benchmarks.workload import N_FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings

__all__ = ["explain_registered", "log_explanation", "mlflow_evaluate", "ours", "prepare"]

_ROWS = 200
_TABLE_ROWS = 50_000  # of which a fifth is kept for testing
_LIMIT_S = 900.0
_MODULE = "benchmarks.cases.registered"
_BAR = (10.0, 20.0)
_NAME = "benchmark-forest"
_PEERS = {"mlflow_evaluate": "mlflow.models.evaluate", "log_explanation": "mlflow.shap.log_explanation"}


def explain_registered(settings: Settings) -> Iterator[Record]:
    """Ours cold and warm, then both peers, each in a process and with a limit of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = 1_000 if settings.tiny else _TABLE_ROWS // 5 if settings.quick else _TABLE_ROWS
        case = (
            f"forest of default depth on {rows * 4 // 5:,} rows, registered; {_ROWS} rows explained, everything logged"
        )
        call_in_child(f"{_MODULE}:prepare", {"table_rows": rows}, limit_s=_LIMIT_S, folder=folder)
        cold = call_in_child(f"{_MODULE}:ours", {}, limit_s=_LIMIT_S, folder=folder)
        yield Figure(case=case, what="ours, cold", value=cold["cold_s"], unit="s", remark=cold["remark"])
        yield Figure(case=case, what="ours, warm", value=cold["warm_s"], unit="s")
        n_peers = 0 if settings.tiny else 1 if settings.quick else 2
        for peer, name in list(_PEERS.items())[:n_peers]:
            yield _against(case, peer, name, cold, settings, folder)


def _against(case: str, peer: str, name: str, taken: dict[str, Any], settings: Settings, folder: Path) -> Speed:
    """Our warm call against one of MLflow's; a peer that is stopped is taken to need the limit."""
    limit = settings.peer_limit_s
    stopped = None
    try:
        answer = call_in_child(f"{_MODULE}:{peer}", {}, limit_s=limit, folder=folder)
        seconds, remark = float(answer["seconds"]), str(answer["remark"])
    except ChildTimeoutError:
        seconds, stopped, remark = limit, limit, f"stopped after {limit:.0f} s: the ratio is a lower bound"
    except ChildError as failure:
        seconds, remark = 0.0, f"failed: {str(failure)[:200]}"
    ratio = seconds / taken["warm_s"] if seconds else None
    return Speed(
        case=case,
        peer=name,
        threads=int(taken["threads"]),
        repeats=1,
        rows=_ROWS,
        rows_per_s=_ROWS / taken["warm_s"],
        rows_per_cpu_s=_ROWS / taken["warm_cpu_s"],
        error=taken["additivity"],
        error_is="additivity; the peer logs no values to check",
        memory_mb=taken["memory_mb"],
        peer_rows=_ROWS,
        peer_rows_per_s=_ROWS / seconds if seconds else None,
        peer_stopped_s=stopped,
        ratio=ratio,
        ratio_low=ratio,
        ratio_high=ratio,
        must=_BAR[0],
        aim=_BAR[1],
        remark=remark,
    )


def prepare(table_rows: int) -> None:
    """Train and register ours, and log the same forest bare for the peers; runs in a child process."""
    import mlflow
    import pandas as pd

    from benchmarks.workload import make_data
    from interp_pipeline.config import TrainConfig
    from interp_pipeline.data.dataset import load_dataset
    from interp_pipeline.data.typed_rows import TypedRows
    from interp_pipeline.steps.train import train
    from interp_pipeline.training.random_forest import fit_random_forest

    data = make_data(table_rows)
    frame = pd.DataFrame(data.train, columns=[f"f{i}" for i in range(N_FEATURES)])
    frame["target"] = pd.Series(data.classes).map({0.0: "no", 1.0: "yes"})
    frame.to_parquet("table.parquet")
    config = TrainConfig()
    train("table.parquet", _NAME, config)
    dataset = load_dataset("table.parquet", config)
    model = fit_random_forest(dataset.train, dataset.schema, config, lambda _n: None)
    test = dataset.test.head(_ROWS)
    asked = pd.DataFrame(TypedRows(dataset.schema.to_dict()["features"]).to_matrix(test), columns=frame.columns[:-1])
    info = mlflow.sklearn.log_model(model.estimator, name="model", skops_trusted_types=["sklearn.tree._tree.Tree"])
    Path("bare.txt").write_text(info.model_uri, encoding="utf-8")
    asked["target"] = dataset.target(test)
    asked.to_parquet("asked.parquet")


def ours() -> dict[str, Any]:
    """Explain and publish twice in one process; runs in a child process."""
    started = time.perf_counter()
    from benchmarks.measuring.memory import process_peak_mb
    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.kernels.threads import thread_count
    from interp_pipeline.steps.explain import explain

    def publish() -> Any:
        return explain(f"models:/{_NAME}/1", ExplainConfig(rows=_ROWS))

    explained = publish()
    cold = time.perf_counter() - started
    wall, cpu = time.perf_counter(), time.process_time()
    publish()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    shap = explained.shap
    error = abs(shap.values.sum(axis=1) + shap.base_values - shap.predictions).max()
    return {
        "cold_s": cold,
        "warm_s": wall,
        "warm_cpu_s": cpu,
        "additivity": float(error),
        "threads": thread_count(),
        "memory_mb": process_peak_mb(),
        "remark": f"{shap.method}, with all imports",
    }


def mlflow_evaluate() -> dict[str, Any]:
    """MLflow's evaluate with its SHAP evaluator on the bare forest; runs in a child process."""
    import mlflow
    import pandas as pd

    asked = pd.read_parquet("asked.parquet")
    started = time.perf_counter()
    with mlflow.start_run() as run:
        mlflow.models.evaluate(  # type: ignore[no-untyped-call]  # mlflow's own
            Path("bare.txt").read_text(encoding="utf-8"),
            asked,
            targets="target",
            model_type="classifier",
            evaluators=["default", "shap"],
            evaluator_config={"shap": {"log_explainer": False}},
        )
    return _logged(run.info.run_id, started)


def log_explanation() -> dict[str, Any]:
    """MLflow's ``shap.log_explanation`` of the bare forest's probabilities; runs in a child process."""
    import mlflow
    import pandas as pd

    asked = pd.read_parquet("asked.parquet").drop(columns="target")
    forest = mlflow.sklearn.load_model(Path("bare.txt").read_text(encoding="utf-8"))
    started = time.perf_counter()
    with mlflow.start_run() as run:
        mlflow.shap.log_explanation(forest.predict_proba, asked)
    return _logged(run.info.run_id, started)


def _logged(run_id: str, started: float) -> dict[str, Any]:
    """Seconds since the start, and which files they left."""
    import mlflow

    seconds = time.perf_counter() - started
    files = [item.path for item in mlflow.MlflowClient().list_artifacts(run_id)]
    return {"seconds": seconds, "remark": f"files: {', '.join(files) or 'none'}"}
