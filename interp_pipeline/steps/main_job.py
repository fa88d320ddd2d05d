"""The main job: train both kinds of model on one table, explain both, compare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.config import CompareConfig, ExplainConfig, ModelKind, TrainConfig
from interp_pipeline.names import data_name, default_model_name, model_name
from interp_pipeline.progress import SilentProgress
from interp_pipeline.steps.compare import compare
from interp_pipeline.steps.explain import explain
from interp_pipeline.steps.train import train
from interp_pipeline.tracking.runs.run_writer import describe_parent
from interp_pipeline.tracking.server.open_run import open_run
from interp_pipeline.tracking.server.session import connect

if TYPE_CHECKING:
    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.server.session import Session

__all__ = ["MainJob", "run_main_job"]

_KINDS: tuple[ModelKind, ...] = ("random_forest", "keras")


@dataclass(frozen=True, kw_only=True)
class MainJob:
    """What the main job left behind."""

    run_id: str  # the parent run
    model_uris: tuple[str, ...]
    comparison_run_id: str | None


def run_main_job(
    data: str,
    *,
    target: str = "target",
    positive_class: str | None = None,
    name_prefix: str | None = None,
    rows: int = 200,
    session: Session | None = None,
    progress: Progress | None = None,
) -> MainJob:
    """Train a random forest and a Keras network, explain both on the same rows, compare them.

    Args:
        data: CSV or Parquet file or folder: local, ``s3://`` or http(s); or ``german_credit``.
        target: the column to predict.
        positive_class: of a binary target; None: inferred.
        name_prefix: registered names become ``<prefix>-random-forest`` and ``<prefix>-keras``; None
            takes the name of the data.
        rows: how many rows to explain.
        session: the connection; None makes one by MLflow's own setting.
        progress: listens.

    Raises:
        UsageError: a wrong name or option, or data that cannot be used.
        ModelError: an explanation failed its checks.
        TrackingError: the tracking server or a storage does not answer.
    """
    progress = progress or SilentProgress()
    session = session or connect()
    explain_config = ExplainConfig(rows=rows)
    with open_run(session, f"train, explain, compare {name_prefix or data_name(data)}"[:200]) as run_id:
        versions: list[RegisteredVersion] = []
        for kind in _KINDS:
            config = TrainConfig(kind=kind, target=target, positive_class=positive_class)
            name = model_name(name_prefix, kind) if name_prefix else default_model_name(data, kind)
            trained = train(data, name, config, session=session, progress=progress)
            versions.append(explain(trained.uri, explain_config, session=session, progress=progress).version)
        uris = [version.uri for version in versions]
        compared = compare(
            uris, CompareConfig(rows=rows), explain_config=explain_config, session=session, progress=progress
        )
        if compared.run_id is not None:
            describe_parent(session.client, run_id, versions, compared.run_id)
    progress.say(f"Registered and explained {' and '.join(uris)}; see them with: mlflow ui")
    return MainJob(run_id=run_id, model_uris=tuple(uris), comparison_run_id=compared.run_id)
