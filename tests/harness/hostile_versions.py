"""Hostile models as registered versions: logged by nobody's leave, with the rows they are to be explained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.hostile_models import rows, save

from interp_pipeline.tracking import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow import MlflowClient

__all__ = ["register_hostile"]


def register_hostile(client: MlflowClient, name: str, behave: Callable[..., Any], folder: Path, **values: Any) -> str:
    """Register a model that does this when it predicts. It is logged without being asked for a prediction.

    Args:
        client: the connection.
        name: of the registered model, which must be new.
        behave: as for ``hostile_models.save``.
        folder: for its files.
        values: arguments of ``behave`` beside the rows.

    Returns:
        Its URI.
    """
    saved = save(folder / name, behave, **values)
    run = client.create_run("0")
    for path in (layout.ROWS, layout.BACKGROUND):
        table = saved.parent / path
        table.parent.mkdir(exist_ok=True)
        rows().to_parquet(table)
    client.log_artifacts(run.info.run_id, str(saved.parent))
    client.set_terminated(run.info.run_id)
    client.create_registered_model(name)
    version = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    return f"models:/{name}/{version.version}"
